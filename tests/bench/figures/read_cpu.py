"""What a watch read costs in CPU beside a bare `fetch_balance`: from the request through gate, actors and comparison to the audit."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.messages import GetStatus
from reconcile_actors.messages.views import StatusView
from tests.bench.baselines import bare_ccxt
from tests.bench.exchange import Exchange
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target, baseline
from tests.bench.permits import PermittedGateway
from tests.bench.service import make_settings, statement, unlimited_gateways

_APART_SECONDS = 1.7  # so that one read has one change in its reach, as when balances are read every two seconds
_REST_SECONDS = 0.03  # for the comparison of the last read: the next one asks before it is done


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    currencies = size.pick(500, 3)
    with Exchange(("ours", "bare"), currencies=currencies) as exchange:
        same, changed = asyncio.run(_runs(exchange, size, directory))
    note = "CPU of the client's process alone, history reads aside; the exchange runs in another process"
    about = "the changes are told to the book before, which is not counted"
    return [
        Line(
            f"read of {currencies} currencies, nothing changed",
            "ms CPU",
            Spread.of(same[0]),
            Spread.of(same[1]),
            Target(Bound.RATIO_BELOW, 1.2),
            note,
        ),
        Line(
            f"read of {currencies} currencies, all changed",
            "ms CPU",
            Spread.of(changed[0]),
            Spread.of(changed[1]),
            Target(Bound.RATIO_BELOW, 2.0),
            f"{note}; {about}",
        ),
    ]


class _Bench:
    def __init__(self, system: ReconciliationSystem, gateway: PermittedGateway, fetch: Callable[[], Awaitable[None]]):
        self._system = system
        self._gateway = gateway
        self._fetch = fetch

    async def ours(self, reads: int) -> float:
        """CPU milliseconds a read."""
        started = time.process_time()
        await asyncio.wrap_future(self._gateway.permit(reads))
        await asyncio.sleep(_REST_SECONDS)
        spent = time.process_time() - started
        status = await self._system.ask(GetStatus(), timeout=10)
        assert isinstance(status, StatusView)
        assert status.accounts[0].status == "matched", "an unknown would be cheap"
        return spent / reads * 1000

    async def bare(self, reads: int) -> float:
        """The same of the bare script."""
        started = time.process_time()
        for _ in range(reads):
            await self._fetch()
        return (time.process_time() - started) / reads * 1000


async def _runs(
    exchange: Exchange, size: Size, directory: Path
) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
    # patient, so that a read may wait for its permit while the bare script has its turn
    patience = "timeout_seconds = 60\ndetection_target_seconds = 60"
    settings = make_settings(directory, exchange.base_url, {"ours": exchange.keys["ours"]}, patience)
    made: Future[PermittedGateway] = Future()

    async def permitted() -> ExchangeGateway:
        gateway = PermittedGateway(await unlimited_gateways(settings)["ours"]())
        made.set_result(gateway)
        return gateway

    client = await bare_ccxt.open_client(exchange.base_url, *exchange.keys["bare"])
    try:
        async with ReconciliationSystem.open(settings, gateways={"ours": permitted}) as system:
            await system.record(statement("ours", 1, exchange.balances("ours")))
            bench = _Bench(system, await asyncio.wrap_future(made), lambda: bare_ccxt.balances(client))
            await bench.ours(3)
            await bench.bare(3)
            same = await _same(bench, size)
            changed = await _changed(bench, system, exchange, size)
    finally:
        await client.close()
    return same, changed


async def _same(bench: _Bench, size: Size) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(size.pick(7, 1)):
        ours.append(await bench.ours(size.pick(30, 1)))
        bare.append(await bench.bare(size.pick(30, 1)))
    return ours, bare


async def _changed(
    bench: _Bench, system: ReconciliationSystem, exchange: Exchange, size: Size
) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    for version in range(2, size.pick(14, 3)):
        await asyncio.sleep(size.pick(_APART_SECONDS, 0.0))
        await system.record(statement("ours", version, exchange.change("ours")))
        ours.append(await bench.ours(1))
        exchange.change("bare")
        bare.append(await bench.bare(1))
    return ours, bare


FIGURE = Figure("read_cpu", "CPU of a read beside bare fetch_balance", measure, (baseline("bare_ccxt"),))
