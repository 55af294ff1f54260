"""Repairs with the real store, real threads and a simulated Kraken: made, told until they are taken over, and kept over a restart."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors import ReconciliationSystem
from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.config import load
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.messages import (
    AcknowledgeAdjustment,
    ApprovalRequested,
    ApproveResolution,
    DiscrepancyResolved,
    GetDiscrepancies,
    GetPortfolio,
    GetStatus,
    IgnoreDiscrepancy,
    Message,
    PortfolioAdjusted,
    Recorded,
    RecordFill,
    SetBalances,
)
from reconcile_actors.messages.views import PortfolioView, StatusView
from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.system_desk import (
    PATIENCE_SECONDS,
    listening,
    opening,
    reconcile,
    stock,
    totals,
    trade,
    write_settings,
)

LINES = 'local_lag_seconds = 0.5\nmode = "recover"'


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=21, tier=None) as exchange:
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    stock(kraken.user)
    return write_settings(tmp_path, kraken.base_url, {"main": kraken.user}, LINES)


def held(kraken: SimulatedKraken) -> dict[str, Decimal]:
    """What the exchange holds, by unified code."""
    codes = {"XXBT": "BTC", "ZUSD": "USD"}
    return {codes[asset]: one.balance for asset, one in kraken.user.account.holdings().items() if asset in codes}


def overstated(kraken: SimulatedKraken) -> SetBalances:
    """An opening that says 500 USD too much: nothing in the exchange's history explains that."""
    true = opening("main", kraken.user)
    rows = [
        one.model_copy(update={"total": one.total + 500, "available": None}) if one.currency == "USD" else one
        for one in true.balances
    ]
    return true.model_copy(update={"balances": tuple(rows)})


async def command(system: ReconciliationSystem, message: Message) -> str:
    """Gives it, and what was answered."""
    answer = await system.ask(message, timeout=PATIENCE_SECONDS)
    assert isinstance(answer, Recorded)
    return answer.reason or answer.status


def test_a_missed_fill_is_repaired_and_told_until_it_is_taken_over(config: Path, kraken: SimulatedKraken) -> None:
    """Posted from the ledger with its order, told again by the next process, a duplicate when reported late; the log verifies."""

    async def first() -> tuple[str, RecordFill]:
        async with (
            ReconciliationSystem.open(config, arm=True) as system,
            listening(system, PortfolioAdjusted) as adjusted,
            listening(system, DiscrepancyResolved) as resolved,
        ):
            await system.record(opening("main", kraken.user))
            assert (await system.record(trade(kraken, "main", kraken.user))).status == "recorded"
            missed = trade(kraken, "main", kraken.user)
            (event, *_) = await adjusted.until(1)
            assert {line.id for line in event.adjustment.lines} == {missed.id}
            await resolved.until(2)
            assert totals(await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS), "main") == held(kraken)
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
            status = await system.ask(GetStatus(), timeout=PATIENCE_SECONDS)
            assert isinstance(status, StatusView)
            assert (status.mode, status.armed) == ("recover", True)
            return event.adjustment.id, missed

    async def second(id_: str, missed: RecordFill) -> None:
        async with ReconciliationSystem.open(config, arm=True) as system:
            async with listening(system, PortfolioAdjusted) as adjusted:
                await adjusted.until(1)
            assert [one.adjustment.id for one in adjusted] == [id_]
            assert (await system.record(missed)).status == "duplicate"
            assert await command(system, AcknowledgeAdjustment(exchange="main", id=id_)) == "recorded"
            assert await command(system, AcknowledgeAdjustment(exchange="main", id=id_)) == "duplicate"
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED

    async def third() -> None:
        async with ReconciliationSystem.open(config, arm=True) as system:
            async with listening(system, PortfolioAdjusted) as adjusted:
                assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
            assert adjusted == []

    asyncio.run(second(*asyncio.run(first())))
    asyncio.run(third())
    settings = load(config)
    assert settings.audit.trusted_head_file is not None
    key = SigningKey.load(settings.audit.key_file).verifier
    head = settings.audit.trusted_head_file.read_bytes()
    assert verify_log(settings.store.path, keys=(key,), trusted_head=head).verdict is Verdict.VERIFIED


def test_what_nobody_explains_waits_for_a_person(config: Path, kraken: SimulatedKraken) -> None:
    """Too large to adopt: asked for, approved, in suspense, over a restart; what is over is refused by its state."""

    async def first() -> str:
        async with (
            ReconciliationSystem.open(config, arm=True) as system,
            listening(system, ApprovalRequested) as asked,
            listening(system, DiscrepancyResolved) as resolved,
        ):
            await system.record(overstated(kraken))
            (event, *_) = await asked.until(1)
            id_ = event.discrepancy.id
            approve = ApproveResolution(exchange="main", id=id_, actor="alice", reason="known")
            assert await command(system, approve) == "recorded"
            await resolved.until(1)
            assert await command(system, approve) == "state_resolved"
            unknown = approve.model_copy(update={"id": "main:spot:ZZZ:total:1"})
            assert await command(system, unknown) == "unknown_discrepancy"
            return id_

    async def second(id_: str) -> None:
        async with ReconciliationSystem.open(config) as system:
            view = await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS)
            assert isinstance(view, PortfolioView)
            (one,) = view.accounts[0].suspense
            assert (one.leg.currency, one.amount) == ("USD", Decimal(-500))
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
            (closed,) = await system.ask(GetDiscrepancies(id=id_), timeout=PATIENCE_SECONDS)  # type: ignore[misc] # a tuple
            assert closed.state is State.RESOLVED
            ignore = IgnoreDiscrepancy(exchange="main", id=id_)
            assert await command(system, ignore) == "state_resolved"

    asyncio.run(second(asyncio.run(first())))
