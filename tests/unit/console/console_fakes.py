"""A system that answers from a table, behind the console and the command line; and values to answer with."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from reconcile_actors.config import Settings, load_text
from reconcile_actors.console.server import ConsoleServer
from reconcile_actors.domain.balances import Balance, Field
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.messages import (
    Event,
    ExchangeMessage,
    GetDiscrepancies,
    GetPortfolio,
    GetStatus,
    Message,
    ReconcileNow,
    Recorded,
)
from reconcile_actors.messages.views import AccountPortfolio, AccountStatus, PortfolioView, StatusView

CONFIG = """
[exchanges.main]
id = "kraken"
wallets = ["spot"]
api_key_env = "NO_SUCH_KEY"
secret_env = "NO_SUCH_SECRET"

[exchanges.second]
id = "kraken"
api_key_env = "NO_SUCH_KEY"
secret_env = "NO_SUCH_SECRET"

[store]
path = "store.db"

[audit]
key_file = "audit.key"
trusted_head_file = "head"
"""
AT = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def settings_in(directory: Path, extra: str = "") -> Settings:
    """Settings whose files stand in `directory`."""
    return load_text(CONFIG + extra, directory=directory, environ={})


def discrepancy(**changes: Any) -> BalanceDiscrepancy:
    """A confirmed discrepancy of BTC in account main."""
    given: dict[str, Any] = {
        "id": "main:spot:BTC:total:1",
        "exchange": "main",
        "wallet": "spot",
        "currency": "BTC",
        "field": Field.TOTAL,
        "episode": 1,
        "kind": Kind.MISMATCH,
        "severity": Severity.ERROR,
        "local": Decimal("1.50"),
        "exchange_value": Decimal(1),
        "difference": Decimal("-0.5"),
        "value_usd": Decimal(30000),
        "tolerance": Decimal("1e-8"),
        "cause": "missed_fill",
        "state": State.CONFIRMED,
        "detected_at": AT,
        "confirmed_at": AT + 1,
        "evidence": ("T1",),
    }
    return BalanceDiscrepancy(**(given | changes))


def report(
    exchange: str = "main", *found: BalanceDiscrepancy, unknown: UnknownReason | None = None
) -> ReconciliationReport:
    """A report of an account: matched, unless something was found or it is unknown."""
    status = ReconciliationStatus.MATCHED
    if unknown is not None:
        status = ReconciliationStatus.UNKNOWN
    if found:
        status = ReconciliationStatus.DISCREPANT
    balances = (Balance("BTC", Decimal("1.50")),)
    return ReconciliationReport(
        exchange,
        AT,
        status,
        local_balances=balances,
        exchange_balances=balances,
        discrepancies=found,
        unknown_reason=unknown,
    )


def account_status(exchange: str, status: str = "matched", **changes: Any) -> AccountStatus:
    """How an account is doing: well, unless said otherwise."""
    given: dict[str, Any] = {
        "exchange": exchange,
        "id": "kraken",
        "status": status,
        "unknown_reason": None,
        "breaker": "closed",
        "actor": "alive",
        "epoch": 1,
        "restarts": 0,
        "paused": False,
        "last_read_at": AT,
        "last_decided_at": AT,
        "last_pass_at": None,
        "open_discrepancies": 0,
        "tier": "pro",
        "poll_seconds": 2.0,
        "detection_seconds": 4.5,
    }
    return AccountStatus(**(given | changes))


def status_view(*accounts: AccountStatus) -> StatusView:
    """A running system with these accounts."""
    return StatusView(
        mode="observe",
        armed=False,
        started_at=AT,
        enabled=True,
        accounts=accounts or (account_status("main"), account_status("second", "unknown", unknown_reason="no_opening")),
        audit_size=7,
        store_ok=True,
        threshold_usd=Decimal(10),
    )


def portfolio_view(*openings: str) -> PortfolioView:
    """A book with one balance."""
    main = AccountPortfolio("main", 3, (Balance("BTC", Decimal("1.50")),), (), openings, 17)
    return PortfolioView((main, AccountPortfolio("second", 0, (), (), (), None, "no_opening")))


class FakeSystem:
    """Answers from `replies` by the command's type (a value, an exception, or a callable); records what it was given.

    A record is a duplicate the second time; one whose id starts with "bad" is refused; `failing` is raised by every record.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.asked: list[tuple[Message, float]] = []
        self.recorded: list[ExchangeMessage] = []
        self.failing: BaseException | None = None
        self.checks = {"loop": True, "actors": True}
        self.ready = {"store": True, "audit": True, "first_comparison": True}
        self.replies: dict[type[Message], object] = {
            GetStatus: status_view(),
            GetPortfolio: portfolio_view("spot"),
            GetDiscrepancies: lambda query: (discrepancy(),) if query.id in {None, "main:spot:BTC:total:1"} else (),
            ReconcileNow: lambda command: report(command.exchange),
        }
        self._listeners: list[tuple[tuple[type[Event], ...], asyncio.Queue[Event]]] = []
        self.listening = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def record(self, record: ExchangeMessage) -> Recorded:
        if self.failing is not None:
            raise self.failing
        known = record in self.recorded
        self.recorded.append(record)
        if str(getattr(record, "id", "")).startswith("bad"):
            return Recorded(status="refused", reason="conflict")
        return Recorded(status="duplicate" if known else "recorded")

    async def ask(self, command: Message, *, timeout: float) -> object:  # noqa: ASYNC109 - as the real one
        self.asked.append((command, timeout))
        reply = self.replies.get(type(command), Recorded(status="recorded"))
        reply = reply(command) if callable(reply) else reply
        if isinstance(reply, BaseException):
            raise reply
        return reply

    async def events(self, *types: type[Event]) -> AsyncIterator[Event]:
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.append((types, queue))
        self.listening.set()
        while True:
            yield await queue.get()
            queue.task_done()  # asked for the next: what came before has been handled

    def publish(self, event: Event) -> None:
        for types, queue in self._listeners:
            if not types or isinstance(event, types):
                queue.put_nowait(event)

    async def drained(self) -> None:
        """Returns when every listener has handled all that was published."""
        await asyncio.gather(*(queue.join() for _, queue in self._listeners))

    def health(self) -> Mapping[str, bool]:
        return self.checks

    def readiness(self) -> Mapping[str, bool]:
        return self.ready


@contextmanager
def served(system: FakeSystem) -> Iterator[FakeSystem]:
    """The system behind its real socket, on a loop in a thread of its own, for callers that are not asynchronous."""
    started, loops = threading.Event(), []
    stop = asyncio.Event()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with ConsoleServer(system):
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10), "the server did not start"
        yield system
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
