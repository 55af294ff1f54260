"""Questions and commands: whom each is put to, and what is answered where that one is down."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reconcile_actors.actors.adjusting import ADJUSTMENT
from reconcile_actors.actors.protocol import PORTFOLIO, SUPERVISOR, reconciliation_role
from reconcile_actors.actors.resolving import Resolution
from reconcile_actors.answers import answer_of, awaited, unknown_report
from reconcile_actors.config import Settings
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.halting import standing_of
from reconcile_actors.errors import StoreError, UnavailableError, UsageError
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.kernel.signals import ResumeChild
from reconcile_actors.messages import (
    AcknowledgeAdjustment,
    AcknowledgeHalt,
    ApproveResolution,
    GetDiscrepancies,
    GetHalts,
    GetPortfolio,
    GetProposals,
    GetStatus,
    IgnoreDiscrepancy,
    Message,
    OverrideResolution,
    PauseExchange,
    ReconcileNow,
    Recorded,
    RejectResolution,
    ReleaseHalt,
    ResumeExchange,
)
from reconcile_actors.messages.views import StatusView
from reconcile_actors.status import Kept, status_view
from reconcile_actors.utc import utc_us
from reconcile_actors.wiring import WatchedLedger

T = TypeVar("T")


class Questions:
    """Put to the actors and the store of a system that runs, from any loop."""

    def __init__(
        self, settings: Settings, host: PykkaHost, ledger: WatchedLedger, io: IoLoop, started_at: int, *, armed: bool
    ) -> None:
        self._settings = settings
        self._host = host
        self._ledger = ledger
        self._io = io
        self._started_at = started_at
        self._armed = armed

    async def every_pass(self, timeout: float) -> tuple[object, ...]:  # noqa: ASYNC109 each pass has this deadline by itself
        """A pass of every account, in the configuration's order; one that gives no report in time is unknown (`timeout`)."""
        return tuple(await asyncio.gather(*(self._pass(name, timeout) for name in self._settings.exchanges)))

    async def _pass(self, exchange: str, timeout: float) -> object:  # noqa: ASYNC109 passed on as a deadline
        try:
            return await self.answer(ReconcileNow(exchange=exchange), timeout)
        except TimeoutError as error:
            return unknown_report(exchange, error, utc_us())

    async def answer(  # noqa: PLR0911 one return a kind of question reads best
        self,
        command: Message,
        timeout: float,  # noqa: ASYNC109 passed on as a deadline
    ) -> object:
        """The reply. Raises as `ReconciliationSystem.ask` does."""
        host = self._host
        match command:
            case ReconcileNow(exchange=exchange):
                try:
                    return await answer_of(host.ask(self._role(exchange), command, timeout_seconds=timeout))
                except UnavailableError as error:  # no account is left out of a report because its actor is down (I1)
                    return unknown_report(exchange, error, utc_us())
            case ResumeExchange(exchange=exchange):
                role = self._role(exchange)
                await answer_of(host.ask(SUPERVISOR, ResumeChild(role), timeout_seconds=timeout))
                return await answer_of(host.ask(role, command, timeout_seconds=timeout))
            case PauseExchange() | AcknowledgeHalt() | ReleaseHalt() | GetProposals():
                return await answer_of(host.ask(self._role(command.exchange), command, timeout_seconds=timeout))
            case GetPortfolio():
                return await answer_of(host.ask(PORTFOLIO, command, timeout_seconds=timeout))
            case AcknowledgeAdjustment(exchange=exchange):
                self._role(exchange)  # raises where there is no such account
                return await answer_of(host.ask(PORTFOLIO, command, timeout_seconds=timeout))
            case ApproveResolution() | RejectResolution() | OverrideResolution() | IgnoreDiscrepancy():
                return await self._resolved(command, timeout)
            case GetDiscrepancies():
                return await self._discrepancies(command)
            case GetHalts(exchange=name):
                if name is not None:
                    self._role(name)  # raises where there is no such account
                return await self._halts(name)
            case GetStatus():
                return await self._status()
            case _:
                raise UsageError(f"{type(command).__name__} has no answer: tell it, or record it")

    async def _resolved(self, command: Resolution, timeout: float) -> object:  # noqa: ASYNC109 passed on as a deadline
        """A decision about a discrepancy. One that is over is refused by its state, and not as unknown."""
        role = self._role(command.exchange)
        answer = await answer_of(self._host.ask(role, command, timeout_seconds=timeout))
        if isinstance(answer, Recorded) and answer.reason == "unknown_discrepancy":
            for one in await self._discrepancies(GetDiscrepancies(exchange=command.exchange, id=command.id)):
                return Recorded(status="refused", reason=f"state_{one.state}")
        return answer

    async def _discrepancies(self, query: GetDiscrepancies) -> tuple[BalanceDiscrepancy, ...]:
        repository = self._ledger.repository
        found = await self._on_io(
            lambda: repository.discrepancies(query.exchange, include_closed=query.include_closed, id=query.id)
        )
        return tuple(found)

    async def _halts(self, exchange: str | None) -> tuple[TradingHalt, ...]:
        return standing_of(await self._on_io(self._ledger.repository.control), exchange)

    async def _status(self) -> StatusView:
        repository, kept = self._ledger.repository, Kept()
        with contextlib.suppress(StoreError):  # the answer itself says that the store fails
            adjusted = await self._on_io(lambda: repository.unacknowledged(ADJUSTMENT))
            kept = Kept(await self._halts(None), [str(one["exchange"]) for one in adjusted])
        return await status_view(
            self._settings,
            self._host,
            (self._ledger.ok, self._ledger.detail),
            self._started_at,
            kept,
            armed=self._armed,
        )

    def _role(self, exchange: str) -> str:
        if exchange not in self._settings.exchanges:
            raise UsageError(f"no account {exchange!r}; known: {', '.join(self._settings.exchanges)}")
        return reconciliation_role(exchange)

    async def _on_io(self, work: Callable[[], Awaitable[T]]) -> T:
        return await awaited(self._io.submit(work))
