"""The alerts actor's side to the store: reads new alerts once they are committed, and notes what became of them."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeAlias

from reconcile_actors.actors.alert_memory import AlertMemory, Settling
from reconcile_actors.domain.alerts import ALERT, alert_from
from reconcile_actors.domain.deliveries import Delivery, Standing
from reconcile_actors.domain.ledger import PendingMessage
from reconcile_actors.kernel.behaviour import Context, Outcome, Success
from reconcile_actors.logger import logger
from reconcile_actors.messages.wire import to_us

PAGE: Final = 500
RETRY_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 60.0


class AlertStore(Protocol):
    """The part of the repository that the alerts actor needs."""

    def outbox_pending(self, kind: str, *, after_id: int, limit: int) -> Awaitable[Sequence[PendingMessage]]:
        """Alerts about which something is still to be said."""
        ...

    def deliveries(self) -> Awaitable[Sequence[Delivery]]:
        """What each sink was told last."""
        ...

    def settle_outbox(
        self, done: Sequence[int], deliveries: Sequence[Delivery], over: Sequence[str]
    ) -> Awaitable[None]:
        """Notes what became of alerts."""
        ...


@dataclass(frozen=True, slots=True)
class Recalled:
    """What sinks were told before the start came, or not."""

    outcome: Outcome[Sequence[Delivery]]


@dataclass(frozen=True, slots=True)
class RowsRead:
    """New alerts came, or not."""

    outcome: Outcome[Sequence[PendingMessage]]


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of alerts is on disk, or not."""

    what: Settling
    outcome: Outcome[None]


StoreAnswer: TypeAlias = Recalled | RowsRead | Noted


@dataclass(slots=True)
class AlertOutbox:
    """`wanted`: there may be new alerts. `complete`: everything was read once. `may_speak`: that, or the store cannot be read,
    which must not silence what is known without it."""

    store: AlertStore
    memory: AlertMemory
    wanted: bool = True
    complete: bool = False
    may_speak: bool = False
    _recalled: bool = False
    _reads: bool = False
    _notes: bool = False
    _after_id: int = 0
    _read_at: float = 0.0
    _note_at: float = 0.0
    _look_at: float = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way at the store, and nothing is left to do there."""
        return not (self._reads or self.wanted or self._notes or self.memory.settling)

    def advance(self, context: Context) -> None:
        """Begins what is due."""
        now = context.monotonic()
        self.wanted = self.wanted or now >= self._look_at
        if self.wanted and not self._reads and now >= self._read_at:
            self._read(context)
        if self.memory.settling and not self._notes and now >= self._note_at:
            self._note(context)

    def next_at(self) -> float | None:
        """When (monotonic seconds) something is due; None where an answer comes first. A word of new alerts may be lost, so
        that from time to time it looks by itself."""
        dues = []
        if not self._reads:
            dues.append(self._read_at if self.wanted else self._look_at)
        if self.memory.settling and not self._notes:
            dues.append(self._note_at)
        return min(dues, default=None)

    def take(self, context: Context, answer: StoreAnswer) -> None:
        """The store answered; what failed is tried again a little later."""
        later = context.monotonic() + RETRY_SECONDS
        match answer:
            case Noted(what=what, outcome=outcome):
                self._notes = False
                if not isinstance(outcome, Success):
                    self.memory.settling.put_back(what)
                    self._note_at = later
            case Recalled(outcome=Success(value=deliveries)):
                self._reads, self._recalled = False, True
                self.memory.recall(deliveries)
            case RowsRead(outcome=Success(value=rows)):
                self._reads = False
                self._take_rows(rows, to_us(context.utc()))
            case Recalled() | RowsRead():
                self._reads, self.wanted, self.may_speak, self._read_at = False, True, True, later

    def _read(self, context: Context) -> None:
        self._reads, self._look_at = True, context.monotonic() + LOOK_SECONDS
        if not self._recalled:
            context.run(self.store.deliveries, Recalled)
            return
        after_id, self.wanted = self._after_id, False
        context.run(lambda: self.store.outbox_pending(ALERT, after_id=after_id, limit=PAGE), RowsRead)

    def _take_rows(self, rows: Sequence[PendingMessage], now_at: int) -> None:
        for row in rows:
            self._after_id = row.id
            try:
                alert = alert_from(row.body)
            except ValueError:
                logger.bind(id=row.id).error("an alert in the store is not readable")
                self.memory.settling.done.append(row.id)
                continue
            self.memory.take(Standing(row.id, row.created_at, alert, since=min(row.created_at, now_at)))
        if len(rows) == PAGE:
            self.wanted = True
        else:
            self.complete = self.may_speak = self.memory.is_loaded = True

    def _note(self, context: Context) -> None:
        self._notes = True
        what = self.memory.take_settling()
        context.run(
            lambda: self.store.settle_outbox(what.done, list(what.told.values()), sorted(what.over)),
            partial(Noted, what),
        )
