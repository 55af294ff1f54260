"""The reconciliation system: opens the store, starts the actors, and is the door through which everything is said to them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, overload

from reconcile_actors.actors.protocol import PORTFOLIO, SUPERVISOR
from reconcile_actors.answers import LEFT, answer_of, awaited, checked_timeout
from reconcile_actors.config import Settings, load
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.errors import ConfigError, UnavailableError, UsageError
from reconcile_actors.event_readers import EventIterator, EventReaders, EventStream
from reconcile_actors.exchanges.certificates import check_ca_files
from reconcile_actors.exchanges.credentials import check_credentials
from reconcile_actors.exchanges.registry import check_exchanges
from reconcile_actors.gaps import Gaps
from reconcile_actors.kernel.errors import KernelError, MailboxFull
from reconcile_actors.kernel.host import Rejected as HostRejected
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.own_thread import on_own_thread
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.kernel.signals import ChildParked, ChildRestarted, DescribeChildren
from reconcile_actors.messages import (
    Accepted,
    Event,
    ExchangeMessage,
    Message,
    ReconcileAll,
    ReconciliationCompleted,
    Recorded,
    Rejected,
)
from reconcile_actors.messages.records import RECORDS
from reconcile_actors.questions import Questions
from reconcile_actors.service import PortfolioReconciliationService
from reconcile_actors.sinks.port import AlertSink
from reconcile_actors.sinks.registry import open_sinks
from reconcile_actors.storage import ReconciliationRepository
from reconcile_actors.utc import utc_us
from reconcile_actors.wiring import Gateways, OpenGateways, WatchedLedger, gateway_makers, supervisor_of

T = TypeVar("T")
E = TypeVar("E", bound=Event)
START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 8.0
RECORD_SECONDS: Final = 20.0
MARGIN_SECONDS: Final = 5.0
NOT_ENTERED: Final = "the system is not running: enter it first, with `async with` or `with`"


class ReconciliationSystem:
    """Entered once, with `async with` or, from threads, `with`. Nothing starts before, and nothing is left running after.

    Once it is entered, any thread and any event loop may use it.
    """

    def __init__(
        self,
        settings: Settings,
        gateways: Gateways | None,
        *,
        standalone: bool,
        contact: bool,
        armed: bool = False,
        sinks: Sequence[AlertSink] = (),
    ) -> None:
        self.settings = settings
        self._makers = gateways
        self._standalone = standalone
        self._contact = contact
        self._armed = armed
        self._sinks = sinks
        self._io = IoLoop()
        self._host: PykkaHost | None = None
        self._ledger: WatchedLedger | None = None
        self._gateways = OpenGateways({})
        self._compared: set[str] = set()
        self._down: set[str] = set()
        self._gaps: Gaps | None = None
        self._readers = EventReaders()
        self._life_lock = threading.Lock()
        self._entered = False
        self._left = False
        self._started_at = 0

    @classmethod
    def open(
        cls,
        settings_or_path: Settings | Path | str,
        *,
        arm: bool = False,
        gateways: Gateways | None = None,
        isolation: str = "thread",
        standalone: bool = False,
        contact_exchanges: bool = True,
    ) -> Self:
        """The system of a configuration, not yet entered. Raises ConfigError or CredentialsError.

        `gateways` replaces the configured accounts' own, by account name. `standalone` says that no trading process reports
        to this run. With `arm`, and only in mode "recover", discrepancies are repaired and halts asked for. This version runs
        in threads only: `isolation="process"` is refused.
        """
        settings = settings_or_path if isinstance(settings_or_path, Settings) else load(settings_or_path)
        if isolation != "thread":
            raise UsageError('this version runs beside its host in threads: isolation="thread" is right')
        contact = contact_exchanges and settings.reconciliation.enabled
        if gateways is None:
            check_exchanges(settings.exchanges)
            if contact:
                check_ca_files(settings.exchanges)
                check_credentials(settings)
        elif set(gateways) != set(settings.exchanges):
            raise ConfigError("gateways: give one for each configured account")
        # a command that only looks into the store or writes to it has no time to tell anybody
        sinks = open_sinks(settings.alerts) if contact or not standalone else ()
        armed = arm and settings.reconciliation.mode == "recover"
        return cls(settings, gateways, standalone=standalone, contact=contact, armed=armed, sinks=sinks)

    # -- life --------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        starting = self._begin()
        try:
            await asyncio.shield(asyncio.wrap_future(starting))
        except BaseException:
            await _leaving(lambda: self._give_up(starting))
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _leaving(self._stop)

    def __enter__(self) -> Self:
        starting = self._begin()
        try:
            starting.result()
        except BaseException:
            self._give_up(starting)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _begin(self) -> Future[None]:
        with self._life_lock:
            if self._entered:
                raise UsageError("a system is entered once: open another with ReconciliationSystem.open")
            self._entered = True
        self._io.start()
        return self._io.submit(self._start)

    def _give_up(self, starting: Future[None]) -> None:
        """The start failed, or nobody waits for it any more: it comes to its end first, so that all it opened is closed."""
        wait([starting], timeout=START_SECONDS + MARGIN_SECONDS)
        self._stop()

    async def _start(self) -> None:
        audit = self.settings.audit
        repository = await ReconciliationRepository.open(
            self.settings.store.path,
            origin=audit.origin,
            key_file=audit.key_file,
            trusted_head_file=audit.trusted_head_file,
            utc=utc_us,
        )
        self._ledger = WatchedLedger(repository)
        self._gateways = OpenGateways(self._makers or gateway_makers(self.settings))
        self._started_at = utc_us()
        self._host = PykkaHost(self._io)
        self._gaps = Gaps(self._host.tell)
        self._host.subscribe(self._watch)
        ledger, gateways = self._ledger, self._gateways
        self._host.spawn(
            SUPERVISOR,
            lambda: supervisor_of(
                self.settings,
                ledger,
                gateways,
                standalone=self._standalone,
                contact=self._contact,
                armed=self._armed,
                sinks=self._sinks,
            ),
        )
        # the supervisor answers once its children are there: before that nobody could be asked anything
        await answer_of(self._host.ask(SUPERVISOR, DescribeChildren(), timeout_seconds=START_SECONDS))

    def _stop(self) -> None:
        self._left = True
        try:
            if self._gaps is not None:
                self._gaps.flush()
            if self._host is not None:
                self._host.stop(deadline_seconds=STOP_SECONDS)
            self._readers.end()  # after the last event has been given out
            if self._ledger is not None:
                self._io.submit(self._gateways.close_all, timeout_seconds=2.0).exception()
                self._io.submit(self._ledger.repository.close).result()
        finally:
            self._io.stop()

    def _watch(self, event: object) -> None:
        match event:
            case ReconciliationCompleted(report=report):
                if report.status is not ReconciliationStatus.UNKNOWN:
                    self._compared.add(report.exchange)
            case ChildParked(name=name):
                self._down.add(name)
            case ChildRestarted(name=name):
                self._down.discard(name)
            case _:
                pass  # of no concern to health

    # -- records -----------------------------------------------------------------------------------------------------

    def tell(self, message: Message) -> Accepted | Rejected:
        """Says something without waiting. A record that is rejected leaves its account unknown (`local_gap`)."""
        if not isinstance(message, RECORDS):
            raise UsageError(f"{type(message).__name__} has an answer: ask for it")
        if message.exchange not in self.settings.exchanges:
            return Rejected(reason="unknown_exchange")
        if self._host is None or self._gaps is None:
            raise UsageError(NOT_ENTERED)
        result = self._host.tell(PORTFOLIO, message)
        if isinstance(result, HostRejected):
            if self._gaps.note(message.exchange):
                self._io.submit(self._gaps.push)
            return Rejected(reason="overloaded" if result.reason == "full" else "not_running")
        return Accepted()

    async def record(self, record: ExchangeMessage) -> Recorded:
        """Says something and waits until it is durable (I8), known already, or refused.

        Raises TimeoutError where that is not known: send it again, it counts once.
        """
        if record.exchange not in self.settings.exchanges:
            return Recorded(status="refused", reason="unknown_exchange")
        try:
            answer = await awaited(self._running.ask(PORTFOLIO, record, timeout_seconds=RECORD_SECONDS))
        except MailboxFull:
            return Recorded(status="refused", reason="overloaded")
        except KernelError:
            # it may have been written: sent again it counts once
            raise TimeoutError(
                "no answer in time, so it is not known whether this was recorded: send it again"
            ) from None
        assert isinstance(answer, Recorded), "the portfolio actor answers records so"
        return answer

    def record_sync(self, record: ExchangeMessage) -> Recorded:
        """`record` for threads. Raises TimeoutError."""
        return self._in_a_thread(lambda: self.record(record), RECORD_SECONDS)

    # -- questions and commands --------------------------------------------------------------------------------------

    async def ask(self, command: Message, *, timeout: float) -> object:  # noqa: ASYNC109 the public surface names it
        """The reply to a command or query.

        Raises TimeoutError, UsageError for an unknown account, UnavailableError where nobody answers just now. A pass of an
        account whose actor is down is answered all the same, by a report that is unknown (`crashed`); so is each account of
        ReconcileAll that gives no report in time (`timeout`).
        """
        checked_timeout(timeout)
        if isinstance(command, ReconcileAll):  # each pass has this deadline by itself
            return await self._questions.every_pass(timeout)
        try:
            async with asyncio.timeout(timeout):
                return await self._questions.answer(command, timeout)
        except TimeoutError:
            raise TimeoutError(f"no answer to {command.type} in time: ask again, with more time") from None

    def ask_sync(self, command: Message, *, timeout: float) -> object:
        """`ask` for threads. Raises as `ask` does."""
        return self._in_a_thread(lambda: self.ask(command, timeout=timeout), checked_timeout(timeout))

    def _in_a_thread(self, work: Callable[[], Awaitable[T]], seconds: float) -> T:
        _ = self._running  # raises, in words that help, where it was not entered
        if self._io.is_current:
            raise UsageError("a gateway runs on the loop that would have to answer: use the awaited form there")
        try:
            return self._io.submit(work).result(seconds + MARGIN_SECONDS)
        except (asyncio.CancelledError, KernelError):
            raise UnavailableError(LEFT) from None

    @property
    def _running(self) -> PykkaHost:
        if self._left:
            raise UnavailableError(
                "the system is not running: it was left; open another with ReconciliationSystem.open"
            )
        if self._host is None:
            raise UsageError(NOT_ENTERED)
        return self._host

    @property
    def _questions(self) -> Questions:
        host = self._running
        assert self._ledger is not None, "the system is running"
        return Questions(self.settings, host, self._ledger, self._io, self._started_at, armed=self._armed)

    # -- events and health -------------------------------------------------------------------------------------------

    @overload
    def events(self) -> EventStream[Event]: ...
    @overload
    def events(self, *types: type[E]) -> EventStream[E]: ...
    def events(self, *types: type[Any]) -> EventStream[Any]:
        """What happens from this call on, of the types given or all: for `async for`, in any loop.

        A reader that falls 10,000 events behind loses the oldest: its `dropped` counts them, and EventsDropped tells of them
        where that type is asked for. The iteration ends when the system is left.
        """
        return self._readers.stream(self._running.subscribe, types)

    @overload
    def events_sync(self) -> EventIterator[Event]: ...
    @overload
    def events_sync(self, *types: type[E]) -> EventIterator[E]: ...
    def events_sync(self, *types: type[Any]) -> EventIterator[Any]:
        """`events` for threads: for `for`, or `get(timeout)`. Its `close` ends a `for` that waits, from any thread."""
        return self._readers.iterator(self._running.subscribe, types)

    def health(self) -> Mapping[str, bool]:
        """Whether loop and actors are alive; exchanges do not count."""
        supervised = self._host is not None and SUPERVISOR in self._host.names
        return {"loop": self._io.call_soon(lambda: None), "actors": supervised and not self._down}

    def readiness(self) -> Mapping[str, bool]:
        """Whether the store works, the audit chain stands and its head is written elsewhere, and every account has been compared."""
        ledger = self._ledger
        return {
            "store": ledger is not None and ledger.ok,
            "audit": ledger is not None,
            "trusted_head": ledger is not None and not ledger.repository.is_head_behind,
            "first_comparison": set(self.settings.exchanges) <= self._compared,
        }


async def _leaving(work: Callable[[], object]) -> None:
    """Awaits the end to its end: it goes on where the caller is cancelled, and the interpreter waits for it."""
    await asyncio.shield(on_own_thread(work, name="reconcile-leaving", daemon=False))


if TYPE_CHECKING:
    _FULFILS: type[PortfolioReconciliationService] = ReconciliationSystem
