"""The system as a program embeds it: opened, entered, told, asked, listened to and left, on threads and on a loop."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors import PortfolioReconciliationService, ReconciliationSystem
from reconcile_actors.config import load
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import AlreadyRunningError, ConfigError, CredentialsError, UnavailableError, UsageError
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.messages import (
    Accepted,
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    GetDiscrepancies,
    GetPortfolio,
    GetStatus,
    LocalWatermark,
    PauseExchange,
    ReconcileAll,
    ReconcileNow,
    ReconciliationCompleted,
    Recorded,
    RecordTransfer,
    Rejected,
    ResumeExchange,
)
from reconcile_actors.messages.views import StatusView
from reconcile_actors.simulation.kraken import Fault, SimulatedKraken
from reconcile_actors.status import Kept, status_view
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


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=11, tier=None) as exchange:
        stock(exchange.user)
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    return write_settings(tmp_path, kraken.base_url, {"main": kraken.user})


def transfer(id_: str, amount: str = "1", name: str = "main") -> RecordTransfer:
    return RecordTransfer(exchange=name, id=id_, currency="USD", amount=amount)


def test_a_day_in_a_trading_loop(config: Path, kraken: SimulatedKraken) -> None:
    """`async with`: record, ask, a missed fill as an event, the late report, pause and resume, and every answer typed."""

    async def day() -> None:
        async with ReconciliationSystem.open(config) as system, listening(system, DiscrepancyConfirmed) as found:
            service: PortfolioReconciliationService = system
            assert await service.record(opening("main", kraken.user)) == Recorded(status="recorded")
            assert await service.record(opening("main", kraken.user)) == Recorded(status="duplicate")
            async with listening(system, ReconciliationCompleted) as heard:
                assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
                await heard.until(1)
            assert all(system.readiness().values())
            assert all(system.health().values())
            assert await system.record(trade(kraken, "main", kraken.user)) == Recorded(status="recorded")
            missed = trade(kraken, "main", kraken.user)
            await found.until(2)
            report = await reconcile(system, "main")
            assert report.status is ReconciliationStatus.DISCREPANT
            assert {one.currency for one in report.discrepancies} == {"BTC", "USD"}
            listed = await system.ask(GetDiscrepancies(exchange="main"), timeout=PATIENCE_SECONDS)
            assert listed == report.discrepancies or {one.id for one in listed} == {
                one.id for one in report.discrepancies
            }
            async with listening(system, DiscrepancyResolved) as gone:
                assert await system.record(missed) == Recorded(status="recorded")
                await gone.until(2)
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
            book = totals(await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS), "main")
            assert book["BTC"] == kraken.account.balance("XXBT")
            assert book["USD"] == kraken.account.balance("ZUSD")
            await pause_and_resume(system)

    asyncio.run(day())


async def pause_and_resume(system: ReconciliationSystem) -> None:
    assert await system.ask(PauseExchange(exchange="main"), timeout=PATIENCE_SECONDS) == Recorded(status="recorded")
    (report,) = await system.ask(ReconcileAll(), timeout=PATIENCE_SECONDS)
    assert report.unknown_reason is UnknownReason.PAUSED
    assert await system.ask(ResumeExchange(exchange="main"), timeout=PATIENCE_SECONDS) == Recorded(status="recorded")
    assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
    status = await system.ask(GetStatus(), timeout=PATIENCE_SECONDS)
    assert isinstance(status, StatusView)
    (account,) = status.accounts
    assert (account.status, account.actor, account.breaker, account.epoch) == ("matched", "alive", "closed", 1)
    assert status.store_ok
    assert status.audit_size > 5


def test_a_day_on_threads(config: Path, kraken: SimulatedKraken) -> None:
    """`with`, `tell` and `ask_sync`, from several threads at once: each report counts once, none is lost."""
    with ReconciliationSystem.open(config) as system:
        assert system.tell(opening("main", kraken.user)) == Accepted()
        each = [
            threading.Thread(target=lambda part=part: [system.tell(transfer(f"T{part}-{n}")) for n in range(50)])
            for part in range(4)
        ]
        for one in each:
            one.start()
        for one in each:
            one.join()
        for number in range(50):
            assert system.tell(transfer(f"T0-{number}")) == Accepted()
        seen: list[Decimal] = []
        while not seen or seen[-1] < kraken.account.balance("ZUSD") + 200:
            # what is told is not durable yet, and the book shows only what is: each look is a later one
            seen.append(
                totals(system.ask_sync(GetPortfolio(), timeout=PATIENCE_SECONDS), "main").get("USD", Decimal(0))
            )
        assert seen[-1] == kraken.account.balance("ZUSD") + 200
        assert seen == sorted(seen)
        report = system.ask_sync(ReconcileNow(exchange="main"), timeout=PATIENCE_SECONDS)
        assert isinstance(report, ReconciliationReport)
        with pytest.raises(UsageError, match="no account"):
            system.ask_sync(ReconcileNow(exchange="nobody"), timeout=5)
        with pytest.raises(UsageError, match="has no answer"):
            system.ask_sync(transfer("X"), timeout=5)


def test_what_the_door_refuses(config: Path) -> None:
    """A record of an unknown account is rejected, a question is not told, and nothing works before the system is entered."""

    async def at_the_door() -> None:
        system = ReconciliationSystem.open(config)
        for call in (lambda: system.tell(transfer("T1")), lambda: system.ask_sync(GetStatus(), timeout=1)):
            with pytest.raises(UsageError, match="not running"):
                call()
        assert system.health()["actors"] is False
        assert not any(system.readiness().values())
        async with system:
            assert system.tell(transfer("T1", name="nobody")) == Rejected(reason="unknown_exchange")
            assert (await system.record(transfer("T1", name="nobody"))).reason == "unknown_exchange"
            with pytest.raises(UsageError, match="ask for it"):
                system.tell(GetStatus())
            with pytest.raises(TimeoutError):
                await system.ask(ReconcileNow(exchange="main"), timeout=1e-6)
        assert system.tell(transfer("T1")) == Rejected(reason="not_running")

    asyncio.run(at_the_door())


def test_what_cannot_be_opened(tmp_path: Path, config: Path, kraken: SimulatedKraken) -> None:
    """Wrong arguments, wrong gateways and unsafe key files are refused before anything starts."""
    with pytest.raises(UsageError, match="isolation"):
        ReconciliationSystem.open(config, isolation="process")
    with pytest.raises(ConfigError, match="gateways"):
        ReconciliationSystem.open(config, gateways={})
    with pytest.raises(ConfigError, match="no such file"):
        ReconciliationSystem.open(tmp_path / "nowhere.toml")
    (tmp_path / "main.key").chmod(0o644)
    with pytest.raises(CredentialsError, match="main"):
        ReconciliationSystem.open(config)
    ReconciliationSystem.open(config, contact_exchanges=False)
    assert not (tmp_path / "book.db").exists()
    assert kraken.requests.total == 0


def test_a_second_system_on_the_same_store(config: Path, kraken: SimulatedKraken) -> None:
    """It is refused while the first runs, harms nothing, and is let in afterwards."""

    async def both() -> None:
        async with ReconciliationSystem.open(config) as first:
            await first.record(opening("main", kraken.user))
            with pytest.raises(AlreadyRunningError):
                async with ReconciliationSystem.open(config, contact_exchanges=False):
                    raise AssertionError
            with pytest.raises(AlreadyRunningError), ReconciliationSystem.open(config, contact_exchanges=False):
                raise AssertionError
            assert await first.record(transfer("T1")) == Recorded(status="recorded")
        with ReconciliationSystem.open(config, contact_exchanges=False) as second:
            view = await second.ask(GetPortfolio(), timeout=PATIENCE_SECONDS)
            assert totals(view, "main")["USD"] == kraken.account.balance("ZUSD") + 1

    asyncio.run(both())


def test_a_system_that_contacts_no_exchange(config: Path, kraken: SimulatedKraken) -> None:
    """The book works, every account is unknown (`disabled`), and the exchange hears nothing."""

    async def quietly() -> None:
        async with ReconciliationSystem.open(config, contact_exchanges=False) as system:
            assert (await system.record(opening("main", kraken.user))).status == "recorded"
            assert (
                await system.record(LocalWatermark(exchange="main", through=datetime.now(UTC)))
            ).status == "recorded"
            report = await reconcile(system, "main")
            assert (report.status, report.unknown_reason) == (ReconciliationStatus.UNKNOWN, UnknownReason.DISABLED)
            assert not system.readiness()["first_comparison"]

    asyncio.run(quietly())
    assert kraken.requests.total == 0


def test_a_flood_at_the_door_leaves_a_gap_and_no_lie(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a full mailbox rejects makes the account unknown (`local_gap`), durably: refused is never lost in silence."""
    monkeypatch.setattr("reconcile_actors.actors.supervisor.MAILBOX_OF_RECORDS", 3)

    async def flood() -> None:
        async with ReconciliationSystem.open(config, contact_exchanges=False) as system:
            outcomes = [system.tell(transfer(f"T{number}")) for number in range(5000)]
            rejected = [one for one in outcomes if isinstance(one, Rejected)]
            assert rejected
            assert {one.reason for one in rejected} == {"overloaded"}
            records = [system.record(transfer(f"R{number}")) for number in range(300)]
            answers = await asyncio.gather(*records)
            assert {(one.status, one.reason) for one in answers} <= {("recorded", None), ("refused", "overloaded")}
            unknown = None
            async with asyncio.timeout(PATIENCE_SECONDS):
                while unknown != "local_gap":
                    with contextlib.suppress(UnavailableError):
                        view = await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS)
                        unknown = view.accounts[0].unknown
        with ReconciliationSystem.open(config, contact_exchanges=False) as again:
            view = await again.ask(GetPortfolio(), timeout=PATIENCE_SECONDS)
            assert view.accounts[0].unknown == "local_gap"

    asyncio.run(flood())


def test_the_status_of_actors_that_do_not_answer(config: Path) -> None:
    """One that hangs or is gone hides nothing: it is shown as crashed, keeps its halts, and the rest of the answer comes."""

    async def look() -> StatusView:
        io = IoLoop().start()
        host = PykkaHost(io)
        try:
            kept = Kept((TradingHalt("main:halt:x", "main", "large_loss", (), 1),), ["main", "main", "other"])
            return await status_view(load(config), host, (False, "store_full"), 7, kept)
        finally:
            await asyncio.to_thread(host.stop)
            await asyncio.to_thread(io.stop)

    status = asyncio.run(look())
    (account,) = status.accounts
    assert (account.status, account.unknown_reason, account.actor) == ("unknown", "crashed", "unknown")
    assert (account.halts, account.unacknowledged) == (("main:halt:x",), 2)
    assert (status.store_ok, status.store_detail, status.audit_size, status.started_at) == (False, "store_full", 0, 7)


def test_a_reader_of_events_that_leaves_is_forgotten(config: Path, kraken: SimulatedKraken) -> None:
    """Readers come and go; one that has gone holds nothing up."""

    async def come_and_go() -> None:
        async with ReconciliationSystem.open(config) as system:
            for _ in range(3):
                async with listening(system, ReconciliationCompleted) as heard:
                    await system.record(opening("main", kraken.user))
                    await reconcile(system, "main")
                    await heard.until(1)
                    assert heard[0].report.exchange == "main"

    asyncio.run(come_and_go())


def test_credentials_that_are_mended(config: Path, kraken: SimulatedKraken) -> None:
    """Refused keys: unknown (`credentials`) and quiet; with new keys in the files, resume reads the account again."""

    async def mend() -> None:
        kraken.faults.always("BalanceEx", Fault.BAD_KEY)
        kraken.faults.always("Ledgers", Fault.BAD_KEY)
        async with ReconciliationSystem.open(config) as system:
            await system.record(opening("main", kraken.user))
            report = await reconcile(system, "main")
            assert (report.status, report.unknown_reason) == (ReconciliationStatus.UNKNOWN, UnknownReason.CREDENTIALS)
            kraken.faults.clear()
            assert (await reconcile(system, "main")).unknown_reason is UnknownReason.CREDENTIALS
            fresh = replace(kraken.user.keys, api_key="bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS1uZXcta2V5LW5ldy1r")
            kraken.revoke(kraken.user)
            kraken.user.keys = fresh
            kraken._users[fresh.api_key] = kraken.user
            (config.parent / "main.key").write_text(fresh.api_key)
            assert (await system.ask(ResumeExchange(exchange="main"), timeout=PATIENCE_SECONDS)).status == "recorded"
            assert (await reconcile(system, "main")).status is ReconciliationStatus.MATCHED
            assert Decimal(0) < kraken.account.balance("XXBT")

    asyncio.run(mend())
