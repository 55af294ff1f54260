"""What five accounts at once take beside one: they share the process, the ledger and the machine, and wait side by side."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from reconcile_actors.messages import ReconcileAll
from tests.bench.exchange import Exchange
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target
from tests.bench.service import full_pass, make_settings, statement, unlimited_gateways

_NAMES = ("first", "second", "third", "fourth", "fifth")


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    currencies = size.pick(50, 3)
    with Exchange(_NAMES, currencies=currencies, latency_seconds=size.pick(0.1, 0.0)) as exchange:
        all_five, one = asyncio.run(_runs(exchange, size.pick(12, 1), directory))
    return [
        Line(
            f"five accounts at once, {currencies} currencies each",
            "ms",
            Spread.of(all_five),
            Spread.of(one),
            Target(Bound.RATIO_BELOW, 1.2),
            "bare: one account of the same running system, in turns with all five",
        )
    ]


async def _runs(exchange: Exchange, runs: int, directory: Path) -> tuple[list[float], list[float]]:
    keys = {name: exchange.keys[name] for name in _NAMES}
    settings = make_settings(directory, exchange.base_url, keys)
    all_five: list[float] = []
    one: list[float] = []
    async with ReconciliationSystem.open(settings, gateways=unlimited_gateways(settings)) as system:
        for name in _NAMES:
            await system.record(statement(name, 1, exchange.balances(name)))
        for name in _NAMES:
            await full_pass(system, name)
        for _ in range(runs):
            started = time.perf_counter()
            reports = await system.ask(ReconcileAll(), timeout=60)
            between = time.perf_counter()
            await full_pass(system, _NAMES[0])
            all_five.append((between - started) * 1000)
            one.append((time.perf_counter() - between) * 1000)
            assert isinstance(reports, tuple)
            assert all(report.status.value == "matched" for report in reports), "an unknown would be quick"
    return all_five, one


FIGURE = Figure("accounts_at_once", "five accounts beside one", measure)
