"""The system inside a program: several loops and threads, cancellation, readers of events, and every way in and out."""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors import PortfolioReconciliationService, ReconciliationSystem
from reconcile_actors.actors.protocol import PORTFOLIO, GetWindow, WindowIs, reconciliation_role
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import AlreadyRunningError, UnavailableError, UsageError
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.kernel.errors import ActorDead, ActorFailed, DeadlineExceeded, KernelError, MailboxFull
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.messages import (
    Accepted,
    ActorRestarted,
    Event,
    ExchangeDegraded,
    GetPortfolio,
    GetStatus,
    Message,
    ReconcileAll,
    ReconcileNow,
    ReconciliationCompleted,
    Recorded,
    RecordTransfer,
    Rejected,
    ResumeExchange,
)
from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.system_desk import PATIENCE_SECONDS, listening, opening, reconcile, stock, totals, write_settings


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=21, tier=None) as exchange:
        stock(exchange.user)
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    return write_settings(tmp_path, kraken.base_url, {"main": kraken.user})


def transfer(id_: str, amount: str = "1") -> RecordTransfer:
    return RecordTransfer(exchange="main", id=id_, currency="USD", amount=amount)


def offline(config: Path) -> ReconciliationSystem:
    """A system that contacts nobody: for what concerns the door alone."""
    return ReconciliationSystem.open(config, contact_exchanges=False)


def nothing_runs_on() -> bool:
    """Whether every thread of ours ends."""
    ours = [one for one in threading.enumerate() if one.name.startswith(("kernel-", "reconcile-"))]
    for one in ours:
        one.join(PATIENCE_SECONDS)
    return not any(one.is_alive() for one in ours)


def test_the_system_is_the_service_that_is_promised() -> None:
    """The protocol names nothing that the system lacks, and each is called in the same way."""
    promised = {name for name in vars(PortfolioReconciliationService) if not name.startswith("_")}
    assert promised == {"tell", "record", "record_sync", "ask", "ask_sync", "events", "events_sync"}
    for name in promised:
        wanted = inspect.signature(getattr(PortfolioReconciliationService, name)).parameters
        given = inspect.signature(getattr(ReconciliationSystem, name)).parameters
        assert [(one.name, one.kind) for one in given.values()] == [(one.name, one.kind) for one in wanted.values()]
        is_async = inspect.iscoroutinefunction(getattr(PortfolioReconciliationService, name))
        assert inspect.iscoroutinefunction(getattr(ReconciliationSystem, name)) is is_async


def test_loops_and_threads_share_one_system(config: Path, kraken: SimulatedKraken) -> None:
    """Three loops and three threads use a system that another thread opened: each is answered, each event reaches each."""
    heard: list[list[Event]] = []
    books: list[object] = []

    async def in_a_loop(system: PortfolioReconciliationService, number: int) -> None:
        stream = system.events(ReconciliationCompleted)
        assert await system.record(transfer(f"L{number}")) == Recorded(status="recorded")
        ready.wait()
        books.append(await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS))
        heard.append([event async for event in stream])

    def in_a_thread(system: PortfolioReconciliationService, number: int) -> None:
        stream = system.events_sync(ReconciliationCompleted)
        assert system.record_sync(transfer(f"T{number}")) == Recorded(status="recorded")
        ready.wait()
        books.append(system.ask_sync(GetPortfolio(), timeout=PATIENCE_SECONDS))
        heard.append(list(stream))

    ready = threading.Barrier(7, timeout=PATIENCE_SECONDS)
    with offline(config) as system:
        assert system.record_sync(opening("main", kraken.user)) == Recorded(status="recorded")
        threads = [
            threading.Thread(target=lambda number=number: asyncio.run(in_a_loop(system, number))) for number in range(3)
        ] + [threading.Thread(target=in_a_thread, args=(system, number)) for number in range(3)]
        for one in threads:
            one.start()
        ready.wait()
        report = system.ask_sync(ReconcileNow(exchange="main"), timeout=PATIENCE_SECONDS)
        assert isinstance(report, ReconciliationReport)
    for one in threads:
        one.join(PATIENCE_SECONDS)
    assert [totals(book, "main")["USD"] for book in books] == [kraken.account.balance("ZUSD") + 6] * 6
    ids = [[event.report.timestamp for event in events if hasattr(event, "report")] for events in heard]
    assert len(ids) == 6
    assert all(report.timestamp in one for one in ids)
    assert all(set(one) <= set(max(ids, key=len)) for one in ids)


def test_readers_come_to_their_end_with_the_system(config: Path) -> None:
    """Leaving ends every `async for` and every `for`, after what was said until then; none begins afterwards."""

    async def read(stream: object) -> int:
        return len([one async for one in stream])  # type: ignore[attr-defined] # a stream of any kind

    async def leave() -> None:
        async with offline(config) as system:
            tasks = [asyncio.create_task(read(system.events(*types))) for types in ((), (ReconciliationCompleted,))]
            waiting = asyncio.create_task(asyncio.to_thread(lambda: len(list(system.events_sync()))))
            await reconcile(system, "main")
            kept = system.events_sync(ReconciliationCompleted)
            await reconcile(system, "main")
        async with asyncio.timeout(PATIENCE_SECONDS):
            everything, passes = await asyncio.gather(*tasks)
            assert passes == 2
            assert everything >= 2
            assert await waiting >= 0
        assert [one.report.exchange for one in kept][-1:] == ["main"]
        for listen in (system.events, system.events_sync):
            with pytest.raises(UnavailableError, match="it was left"):
                listen()

    asyncio.run(leave())
    unentered = offline(config)
    with pytest.raises(UsageError, match="enter it first"):
        unentered.events()


def test_leaving_needs_none_of_the_programs_threads(config: Path) -> None:
    """The loop's pool is full of threads that read this system's events: it is left all the same, and they end."""

    async def crowd() -> list[list[Event]]:
        async with offline(config) as system:
            crowd = [asyncio.create_task(asyncio.to_thread(lambda: list(system.events_sync()))) for _ in range(64)]
            await reconcile(system, "main")
        async with asyncio.timeout(PATIENCE_SECONDS):
            done = await asyncio.gather(*crowd, return_exceptions=True)
        # those that the pool took up only afterwards learn that they came too late
        return [one for one in done if not isinstance(one, UnavailableError)]  # type: ignore[misc] # nothing else is raised

    assert all(isinstance(one, list) for one in asyncio.run(crowd()))


def test_it_is_entered_once(config: Path) -> None:
    """A second entry, during or after the first, is refused and harms nothing."""
    system = offline(config)
    with system:
        with pytest.raises(UsageError, match="entered once"), system:
            raise AssertionError
        assert system.record_sync(transfer("T1")) == Recorded(status="recorded")
    with pytest.raises(UsageError, match="entered once"):
        asyncio.run(system.__aenter__())
    with offline(config) as again:
        assert again.record_sync(transfer("T1")) == Recorded(status="duplicate")


def test_what_is_said_after_the_end(config: Path) -> None:
    """Once it was left, `tell` says so by its outcome, everything else by an error that says what to do."""

    async def afterwards(system: ReconciliationSystem) -> None:
        with pytest.raises(UnavailableError, match="open another"):
            await system.record(transfer("T1"))
        with pytest.raises(UnavailableError, match="open another"):
            await system.ask(GetStatus(), timeout=1)

    with offline(config) as system:
        pass
    assert system.tell(transfer("T1")) == Rejected(reason="not_running")
    asyncio.run(afterwards(system))
    with pytest.raises(UnavailableError, match="open another"):
        system.record_sync(transfer("T1"))
    with pytest.raises(UnavailableError, match="open another"):
        system.ask_sync(GetStatus(), timeout=1)
    assert nothing_runs_on()


@pytest.mark.parametrize("way", ["async", "threads"])
def test_an_error_of_the_program_ends_the_system_in_order(config: Path, way: str) -> None:
    """What the with-body raises comes out as it is; everything told before is durable, and the store is free again."""

    async def fail() -> None:
        async with offline(config) as system:
            assert system.tell(transfer("T1")) == Accepted()
            raise ZeroDivisionError

    def fail_in_a_thread() -> None:
        with offline(config) as system:
            assert system.tell(transfer("T1")) == Accepted()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail()) if way == "async" else fail_in_a_thread()
    with offline(config) as again:
        assert again.record_sync(transfer("T1")) == Recorded(status="duplicate")


@pytest.mark.parametrize("steps", range(0, 12, 3))
def test_an_entry_that_is_cancelled_leaves_nothing_behind(config: Path, steps: int) -> None:
    """Cancelled at any moment of its start, it comes to its end first: no thread, no lock, and the next one enters."""

    async def enter_and_cancel() -> None:
        async def enter() -> None:
            async with offline(config):
                await asyncio.Event().wait()

        task = asyncio.create_task(enter())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        async with offline(config) as system:
            assert (await system.record(transfer("T1"))).status == "recorded"

    asyncio.run(enter_and_cancel())
    assert nothing_runs_on()


def test_a_start_that_fails_leaves_nothing_behind(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The actors cannot be started: the store that was opened before is closed, and the error says why."""

    def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("reconcile_actors.system.supervisor_of", broken)
        with pytest.raises(UnavailableError), offline(config):
            raise AssertionError
    with offline(config) as system, pytest.raises(AlreadyRunningError), offline(config):
        raise AssertionError
    assert not system.health()["loop"]
    assert nothing_runs_on()


def test_a_caller_that_gives_up_harms_nobody(config: Path, kraken: SimulatedKraken) -> None:
    """Cancelled asks, records and readers leave the system as it was; a record that was on its way counts once."""

    async def give_up() -> None:
        async with ReconciliationSystem.open(config) as system:
            await system.record(opening("main", kraken.user))
            deposit = transfer(kraken.account.deposit("ZUSD", Decimal(1)))
            given_up: list[Callable[[], Awaitable[object]]] = [
                lambda: system.ask(ReconcileNow(exchange="main"), timeout=PATIENCE_SECONDS),
                lambda: system.ask(ReconcileAll(), timeout=PATIENCE_SECONDS),
                lambda: system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS),
                lambda: system.record(deposit),
                lambda: anext(system.events(ActorRestarted)),
            ]
            for one in given_up:
                task = asyncio.ensure_future(one())
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert (await system.record(deposit)).status in {"recorded", "duplicate"}
            book = totals(await system.ask(GetPortfolio(), timeout=PATIENCE_SECONDS), "main")
            assert book["USD"] == kraken.account.balance("ZUSD")
            assert (await reconcile(system, "main")).status.value == "matched"

    asyncio.run(give_up())


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_is_a_number_of_seconds(config: Path, timeout: float) -> None:
    """Anything else is refused as a mistake of the call."""
    with offline(config) as system, pytest.raises(UsageError, match="timeout"):
        system.ask_sync(GetStatus(), timeout=timeout)


KERNEL_ENDS = [
    (ActorFailed("portfolio", "KeyError"), UnavailableError, "crashed"),
    (ActorDead("portfolio"), UnavailableError, "ResumeExchange"),
    (MailboxFull("portfolio"), UnavailableError, "in a moment"),
    (DeadlineExceeded("portfolio"), TimeoutError, "more time"),
]


@pytest.mark.parametrize(("end", "kind", "text"), KERNEL_ENDS)
def test_no_error_of_the_kernel_leaves_the_door(
    config: Path, monkeypatch: pytest.MonkeyPatch, end: KernelError, kind: type[Exception], text: str
) -> None:
    """However an ask ends, it is an error of the project's own or a TimeoutError, and says what to do."""
    ask = PykkaHost.ask

    def ending(host: PykkaHost, to: str, message: object, **options: object) -> object:
        if not isinstance(message, Message):
            return ask(host, to, message, **options)  # type: ignore[arg-type] # passed on as they came
        future: Future[object] = Future()
        future.set_exception(end)
        return future

    with offline(config) as system:
        with monkeypatch.context() as patch:
            patch.setattr(PykkaHost, "ask", ending)
            with pytest.raises(kind, match=text if kind is UnavailableError else "ask again") as raised:
                system.ask_sync(GetPortfolio(), timeout=PATIENCE_SECONDS)
            assert not isinstance(raised.value, KernelError)
            if isinstance(end, MailboxFull):
                assert system.record_sync(transfer("T1")) == Recorded(status="refused", reason="overloaded")
            else:
                with pytest.raises(TimeoutError, match="send it again"):
                    system.record_sync(transfer("T1"))
            (report,) = system.ask_sync(ReconcileAll(), timeout=PATIENCE_SECONDS)  # type: ignore[misc] # a tuple of reports
            expected = UnknownReason.TIMEOUT if kind is TimeoutError else UnknownReason.CRASHED
            assert (report.exchange, report.unknown_reason) == ("main", expected)
        assert system.record_sync(transfer("T1")) == Recorded(status="recorded")


def crash(system: ReconciliationSystem, role: str) -> None:
    """Ends an actor by a message that is broken inside, as only a bug can make one."""
    broken = GetWindow if role == PORTFOLIO else WindowIs
    assert system._host is not None
    system._host.tell(role, object.__new__(broken))


def test_an_account_whose_actor_is_down_is_unknown_until_it_is_resumed(config: Path, kraken: SimulatedKraken) -> None:
    """Parked after crash upon crash: its passes are reports that say `crashed`, told as degraded; a person resumes it."""
    role = reconciliation_role("main")

    async def park_and_resume() -> None:
        async with ReconciliationSystem.open(config) as system:
            await system.record(opening("main", kraken.user))
            async with listening(system, ActorRestarted) as again, listening(system, ExchangeDegraded) as degraded:
                restarts = 0
                while not degraded:
                    crash(system, role)
                    await asyncio.sleep(0)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            await again.until(restarts + 1)
                    restarts = len(again)
                assert [one.epoch for one in again] == list(range(2, 2 + restarts))
                assert degraded[-1].reason.startswith("parked")
            report = await reconcile(system, "main")
            assert report.unknown_reason is UnknownReason.CRASHED
            (report,) = await system.ask(ReconcileAll(), timeout=PATIENCE_SECONDS)
            assert report.unknown_reason is UnknownReason.CRASHED
            assert (await system.ask(ResumeExchange(exchange="main"), timeout=PATIENCE_SECONDS)).status == "recorded"
            assert (await reconcile(system, "main")).status.value == "matched"

    asyncio.run(park_and_resume())


def test_a_gateway_cannot_wait_for_the_loop_that_it_runs_on(config: Path) -> None:
    """A blocking call from inside the system's own loop would never return: it is refused at once."""
    answers: list[BaseException] = []

    async def open_badly() -> ExchangeGateway:
        try:
            system.ask_sync(GetStatus(), timeout=PATIENCE_SECONDS)
        except BaseException as error:
            answers.append(error)
            raise
        raise AssertionError

    system = ReconciliationSystem.open(config, gateways={"main": open_badly})
    with system:
        report = system.ask_sync(ReconcileNow(exchange="main"), timeout=PATIENCE_SECONDS)
    assert isinstance(report, ReconciliationReport)
    assert [str(one) for one in answers] == [
        "a gateway runs on the loop that would have to answer: use the awaited form there"
    ]
