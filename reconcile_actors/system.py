"""The reconciliation system: opens the store, starts the actors, and is the door through which everything is said to them."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from reconcile_actors.actors.protocol import PORTFOLIO, SUPERVISOR, NoteGap, reconciliation_role
from reconcile_actors.config import Settings, load
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.errors import ConfigError, UsageError
from reconcile_actors.exchanges.credentials import check_credentials
from reconcile_actors.exchanges.registry import check_exchanges
from reconcile_actors.kernel.errors import KernelError, MailboxFull
from reconcile_actors.kernel.host import Rejected as HostRejected
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.kernel.signals import ChildParked, ChildRestarted, DescribeChildren, ResumeChild
from reconcile_actors.messages import (
    Accepted,
    Event,
    ExchangeMessage,
    GetDiscrepancies,
    GetPortfolio,
    GetStatus,
    Message,
    PauseExchange,
    ReconcileAll,
    ReconcileNow,
    ReconciliationCompleted,
    Recorded,
    Rejected,
    ResumeExchange,
)
from reconcile_actors.messages.records import RECORDS
from reconcile_actors.status import status_view
from reconcile_actors.storage import ReconciliationRepository
from reconcile_actors.utc import utc_us
from reconcile_actors.wiring import Gateways, OpenGateways, WatchedLedger, gateway_makers, supervisor_of

T = TypeVar("T")
EVENTS_MAX: Final = 10_000
START_SECONDS: Final = 10.0
STOP_SECONDS: Final = 8.0
GAP_RETRY_SECONDS: Final = 0.2
RECORD_SECONDS: Final = 20.0


class PortfolioReconciliationService(Protocol):
    """What an embedding program may rely on; ReconciliationSystem fulfils it."""

    def tell(self, message: Message) -> Accepted | Rejected:
        """Never blocks; accepted is not yet durable."""
        ...

    async def record(self, record: ExchangeMessage) -> Recorded:
        """Returns once committed."""
        ...

    async def ask(self, command: Message, *, timeout: float) -> object:  # noqa: ASYNC109 the public surface names it
        """One reply, or TimeoutError."""
        ...

    def events(self, *types: type[Event]) -> AsyncIterator[Event]:
        """What happens from now on."""
        ...


class ReconciliationSystem:
    """Entered with `async with` or, from threads, `with`. Nothing starts before."""

    def __init__(self, settings: Settings, gateways: Gateways | None, *, standalone: bool, contact: bool) -> None:
        self.settings = settings
        self._makers = gateways
        self._standalone = standalone
        self._contact = contact
        self._io = IoLoop()
        self._host: PykkaHost | None = None
        self._ledger: WatchedLedger | None = None
        self._gateways = OpenGateways({})
        self._compared: set[str] = set()
        self._down: set[str] = set()
        self._gaps: set[str] = set()
        self._gaps_lock = threading.Lock()
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
        to this run. This version observes only: `arm` and `isolation="process"` are refused.
        """
        settings = settings_or_path if isinstance(settings_or_path, Settings) else load(settings_or_path)
        if arm:
            raise UsageError("this version observes only: open the system without arm")
        if isolation != "thread":
            raise UsageError('this version runs beside its host in threads: isolation="thread" is right')
        contact = contact_exchanges and settings.reconciliation.enabled
        if gateways is None:
            check_exchanges(settings.exchanges)
            if contact:
                check_credentials(settings)
        elif set(gateways) != set(settings.exchanges):
            raise ConfigError("gateways: give one for each configured account")
        return cls(settings, gateways, standalone=standalone, contact=contact)

    # -- life --------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._io.start()
        try:
            await asyncio.wrap_future(self._io.submit(self._start))
        except BaseException:
            await asyncio.to_thread(self._io.stop)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._stop)

    def __enter__(self) -> Self:
        self._io.start()
        try:
            self._io.submit(self._start).result()
        except BaseException:
            self._io.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        self._host.subscribe(self._watch)
        ledger, gateways = self._ledger, self._gateways
        self._host.spawn(
            SUPERVISOR,
            lambda: supervisor_of(self.settings, ledger, gateways, standalone=self._standalone, contact=self._contact),
        )
        # the supervisor answers once its children are there: before that nobody could be asked anything
        await self._asked(self._host.ask(SUPERVISOR, DescribeChildren(), timeout_seconds=START_SECONDS))

    def _stop(self) -> None:
        if self._host is not None:
            self._host.stop(deadline_seconds=STOP_SECONDS)
        ledger = self._ledger
        if ledger is not None:
            self._io.submit(self._gateways.close_all, timeout_seconds=2.0).exception()
            self._io.submit(ledger.repository.close).result()
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
        result = self._running.tell(PORTFOLIO, message)
        if isinstance(result, HostRejected):
            self._note_gap(message.exchange)
            return Rejected(reason="overloaded" if result.reason == "full" else "not_running")
        return Accepted()

    async def record(self, record: ExchangeMessage) -> Recorded:
        """Says something and waits until it is durable (I8), known already, or refused.

        Raises TimeoutError where that is not known: send it again, it counts once.
        """
        if record.exchange not in self.settings.exchanges:
            return Recorded(status="refused", reason="unknown_exchange")
        try:
            answer = await self._asked(self._running.ask(PORTFOLIO, record, timeout_seconds=RECORD_SECONDS))
        except MailboxFull:
            return Recorded(status="refused", reason="overloaded")
        except KernelError:
            # it may have been written: sent again it counts once
            raise TimeoutError(
                "no answer in time, so it is not known whether this was recorded: send it again"
            ) from None
        assert isinstance(answer, Recorded), "the portfolio actor answers records so"
        return answer

    def _note_gap(self, exchange: str) -> None:
        """The hole in the book is told until it is taken; meanwhile nothing is lost but the message itself."""
        with self._gaps_lock:
            first = not self._gaps
            self._gaps.add(exchange)
        if first:
            self._io.submit(self._push_gaps)

    async def _push_gaps(self) -> None:
        while True:
            with self._gaps_lock:
                waiting = set(self._gaps)
            for exchange in waiting:
                if not isinstance(self._running.tell(PORTFOLIO, NoteGap(exchange)), HostRejected):
                    with self._gaps_lock:
                        self._gaps.discard(exchange)
            with self._gaps_lock:
                if not self._gaps:
                    return
            await asyncio.sleep(GAP_RETRY_SECONDS)

    # -- questions and commands --------------------------------------------------------------------------------------

    async def ask(self, command: Message, *, timeout: float) -> object:  # noqa: ASYNC109 the public surface names it
        """The reply to a command or query. Raises TimeoutError, or UsageError for an unknown account."""
        async with asyncio.timeout(timeout):
            return await self._answer(command, timeout)

    def ask_sync(self, command: Message, *, timeout: float) -> object:
        """`ask` for threads. Raises TimeoutError."""
        _ = self._running  # raises, in words that help, where it was not entered
        return self._io.submit(lambda: self.ask(command, timeout=timeout)).result()

    async def _answer(self, command: Message, timeout: float) -> object:  # noqa: ASYNC109 passed on as a deadline
        host = self._running
        match command:
            case ReconcileNow(exchange=exchange):
                return await self._asked(host.ask(self._role(exchange), command, timeout_seconds=timeout))
            case ReconcileAll():
                asked = [self._answer(ReconcileNow(exchange=name), timeout) for name in self.settings.exchanges]
                return tuple(await asyncio.gather(*asked))
            case ResumeExchange(exchange=exchange):
                role = self._role(exchange)
                await self._asked(host.ask(SUPERVISOR, ResumeChild(role), timeout_seconds=timeout))
                return await self._asked(host.ask(role, command, timeout_seconds=timeout))
            case PauseExchange() | GetPortfolio():
                role = PORTFOLIO if isinstance(command, GetPortfolio) else self._role(command.exchange)
                return await self._asked(host.ask(role, command, timeout_seconds=timeout))
            case GetDiscrepancies():
                return await self._discrepancies(command)
            case GetStatus():
                return await status_view(self.settings, host, self._store_state(), self._started_at)
            case _:
                raise UsageError(f"{type(command).__name__} has no answer: tell it, or record it")

    async def _discrepancies(self, query: GetDiscrepancies) -> object:
        assert self._ledger is not None, "the system is running"
        repository = self._ledger.repository
        found = await self._on_io(
            lambda: repository.discrepancies(query.exchange, include_closed=query.include_closed, id=query.id)
        )
        return tuple(found)

    def _store_state(self) -> tuple[bool, str]:
        assert self._ledger is not None, "the system is running"
        return self._ledger.ok, self._ledger.detail

    def _role(self, exchange: str) -> str:
        if exchange not in self.settings.exchanges:
            raise UsageError(f"no account {exchange!r}; known: {', '.join(self.settings.exchanges)}")
        return reconciliation_role(exchange)

    async def _on_io(self, work: Callable[[], Awaitable[T]]) -> T:
        return await asyncio.wrap_future(self._io.submit(work))

    @staticmethod
    async def _asked(future: Future[object]) -> object:
        return await asyncio.wrap_future(future)

    @property
    def _running(self) -> PykkaHost:
        if self._host is None:
            raise UsageError("the system is not running: enter it first, with `async with` or `with`")
        return self._host

    # -- events and health -------------------------------------------------------------------------------------------

    async def events(self, *types: type[Event]) -> AsyncIterator[Event]:
        """What happens from now on, of the types given or all. A reader that falls far behind loses the oldest."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event] = asyncio.Queue()

        def put(event: Event) -> None:
            if queue.qsize() >= EVENTS_MAX:
                queue.get_nowait()
            queue.put_nowait(event)

        def take(event: object) -> None:
            if isinstance(event, types or (Event,)) and isinstance(event, Event):
                with contextlib.suppress(RuntimeError):  # the reader's loop is gone, and the reader with it
                    loop.call_soon_threadsafe(put, event)

        subscription = self._running.subscribe(take)
        try:
            while True:
                yield await queue.get()
        finally:
            subscription.close()

    def health(self) -> Mapping[str, bool]:
        """Whether loop and actors are alive; exchanges do not count."""
        return {"loop": self._io.call_soon(lambda: None), "actors": self._host is not None and not self._down}

    def readiness(self) -> Mapping[str, bool]:
        """Whether the store works, the audit chain stands and its head is written elsewhere, and every account has been compared."""
        ledger = self._ledger
        return {
            "store": ledger is not None and ledger.ok,
            "audit": ledger is not None,
            "trusted_head": ledger is not None and not ledger.repository.is_head_behind,
            "first_comparison": set(self.settings.exchanges) <= self._compared,
        }
