"""How long a full pass takes where a round trip to the exchange takes 100 ms: balances, ledger, comparison, report on disk."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from tests.bench.baselines import bare_ccxt
from tests.bench.exchange import Exchange
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target, baseline
from tests.bench.service import full_pass, make_settings, statement, unlimited_gateways

_CURRENCIES = 50
_LATENCY_SECONDS = 0.1


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    currencies = size.pick(_CURRENCIES, 3)
    latency_seconds = size.pick(_LATENCY_SECONDS, 0.0)
    with Exchange(("ours", "bare"), currencies=currencies, latency_seconds=latency_seconds) as exchange:
        ours, bare = asyncio.run(_runs(exchange, size.pick(15, 1), directory))
    return [
        Line(
            f"full pass, {currencies} currencies, round trip {latency_seconds * 1000:.0f} ms",
            "ms",
            Spread.of(ours),
            Spread.of(bare),
            Target(Bound.VALUE_BELOW, 300),
            "the bare script fetches balances and ledger: two round trips, as the pass does",
        )
    ]


async def _runs(exchange: Exchange, runs: int, directory: Path) -> tuple[list[float], list[float]]:
    settings = make_settings(directory, exchange.base_url, {"ours": exchange.keys["ours"]})
    client = await bare_ccxt.open_client(exchange.base_url, *exchange.keys["bare"])
    ours: list[float] = []
    bare: list[float] = []
    try:
        async with ReconciliationSystem.open(settings, gateways=unlimited_gateways(settings)) as system:
            await system.record(statement("ours", 1, exchange.balances("ours")))
            await full_pass(system, "ours")
            await bare_ccxt.balances_and_ledger(client)
            for _ in range(runs):
                started = time.perf_counter()
                await full_pass(system, "ours")
                between = time.perf_counter()
                await bare_ccxt.balances_and_ledger(client)
                ours.append((between - started) * 1000)
                bare.append((time.perf_counter() - between) * 1000)
    finally:
        await client.close()
    return ours, bare


FIGURE = Figure("pass_latency", "a full pass at 100 ms round trip", measure, (baseline("bare_ccxt"),))
