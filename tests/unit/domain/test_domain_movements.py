"""What a fill moves, and when two movements are one and the same event."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import (
    Movement,
    MovementType,
    fill_effects,
    has_value,
    merge,
    same_content,
    same_key,
    value_of,
)

BTC, USD, BNB = (Leg("spot", currency, Field.TOTAL) for currency in ("BTC", "USD", "BNB"))
LOCKED = Leg("spot", "USD", Field.LOCKED)
FILL = Movement("x", "spot", MovementType.FILL, "T1", {BTC: Decimal(1)}, "BTC/USD", "O1", "buy", 5)


def test_a_buy_gains_the_base_and_pays_the_quote() -> None:
    """A spot fill moves two currencies, its fee a third."""
    effects = fill_effects(
        "spot", "BTC/USD", "buy", Decimal("0.5"), Decimal(60000), fee_currency="BNB", fee=Decimal("0.01")
    )
    assert effects == {BTC: Decimal("0.5"), USD: Decimal(-30000), BNB: Decimal("-0.01")}


def test_a_sell_loses_the_base_and_the_fee_lowers_the_proceeds() -> None:
    """A fee in the quote currency is part of that leg."""
    effects = fill_effects(
        "spot", "BTC/USD", "sell", Decimal("0.5"), Decimal(60000), fee_currency="USD", fee=Decimal(30)
    )
    assert effects == {BTC: Decimal("-0.5"), USD: Decimal(29970)}


def test_a_rebate_is_a_negative_fee() -> None:
    """What the exchange pays the maker adds to the account."""
    effects = fill_effects(
        "spot", "BTC/USD", "sell", Decimal(1), Decimal(100), fee_currency="USD", fee=Decimal("-0.02")
    )
    assert effects[USD] == Decimal("100.02")


def test_the_cost_that_the_exchange_states_wins() -> None:
    """Exchanges round a fill's cost; what they state is what they booked."""
    effects = fill_effects("spot", "BTC/USD", "buy", Decimal("0.3"), Decimal("0.11"), cost=Decimal("0.03"))
    assert effects[USD] == Decimal("-0.03")


@pytest.mark.parametrize(("side", "quantity"), [("buy", 2), ("sell", -2)])
def test_a_contract_moves_the_position_alone(side: str, quantity: int) -> None:
    """Cash moves with settlement, not with the fill; the fee is cash at once."""
    effects = fill_effects(
        "swap", "BTC/USDC:USDC", side, Decimal(2), Decimal(60000), fee_currency="USDC", fee=Decimal(12)
    )
    assert effects == {
        Leg("swap", "BTC/USDC:USDC", Field.POSITION): Decimal(quantity),
        Leg("swap", "USDC", Field.TOTAL): Decimal(-12),
    }


def test_legs_that_cancel_out_are_left_out() -> None:
    """A merged effect names only what moves."""
    assert merge({BTC: Decimal(1), USD: Decimal(-5)}, {USD: Decimal(5)}) == {BTC: Decimal(1)}
    assert merge() == {}


@pytest.mark.parametrize("part", ["instrument", "order_id", "side"])
def test_an_omitted_key_part_matches_anything(part: str) -> None:
    """Whichever side leaves a part out, it is the same event; a part that differs makes it another."""
    values: dict[str, str] = {part: "other"}
    assert same_key(FILL, replace(FILL, **{part: None}))
    assert same_key(replace(FILL, **{part: None}), FILL)
    assert not same_key(FILL, replace(FILL, **values))


@pytest.mark.parametrize(
    "other", [{"id": "T2"}, {"id": None}, {"exchange": "y"}, {"wallet": "swap"}, {"type": MovementType.FEE}]
)
def test_account_wallet_type_and_id_always_count(other: dict[str, str]) -> None:
    """None of these may be left out or differ."""
    assert not same_key(FILL, replace(FILL, **other))


def test_movements_without_id_are_never_the_same() -> None:
    """Two that nobody numbered may both have happened."""
    nameless = replace(FILL, id=None)
    assert not same_key(nameless, nameless)


def test_times_and_formatting_are_no_content() -> None:
    """Content is the numeric signed effect, locks and zeros aside."""
    assert same_content({BTC: Decimal("1.0")}, {BTC: Decimal(1), LOCKED: Decimal(-5), USD: Decimal(0)})
    assert not same_content({BTC: Decimal(1)}, {BTC: Decimal(-1)})
    assert same_key(FILL, replace(FILL, occurred_at=99))


def test_locks_are_no_value() -> None:
    """What only locks moves nothing."""
    assert not has_value({LOCKED: Decimal(5), BTC: Decimal(0)})
    assert value_of({LOCKED: Decimal(5), BTC: Decimal(2)}) == {BTC: Decimal(2)}


def test_the_key_as_text_is_unambiguous() -> None:
    """Parts that are moved by a place make another key."""
    one, two = replace(FILL, order_id="A", side=None), replace(FILL, order_id=None, side="A")
    assert one.key_text() != two.key_text()
    assert one.key_text().split("\x1f") == ["x", "spot", "fill", "BTC/USD", "T1", "A", ""]
