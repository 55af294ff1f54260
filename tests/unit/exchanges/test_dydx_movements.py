"""Rows of the indexer's history as movements: all of each is understood, or the whole is refused."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.exchanges.dydx.fields import instant_of, iso, symbol_of
from reconcile_actors.exchanges.dydx.movements import Reader, Row
from reconcile_actors.exchanges.port import ExchangeFailureError

ADDRESS = "dydx14zzueazeh0hj67cghhf9jypslcf9sh2n5k6art"
USDC = Leg("perp", "USDC", Field.TOTAL)
AT = 1_760_000_000_123_000
READER = Reader("main", "perp", ADDRESS, 0)
OTHER = {"address": "dydx1other", "subaccountNumber": 0}
OWN = {"address": ADDRESS, "subaccountNumber": 0}

FILL: Row = {
    "id": "F1",
    "side": "SELL",
    "liquidity": "TAKER",
    "type": "LIMIT",
    "market": "BTC-USD",
    "marketType": "PERPETUAL",
    "price": "60000.5",
    "size": "0.25",
    "fee": "7.5",
    "createdAt": iso(AT),
    "orderId": "O1",
    "subaccountNumber": 0,
}
TRANSFER: Row = {
    "id": "W1",
    "sender": OWN,
    "recipient": OTHER,
    "size": "5",
    "symbol": "USDC",
    "type": "TRANSFER_OUT",
    "createdAt": iso(AT),
}
FUNDING: Row = {
    "createdAt": iso(AT),
    "ticker": "BTC-USD",
    "payment": "-1.25",
    "side": "LONG",
    "size": "1",
    "subaccountNumber": "0",
}


def test_a_fill_moves_position_and_cash() -> None:
    """With everything that a report of it says."""
    moved = READER.fill(FILL)
    assert moved == Movement(
        exchange="main",
        wallet="perp",
        type=MovementType.FILL,
        id="F1",
        effects={
            Leg("perp", "BTC/USDC:USDC", Field.POSITION): Decimal("-0.25"),
            USDC: Decimal("15000.125") - Decimal("7.5"),
        },
        instrument="BTC/USDC:USDC",
        order_id="O1",
        side="sell",
        occurred_at=AT,
    )


@pytest.mark.parametrize("order_id", [None, "", 7])
def test_a_fill_without_an_order_is_one_all_the_same(order_id: object) -> None:
    """A deleveraging has none."""
    assert READER.fill({**FILL, "orderId": order_id, "type": "DELEVERAGED"}).order_id is None


def test_a_rebate_is_a_negative_fee() -> None:
    """It adds to what a sale brings."""
    assert READER.fill({**FILL, "fee": "-2"}).effects[USDC] == Decimal("15002.125")


@pytest.mark.parametrize(
    ("kind", "parties", "amount"),
    [
        ("DEPOSIT", (OTHER, OWN), "5"),
        ("TRANSFER_IN", (OTHER, OWN), "5"),
        ("WITHDRAWAL", (OWN, OTHER), "-5"),
        ("TRANSFER_OUT", (OWN, OTHER), "-5"),
        ("BRIDGED", (OTHER, OWN), "5"),
        ("BRIDGED", (OWN, OTHER), "-5"),
    ],
)
def test_a_transfer_counts_by_its_type_else_by_who_gets_it(
    kind: str, parties: tuple[object, object], amount: str
) -> None:
    """A type that is not known is no reason to lose it."""
    moved = READER.transfer({**TRANSFER, "type": kind, "sender": parties[0], "recipient": parties[1]})
    assert (moved.type, moved.instrument, moved.effects) == (MovementType.TRANSFER, "USDC", {USDC: Decimal(amount)})


def test_a_payment_has_no_id() -> None:
    """Its name is its symbol and time."""
    moved = READER.funding(FUNDING)
    assert (moved.id, moved.type, moved.instrument) == (None, MovementType.FUNDING, "BTC/USDC:USDC")
    assert moved.effects == {USDC: Decimal("-1.25")}
    assert moved.name == "funding:BTC/USDC:USDC@2025-10-09T08:53:20.123000+00:00"
    assert READER.funding({**FUNDING, "payment": "0"}).effects == {}


@pytest.mark.parametrize(
    ("read", "row", "code"),
    [
        (READER.fill, {**FILL, "id": None}, "no_id"),
        (READER.fill, {**FILL, "id": "a b"}, "no_id"),
        (READER.fill, {**FILL, "market": "BTC"}, "unknown_market"),
        (READER.fill, {**FILL, "marketType": "SPOT"}, "unknown_market"),
        (READER.fill, {**FILL, "side": "HOLD"}, "fill_row"),
        (READER.fill, {**FILL, "side": None}, "no_side"),
        (READER.fill, {**FILL, "size": "0"}, "fill_row"),
        (READER.fill, {**FILL, "price": "-1"}, "fill_row"),
        (READER.fill, {**FILL, "fee": None}, "bad_fee"),
        (READER.fill, {**FILL, "createdAt": "yesterday"}, "no_createdAt"),
        (READER.fill, {**FILL, "createdAt": "2026-02-30T00:00:00Z"}, "no_createdAt"),
        (READER.fill, {**FILL, "subaccountNumber": 1}, "another_subaccount"),
        (READER.transfer, {**TRANSFER, "size": "-5"}, "transfer_row"),
        (READER.transfer, {**TRANSFER, "symbol": "DYDX"}, "transfer_row"),
        (READER.transfer, {**TRANSFER, "type": "BRIDGED", "sender": OTHER}, "another_subaccount"),
        (READER.transfer, {**TRANSFER, "type": "BRIDGED", "sender": None, "recipient": "x"}, "another_subaccount"),
        (READER.funding, {**FUNDING, "ticker": None}, "unknown_market"),
        (READER.funding, {**FUNDING, "payment": "x"}, "bad_payment"),
        (READER.funding, {**FUNDING, "subaccountNumber": "129"}, "another_subaccount"),
    ],
)
def test_what_is_not_understood_is_refused(read: Callable[[Row], Movement], row: Row, code: str) -> None:
    """By a constant word."""
    with pytest.raises(ExchangeFailureError, match=rf"bad_data: {code}$"):
        read(row)


def test_symbols_are_those_of_ccxt() -> None:
    """The base before the dash, in ccxt's names; what is no market has none."""
    assert [symbol_of(one) for one in ("BTC-USD", "xbt-USD", "BTC-EUR", "-USD", None, 7)] == [
        "BTC/USDC:USDC",
        "BTC/USDC:USDC",
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-10-09T08:53:20.123Z", AT),
        ("2025-10-09T08:53:20.123456Z", AT + 456),
    ],
)
def test_times_are_exact(text: str, at: int) -> None:
    """To the microsecond, and never through a float; what is asked for is cut to milliseconds."""
    assert instant_of({"createdAt": text}) == at
    assert instant_of({"createdAt": iso(at)}) == at // 1000 * 1000
