"""Ledger rows as movements."""

from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.exchanges.kraken.fields import microseconds_of
from reconcile_actors.exchanges.kraken.ledger import LedgerPage, movements_of, read_page
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from tests.unit.exchanges.exchange_fakes import ledger_row, result


def page(*rows: dict[str, object]) -> LedgerPage:
    return read_page(result({"ledger": {f"L{n}": row for n, row in enumerate(rows)}, "count": len(rows)}))


def movements(*rows: dict[str, object]) -> list[Movement]:
    return movements_of("main", page(*rows).rows.values())


def total(currency: str, wallet: str = "spot") -> Leg:
    return Leg(wallet, currency, Field.TOTAL)


def test_a_trade_is_one_fill() -> None:
    """Both sides of a trade, fees taken off, are one fill under the trade's id, with the fractional time exact."""
    [fill] = movements(
        ledger_row("1700000000.123456789", "XXBT", "0.5000000000", refid="T1"),
        ledger_row("1700000000.123456789", "ZUSD", "-30000.0000", refid="T1", fee="48.0000"),
    )
    assert (fill.type, fill.id, fill.wallet, fill.exchange) == (MovementType.FILL, "T1", "spot", "main")
    assert fill.effects == {total("BTC"): Decimal("0.5"), total("USD"): Decimal(-30048)}
    assert fill.occurred_at == 1_700_000_000_123_456
    assert (fill.instrument, fill.order_id, fill.side) == (None, None, None)


def test_a_fee_in_the_base_currency() -> None:
    """The fee counts where its row stands."""
    [fill] = movements(
        ledger_row("1", "XXBT", "0.5", refid="T1", fee="0.001"), ledger_row("1", "ZUSD", "-30000", refid="T1")
    )
    assert fill.effects == {total("BTC"): Decimal("0.499"), total("USD"): Decimal(-30000)}


def test_an_instant_buy_is_one_fill() -> None:
    """`spend` and `receive` under one reference belong together."""
    [fill] = movements(
        ledger_row("1", "ZUSD", "-100", refid="T1", kind="spend", fee="1.5"),
        ledger_row("1", "XXBT", "0.0016", refid="T1", kind="receive"),
    )
    assert fill.type is MovementType.FILL
    assert fill.effects == {total("BTC"): Decimal("0.0016"), total("USD"): Decimal("-101.5")}


@pytest.mark.parametrize(
    ("kind", "subtype", "amount", "expected"),
    [
        ("deposit", "", "5", MovementType.TRANSFER),
        ("withdrawal", "", "-5", MovementType.TRANSFER),
        ("transfer", "spottofutures", "-5", MovementType.TRANSFER),
        ("adjustment", "", "5", MovementType.TRANSFER),
        ("custodytransfer", "", "5", MovementType.TRANSFER),
        ("staking", "", "5", MovementType.REWARD),
        ("staking", "stakingfromspot", "5", MovementType.TRANSFER),
        ("earn", "reward", "5", MovementType.REWARD),
        ("earn", "allocation", "-5", MovementType.TRANSFER),
        ("dividend", "", "5", MovementType.REWARD),
        ("credit", "", "5", MovementType.REWARD),
        ("rollover", "", "-5", MovementType.FEE),
        ("margin", "", "5", MovementType.ADJUSTMENT),
        ("settled", "", "-5", MovementType.ADJUSTMENT),
        ("withdrawal", "", "5", MovementType.ADJUSTMENT),
        ("deposit", "", "-5", MovementType.ADJUSTMENT),
        ("never heard of", "", "5", MovementType.ADJUSTMENT),
    ],
)
def test_types(kind: str, subtype: str, amount: str, expected: MovementType) -> None:
    """Every type has its place in the book, and one that is new is not left out."""
    [movement] = movements(ledger_row("1", "XXBT", amount, refid="R1", kind=kind, subtype=subtype))
    assert movement.type is expected
    assert movement.instrument == "BTC"
    assert movement.effects == {total("BTC"): Decimal(amount)}


def test_opening_a_margin_position_is_a_fee() -> None:
    """A margin row without an amount books its fee alone."""
    [movement] = movements(ledger_row("1", "ZUSD", "0", refid="T1", kind="margin", fee="0.02"))
    assert movement.type is MovementType.FEE
    assert movement.effects == {total("USD"): Decimal("-0.02")}


def test_a_withdrawal_taken_back_is_an_entry_of_its_own() -> None:
    """The return of a failed withdrawal never changes the content of the withdrawal that was already told."""
    out = ledger_row("1", "XXBT", "-5", refid="A1", kind="withdrawal", fee="0.1")
    back = ledger_row("9", "XXBT", "5", refid="A1", kind="withdrawal", fee="-0.1")
    [first, second] = movements(out, back)
    assert [first] == movements(out)
    assert (second.type, second.effects) == (MovementType.ADJUSTMENT, {total("BTC"): Decimal("5.1")})


def test_a_move_between_wallets_is_one_movement_a_wallet() -> None:
    """What leaves one wallet and comes into another is told for each, under the same id."""
    [one, other] = movements(
        ledger_row("1", "XXBT", "-5", refid="B1", kind="transfer", subtype="spottostaking"),
        ledger_row("1", "XBT.F", "5", refid="B1", kind="transfer", subtype="stakingfromspot"),
    )
    assert {one.wallet: one.effects, other.wallet: other.effects} == {
        "spot": {total("BTC"): Decimal(-5)},
        "flexible": {total("BTC", "flexible"): Decimal(5)},
    }
    assert one.id == other.id == "B1"


def test_without_a_reference_the_row_id_stands() -> None:
    """A row that refers to nothing is known by its own id."""
    [movement] = movements(ledger_row("1", "XXBT", "5", refid="", kind="deposit"))
    assert movement.id == "L0"


def test_what_moves_nothing_is_left_out_unless_it_is_a_fill() -> None:
    """A row of zero is no movement; a fill is known by its id whatever it moved."""
    assert movements(ledger_row("1", "XXBT", "0", refid="R1", kind="transfer")) == []
    [fill] = movements(ledger_row("1", "XXBT", "0", refid="R1"))
    assert fill.effects == {}


def test_movements_stand_in_the_order_of_time() -> None:
    """The newest row comes first from the exchange and last from us."""
    got = movements(
        ledger_row("3", "XXBT", "5", refid="C", kind="deposit"),
        ledger_row("1", "XXBT", "5", refid="B", kind="deposit"),
        ledger_row("1", "XXBT", "5", refid="A", kind="deposit"),
    )
    assert [movement.id for movement in got] == ["A", "B", "C"]


GOOD = ledger_row("1", "XXBT", "5", refid="R1")


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        result(None),
        result([]),
        result({}),
        {"error": ["E"], "result": {"ledger": {}, "count": 0}},
        result({"ledger": [], "count": 0}),
        result({"ledger": {"L1": None}, "count": 1}),
        result({"ledger": {"L1": GOOD}}),
        result({"ledger": {"L1": GOOD}, "count": "1"}),
        result({"ledger": {"L1": GOOD}, "count": 0}),
        *(
            result({"ledger": {"L1": {**GOOD, key: value}}, "count": 1})
            for key, value in [
                ("refid", 5),
                ("refid", "two words"),
                ("asset", None),
                ("asset", "no asset"),
                ("type", None),
                ("amount", None),
                ("amount", "NaN"),
                ("amount", "1e30"),
                ("fee", None),
                ("time", None),
                ("time", "soon"),
                ("time", "-1"),
                ("time", "1700000000000"),
            ]
        ),
    ],
)
def test_a_page_that_is_not_understood_is_a_failure(content: object) -> None:
    """Anything but the known form is bad data for the whole page, never a shorter page."""
    with pytest.raises(ExchangeFailureError) as caught:
        read_page(content)
    assert caught.value.failure is FailureClass.BAD_DATA
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("value", "microseconds"),
    [
        ("1700000000.1234569", 1_700_000_000_123_456),
        (1700000000, 1_700_000_000_000_000),
        ("1.7e9", 1_700_000_000_000_000),
    ],
)
def test_times_are_exact(value: object, microseconds: int) -> None:
    """Times are cut to microseconds and never pass through a float."""
    assert microseconds_of(value) == microseconds
