"""A gateway of one's own: whatever fulfils the port can be reconciled, which is how further exchanges are added."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors import ReconciliationReport, ReconciliationSystem
from reconcile_actors.domain.balances import Balance, Field
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Bracket, Snapshot
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeGateway, History
from reconcile_actors.messages import ReconcileNow, SetBalances, StatedBalance

CONFIG = """
[exchanges.own]
id = "kraken"
"""


class Vault:
    """A cold wallet that holds one coin and never moves."""

    facts = AdapterFacts(
        lag_seconds=1.0,
        authoritative=frozenset({Field.TOTAL}),
        zeros_omitted=False,
        fee_reserve=Decimal(0),
        poll_seconds=1.0,
        history_seconds=5.0,
        detection_seconds=4.0,
    )

    async def read(self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False) -> Snapshot:
        """One balance, read in no time."""
        now_us, now_at = time.monotonic_ns() // 1000, time.time_ns() // 1000
        balances = {("spot", "BTC"): Balance("BTC", Decimal(21))}
        return Snapshot("own", "all", Bracket(now_us, now_us, now_at, now_at), balances, {}, "digest", "raw")

    async def history(self, since_at: int, *, timeout_seconds: float, confirming: bool = False) -> History:
        """Nothing ever happens."""
        return History((), since_at, time.time_ns() // 1000)

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:
        """So there is nothing to say of it."""
        return movements

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """And nobody quotes it."""
        return {}

    async def close(self) -> None:
        """Nothing is open."""


async def _open_vault() -> ExchangeGateway:
    return Vault()


@pytest.mark.parametrize(("total", "status"), [("21", "matched"), ("20", "discrepant")])
def test_a_gateway_of_ones_own_is_reconciled(tmp_path: Path, total: str, status: str) -> None:
    """The account matches what the vault holds, and differs from anything else."""
    (tmp_path / "config.toml").write_text(CONFIG)
    stated = (StatedBalance(currency="BTC", total=Decimal(total)),)

    async def story() -> object:
        system = ReconciliationSystem.open(tmp_path / "config.toml", gateways={"own": _open_vault}, standalone=True)
        async with system:
            await system.record(SetBalances(exchange="own", version=1, balances=stated))
            return await system.ask(ReconcileNow(exchange="own"), timeout=30)

    report = asyncio.run(story())
    assert isinstance(report, ReconciliationReport)
    assert report.status.value == status
