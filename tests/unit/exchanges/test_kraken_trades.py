"""Fills get what only their trades know."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.kraken.trades import PAGES_MAX, with_trades
from reconcile_actors.exchanges.port import ExchangeFailureError
from tests.unit.exchanges.exchange_fakes import START_AT, FakeClient, VirtualTime, result

FILL = Movement(
    exchange="main",
    wallet="spot",
    type=MovementType.FILL,
    id="T1",
    effects={Leg("spot", "BTC", Field.TOTAL): Decimal(1), Leg("spot", "USD", Field.TOTAL): Decimal(-5)},
    occurred_at=START_AT,
)
TRADE = {"ordertxid": "O1", "pair": "XXBTZUSD", "type": "buy"}
DEPOSIT = replace(FILL, type=MovementType.TRANSFER, id="D1")


def enrich(movements: list[Movement], *pages: object) -> tuple[list[Movement], FakeClient]:
    client = FakeClient(VirtualTime(), *(page if isinstance(page, dict) else result(page) for page in pages))

    async def fetch(params: dict[str, object]) -> Answer:
        return await client.call("TradesHistory", params, timeout_seconds=1)

    return asyncio.run(with_trades(movements, fetch)), client


def test_a_fill_gets_market_side_and_order() -> None:
    """The trade names them, in one request for the fill's own time."""
    [fill, deposit], client = enrich([FILL, DEPOSIT], result({"trades": {"T1": TRADE}, "count": 1}))
    assert fill == replace(FILL, instrument="BTC/USD", side="buy", order_id="O1")
    assert deposit is DEPOSIT
    [call] = client.calls
    assert call.params == {"start": START_AT // 1_000_000 - 1, "end": START_AT // 1_000_000 + 1, "ofs": 0}


def test_nothing_to_explain_asks_nothing() -> None:
    """Without a fill whose order is open, no call is spent."""
    known = replace(FILL, order_id="O1")
    got, client = enrich([known, DEPOSIT], {})
    assert got == [known, DEPOSIT]
    assert client.calls == []


def test_a_fill_without_a_trade_stays() -> None:
    """An instant buy has no trade; neither has a fill that the exchange does not list yet."""
    got, _ = enrich([FILL], result({"trades": {}, "count": 0}))
    assert got == [FILL]


def test_pages_are_bounded() -> None:
    """Pages are read until all are found, the list ends, or four are read."""
    other = result({"trades": {"X": TRADE}, "count": 1000})
    _, client = enrich([FILL], other)
    assert len(client.calls) == PAGES_MAX
    _, client = enrich([FILL], other, result({"trades": {"T1": TRADE}, "count": 1000}))
    assert [call.params["ofs"] for call in client.calls] == [0, 1]


def test_an_unknown_market_or_side_is_left_open() -> None:
    """A pair that does not fit the fill's currencies gives no symbol, another word no side."""
    [fill], _ = enrich([FILL], result({"trades": {"T1": {**TRADE, "pair": "XETHZUSD", "type": "?"}}, "count": 1}))
    assert (fill.instrument, fill.side, fill.order_id) == (None, None, "O1")


@pytest.mark.parametrize(
    "content",
    [
        {"error": ["E"]},
        result({"trades": {}}),
        result({"trades": [], "count": 0}),
        result({"trades": {"T1": {}}, "count": 1}),
    ],
)
def test_a_page_that_is_not_understood_is_a_failure(content: dict[str, object]) -> None:
    """Trades are read with the same distrust as everything."""
    with pytest.raises(ExchangeFailureError):
        enrich([FILL], content)
