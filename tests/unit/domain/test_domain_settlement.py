"""What the fill of a contract moves follows from the exchange's declared settlement, the same for report and history."""

from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Recording
from reconcile_actors.domain.movements import fill_effects
from reconcile_actors.domain.settlement import Settlement, settlement_of
from tests.unit.domain.domain_values import at, statement, transfer, us

PERP, USDC = Leg("perp", "BTC/USDC:USDC", Field.POSITION), Leg("perp", "USDC", Field.TOTAL)


def test_dydx_settles_the_notional_and_others_apart() -> None:
    """The declaration is by exchange id."""
    assert settlement_of("dydx") is Settlement.NOTIONAL
    assert settlement_of("kraken") is settlement_of("binance") is Settlement.APART


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1)])
def test_a_notional_fill_pays_for_the_position(side: str, sign: int) -> None:
    """The position moves by the quantity, and cash by quantity x price the other way, less the fee."""
    moved = fill_effects(
        "perp",
        "BTC/USDC:USDC",
        side,
        Decimal("0.25"),
        Decimal("60000.5"),
        fee_currency="USDC",
        fee=Decimal("7.5"),
        settlement=Settlement.NOTIONAL,
    )
    assert moved == {PERP: sign * Decimal("0.25"), USDC: -sign * Decimal("15000.125") - Decimal("7.5")}


def test_a_stated_cost_counts_before_quantity_x_price() -> None:
    """An exchange that rounds what a contract costs says so."""
    moved = fill_effects(
        "perp",
        "BTC/USDC:USDC",
        "buy",
        Decimal(1),
        Decimal(3),
        cost=Decimal("2.9"),
        settlement=Settlement.NOTIONAL,
    )
    assert moved[USDC] == Decimal("-2.9")


def test_spot_fills_do_not_depend_on_it() -> None:
    """Base against quote, whatever an exchange's contracts do."""
    apart, notional = (
        fill_effects("spot", "BTC/USDC", "buy", Decimal(1), Decimal(3), settlement=one) for one in Settlement
    )
    assert apart == notional


@pytest.mark.parametrize(("settlement", "operations"), [(Settlement.NOTIONAL, 1), (Settlement.APART, 0)])
def test_with_notional_settlement_a_transfer_rounds_too(settlement: Settlement, operations: int) -> None:
    """It settles the funding that was owed, down to what the exchange can hold; elsewhere a transfer is exact."""
    book = Book("sim", ("spot",), settlement=settlement)
    for change in (statement(1, {"USDC": "100"}), transfer("W1", "-1", 0.0, "USDC")):
        proposal = book.propose(change, at(0.0))
        assert isinstance(proposal, Recording)
        book.apply(proposal, us(0.0))
    assert book.operations.get(Leg("spot", "USDC", Field.TOTAL), 0) == operations
