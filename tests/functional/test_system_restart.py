"""What a restart keeps, and several accounts at once, on real threads with the real store."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors import ReconciliationSystem
from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.config import Settings, load
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.messages import (
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    GetPortfolio,
    GetStatus,
    PauseExchange,
    ReconcileAll,
    Recorded,
    ResumeExchange,
)
from reconcile_actors.messages.views import StatusView
from reconcile_actors.simulation.kraken import Fault, SimulatedKraken, User
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

NAMES = ("one", "two", "three", "four", "five")


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=12, tier=None) as exchange:
        yield exchange


def verdict(settings: Settings) -> Verdict:
    """What an auditor with the trusted head says of the log."""
    head = settings.audit.trusted_head_file
    assert head is not None
    key = SigningKey.load(settings.audit.key_file).verifier
    return verify_log(settings.store.path, keys=(key,), trusted_head=head.read_bytes()).verdict


def test_a_restart_keeps_book_discrepancies_and_episodes(tmp_path: Path, kraken: SimulatedKraken) -> None:
    """The next process shows the same book, holds the same discrepancy open under the same id, and counts episodes on."""
    stock(kraken.user)
    config = write_settings(tmp_path, kraken.base_url, {"main": kraken.user})

    async def first() -> tuple[dict[str, Decimal], set[str]]:
        async with ReconciliationSystem.open(config) as system, listening(system, DiscrepancyConfirmed) as found:
            await system.record(opening("main", kraken.user))
            await system.record(trade(kraken, "main", kraken.user))
            await reconcile(system, "main")
            kraken.account.deposit("ZUSD", Decimal(500))
            await found.until(1)
            view = await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS)
            return totals(view, "main"), {one.discrepancy.id for one in found}

    async def second(book: dict[str, Decimal], ids: set[str]) -> None:
        async with ReconciliationSystem.open(config) as system:
            async with listening(system, DiscrepancyDetected) as found, listening(system, DiscrepancyResolved) as gone:
                assert totals(await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS), "main") == book
                report = await reconcile(system, "main")
                assert report.status is ReconciliationStatus.DISCREPANT
                assert {one.id for one in report.discrepancies} == ids == {"main:spot:USD:total:1"}
                assert found == []
                await system.record(opening("main", kraken.user, version=2))
                await gone.until(1)
            async with listening(system, DiscrepancyConfirmed) as found_again:
                kraken.account.deposit("ZUSD", Decimal(700))
                await found_again.until(1)
                assert found_again[0].discrepancy.id == "main:spot:USD:total:2"

    asyncio.run(second(*asyncio.run(first())))
    assert verdict(load(config)) is Verdict.VERIFIED


def test_a_pause_lasts_over_a_restart(tmp_path: Path, kraken: SimulatedKraken) -> None:
    """Paused is paused, also for the next process, and its reason and who gave it are on record."""
    stock(kraken.user)
    config = write_settings(tmp_path, kraken.base_url, {"main": kraken.user})

    async def first() -> None:
        async with ReconciliationSystem.open(config) as system:
            await system.record(opening("main", kraken.user))
            answer = await system.ask(PauseExchange(exchange="main", reason="night"), timeout=PATIENCE_SECONDS)
            assert answer == Recorded(status="recorded")

    async def second() -> None:
        async with ReconciliationSystem.open(config) as system:
            report = await reconcile(system, "main")
            assert report.unknown_reason is UnknownReason.PAUSED
            await system.ask(ResumeExchange(exchange="main"), timeout=PATIENCE_SECONDS)
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED

    asyncio.run(first())
    requests = len(kraken.requests.of("BalanceEx"))
    asyncio.run(second())
    assert len(kraken.requests.of("BalanceEx")) > requests


@pytest.fixture
def users(kraken: SimulatedKraken) -> dict[str, User]:
    found = {name: kraken.add_account(name) for name in NAMES}
    for number, user in enumerate(found.values()):
        stock(user, XXBT="2", ZUSD=str(10_000 * (number + 1)))
    return found


def test_five_accounts_at_once(tmp_path: Path, kraken: SimulatedKraken, users: dict[str, User]) -> None:
    """Five accounts trade, two lose a report, one is refused: each report says what is true of its own account."""
    config = write_settings(tmp_path, kraken.base_url, users)

    async def run() -> None:
        async with ReconciliationSystem.open(config) as system, listening(system, DiscrepancyConfirmed) as found:
            await asyncio.gather(*(system.record(opening(name, user)) for name, user in users.items()))
            for name, user in users.items():
                for _ in range(3):
                    assert (await system.record(trade(kraken, name, user))).status == "recorded"
            trade(kraken, "two", users["two"])
            trade(kraken, "four", users["four"])
            await found.until(4)
            kraken.faults.always("BalanceEx", Fault.PERMISSION_DENIED, user="five")
            reports = await system.ask(ReconcileAll(), timeout=PATIENCE_SECONDS)
            assert isinstance(reports, tuple)
            assert all(isinstance(one, ReconciliationReport) for one in reports)
            assert [one.exchange for one in reports] == list(NAMES)
            statuses = [str(one.status) for one in reports]
            assert statuses == ["matched", "discrepant", "matched", "discrepant", "unknown"]
            assert reports[4].unknown_reason is UnknownReason.CREDENTIALS
            assert {one.discrepancy.exchange for one in found} == {"two", "four"}
            status = await system.ask(GetStatus(), timeout=PATIENCE_SECONDS)
            assert isinstance(status, StatusView)
            assert [one.status for one in status.accounts] == statuses
            assert [one.actor for one in status.accounts] == ["alive"] * 5

    asyncio.run(run())
    assert verdict(load(config)) is Verdict.VERIFIED


def test_an_outage_of_one_leaves_the_others(tmp_path: Path, kraken: SimulatedKraken, users: dict[str, User]) -> None:
    """One account's exchange drops every connection: the others are compared, and it is matched again afterwards."""
    config = write_settings(tmp_path, kraken.base_url, users)

    async def run() -> None:
        async with ReconciliationSystem.open(config) as system:
            await asyncio.gather(*(system.record(opening(name, user)) for name, user in users.items()))
            kraken.faults.always("*", Fault.HTTP_503, user="three")
            reports = await system.ask(ReconcileAll(), timeout=PATIENCE_SECONDS)
            assert isinstance(reports, tuple)
            unknown = [one.exchange for one in reports if one.status is ReconciliationStatus.UNKNOWN]
            assert unknown == ["three"]
            kraken.faults.clear()
            await system.ask(ResumeExchange(exchange="three"), timeout=PATIENCE_SECONDS)
            assert (await reconcile(system, "three")).status is ReconciliationStatus.MATCHED

    asyncio.run(run())
