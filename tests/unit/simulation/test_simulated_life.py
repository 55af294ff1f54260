"""The frame that every simulated exchange stands on: how it starts, stops, starts again, and how requests pass its front."""

import asyncio
import urllib.error
import urllib.request

import aiohttp
import pytest

from reconcile_actors.simulation import (
    Fault,
    FaultOptions,
    SimulatedBinance,
    SimulatedCoinbase,
    SimulatedDydx,
    SimulatedKraken,
)
from reconcile_actors.simulation.served import ServedExchange

PUBLIC = {
    SimulatedKraken: ("Time", "/0/public/Time"),
    SimulatedBinance: ("time", "/api/v3/time"),
    SimulatedCoinbase: ("time", "/api/v3/brokerage/time"),
    SimulatedDydx: ("time", "/v4/time"),
}
EACH = pytest.mark.parametrize("kind", PUBLIC)


async def get(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        await response.read()
        return response.status


@EACH
def test_a_restart_is_found_where_it_was(kind: type[ServedExchange]) -> None:
    """The port outlives a stop, whichever loop comes next; faults and the log are the exchange's, not the server's."""
    exchange = kind()
    endpoint, path = PUBLIC[kind]

    async def life() -> str:
        async with exchange:
            assert await get(f"{exchange.base_url}/some.host{path}") == 200
            return exchange.base_url

    with pytest.raises(RuntimeError, match="not started"):
        _ = exchange.base_url
    first = asyncio.run(life())
    exchange.faults.next(endpoint, Fault.HTTP_503)
    assert asyncio.run(answered_slowly(exchange)) == (first, 503, 200)
    assert len(exchange.requests.of(endpoint)) == 3


async def answered_slowly(exchange: ServedExchange) -> tuple[str, int, int]:
    endpoint, path = PUBLIC[type(exchange)]
    async with exchange:
        broken = await get(exchange.base_url + path)
        exchange.faults.always(endpoint, Fault.SLOW, options=FaultOptions(seconds=3600))
        slow = asyncio.create_task(get(exchange.base_url + path))
        while not slow.done():
            exchange.faults.clear()
            await asyncio.sleep(0)
        return exchange.base_url, broken, await slow


@EACH
def test_a_thread_takes_what_the_constructor_takes(kind: type[ServedExchange]) -> None:
    """`start_in_thread` is the constructor and a running server; closing it frees the port."""
    with kind.start_in_thread(seed=7, lifetime_seconds=60) as exchange:
        assert isinstance(exchange, kind)
        assert exchange.seed == 7
        with urllib.request.urlopen(exchange.base_url + PUBLIC[kind][1], timeout=10) as response:
            assert response.status == 200
        url = exchange.base_url
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=10)
    with pytest.raises(TypeError):
        kind.start_in_thread(seeds=7)


def test_an_indexer_answers_reads_alone() -> None:
    """What is not asked with GET does not exist."""

    async def ask() -> int:
        async with (
            SimulatedDydx() as dydx,
            aiohttp.ClientSession() as session,
            session.post(f"{dydx.base_url}/v4/time") as response,
        ):
            return response.status

    assert asyncio.run(ask()) == 404


def test_what_an_address_used_outlives_a_restart() -> None:
    """The counters are the address's and not the server's."""
    binance = SimulatedBinance(clock=lambda: 1_700_000_000.0)

    async def used() -> str:
        async with (
            binance,
            aiohttp.ClientSession() as session,
            session.get(f"{binance.base_url}/api/v3/time") as response,
        ):
            return response.headers["x-mbx-used-weight-1m"]

    assert [asyncio.run(used()), asyncio.run(used())] == ["1", "2"]
