"""The alerts actor: takes alerts from the store once they are committed, and tells every sink of them until it has acknowledged.

What was acknowledged is noted in the store, so a restart forgets nothing; what was sent and not yet noted is sent once more,
under the same event id. No sink waits for another, and nobody waits for this actor.
"""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

from reconcile_actors.actors.alert_lane import Lane
from reconcile_actors.actors.alert_memory import AlertMemory, Settling
from reconcile_actors.actors.alert_protocol import (
    AlertsStatus,
    AlertsUnwritten,
    AlertsWritten,
    DescribeAlerts,
    StoreChanged,
)
from reconcile_actors.actors.protocol import AUDIT, Commit, CommitResult
from reconcile_actors.domain.alerts import ALERT, Alert, alert_from, lapsed_alert, store_alert
from reconcile_actors.domain.deliveries import Delivery, Standing
from reconcile_actors.domain.deliveries import Outcome as DeliveryOutcome
from reconcile_actors.domain.ledger import AuditEntry, PendingMessage, Refused, UnitOfWork
from reconcile_actors.kernel.behaviour import Behaviour, Context, Outcome, Success, Timer
from reconcile_actors.logger import logger
from reconcile_actors.messages.wire import to_us
from reconcile_actors.sinks.port import AlertSink, Postponed, Result

PAGE: Final = 500
LOOK_SECONDS: Final = 60.0
RETRY_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 1.5
SAFETY_SECONDS: Final = 1.0


class AlertStore(Protocol):
    """The part of the repository that this actor needs."""

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
class AlertRules:
    """What the configuration says: who speaks, of which accounts, and when something is told again.

    What only a running process can vouch for has lapsed when it was not said again `lapse_seconds` after the start.
    """

    origin: str
    accounts: Collection[str]
    repeat_seconds: float
    lapse_seconds: float


@dataclass(frozen=True, slots=True)
class _Recalled:
    outcome: Outcome[Sequence[Delivery]]


@dataclass(frozen=True, slots=True)
class _Read:
    outcome: Outcome[Sequence[PendingMessage]]


@dataclass(frozen=True, slots=True)
class _Told:
    lane: Lane
    standing: Standing
    outcome: Outcome[Result]


@dataclass(frozen=True, slots=True)
class _Noted:
    what: Settling
    outcome: Outcome[None]


@dataclass(frozen=True, slots=True)
class _Due:
    """Time to look whether something is to be done."""


@dataclass(frozen=True, slots=True)
class _LapseDue:
    """Time to ask which conditions were not said again."""


@dataclass(frozen=True, slots=True)
class _EndDue:
    """The last moment has passed."""


@dataclass(slots=True)
class _Reading:
    """How far the outbox has been read. A store that cannot be read must not silence what is known without it."""

    recalled: bool = False
    complete: bool = False
    may_speak: bool = False
    wanted: bool = True
    busy: bool = False
    after_id: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class _Noting:
    busy: bool = False
    not_before: float = 0.0


@dataclass(slots=True)
class _Lapse:
    """Conditions of an earlier process, by key: the event that they were."""

    events: dict[str, str] = field(default_factory=dict)


class AlertsActor(Behaviour):
    """One lane a sink. Deduplication and reminders are the domain's (`domain.deliveries`)."""

    def __init__(self, store: AlertStore, sinks: Sequence[AlertSink], rules: AlertRules) -> None:
        self._store = store
        self._rules = rules
        self._memory = AlertMemory(tuple(sinks), rules.repeat_seconds)
        self._lanes = [Lane(sink, self._memory) for sink in sinks]
        self._reading = _Reading()
        self._noting = _Noting()
        self._lapse = _Lapse()
        self._timer: Timer | None = None
        self._ending = False

    def started(self, context: Context) -> None:
        """Reads what is pending: also what was left by an earlier process."""
        self._advance(context)

    def receive(self, context: Context, message: object) -> None:
        """News, answers of the store and of sinks, and its own ticks; then what is due next."""
        match message:
            case AlertsWritten():
                self._reading.wanted = True
            case AlertsUnwritten(rows=rows):
                for row in rows:
                    self._memory.take(Standing(0, _at(context), alert_from(row.body)))
            case StoreChanged(reason=reason):
                self._memory.take(Standing(0, _at(context), store_alert(reason, over=not reason)))
            case DescribeAlerts():
                context.reply(AlertsStatus(tuple(lane.status(_at(context)) for lane in self._lanes)))
            case _:
                self._take_own(context, message)
        self._advance(context)

    def _take_own(self, context: Context, message: object) -> None:
        match message:
            case _Recalled():
                self._on_recalled(context, message.outcome)
            case _Read():
                self._on_read(context, message.outcome)
            case _Told(lane=lane, standing=standing, outcome=outcome):
                result = outcome.value if isinstance(outcome, Success) else Postponed("no_answer")
                lane.take(standing, result, now=context.monotonic(), now_at=_at(context), random=context.random)
            case _Noted():
                self._on_noted(context, message)
            case _LapseDue():
                self._end_what_lapsed(context)
            case CommitResult(result=Refused()):
                context.schedule(LOOK_SECONDS, _LapseDue())
            case _EndDue():
                context.stop()
            case _:
                pass  # a tick: what is due follows

    # -- what is due ---------------------------------------------------------------------------------------------------

    def _advance(self, context: Context) -> None:
        self._read(context)
        if self._reading.may_speak:
            for lane in self._lanes:
                self._serve(context, lane)
        self._note(context)
        if self._ending and self._is_idle(context):
            context.stop()
        else:
            self._plan(context)

    def _serve(self, context: Context, lane: Lane) -> None:
        key = None if lane.busy or context.monotonic() < lane.quiet_until else lane.next_key(_at(context))
        if key is None:
            return
        lane.busy = True
        notice, standing = lane.notice(key, self._rules.origin), self._memory.standing[key]
        context.run(
            lambda: lane.sink.deliver(notice),
            partial(_Told, lane, standing),
            timeout_seconds=lane.sink.timeout_seconds + SAFETY_SECONDS,
        )

    def _plan(self, context: Context) -> None:
        """One timer: the next word to a sink that may be spoken to, or the next look."""
        now, now_at = context.monotonic(), _at(context)
        waits = [LOOK_SECONDS]
        if self._reading.wanted and not self._reading.busy:
            waits.append(self._reading.not_before - now)
        if self._memory.settling and not self._noting.busy:
            waits.append(self._noting.not_before - now)
        for lane in self._lanes if self._reading.may_speak else ():
            due = None if lane.busy else lane.next_due_at()
            if due is not None:
                waits.append(max((due - now_at) / 1_000_000, lane.quiet_until - now))
        if self._timer is not None:
            self._timer.cancel()
        self._timer = context.schedule(max(0.0, min(waits)), _Due())

    # -- the store -----------------------------------------------------------------------------------------------------

    def _read(self, context: Context) -> None:
        reading = self._reading
        if reading.busy or not reading.wanted or context.monotonic() < reading.not_before:
            return
        reading.busy = True
        if not reading.recalled:
            context.run(self._store.deliveries, _Recalled)
            return
        after_id, reading.wanted = reading.after_id, False
        context.run(lambda: self._store.outbox_pending(ALERT, after_id=after_id, limit=PAGE), _Read)

    def _on_recalled(self, context: Context, outcome: Outcome[Sequence[Delivery]]) -> None:
        self._reading.busy = False
        if not isinstance(outcome, Success):
            self._reading.may_speak = True
            self._reading.not_before = context.monotonic() + RETRY_SECONDS
            return
        self._reading.recalled = True
        self._memory.recall(outcome.value)
        for lane in self._lanes:
            mine = [one for one in outcome.value if one.sink == lane.sink.name]
            lane.failed = sum(one.outcome is DeliveryOutcome.FAILED for one in mine)

    def _on_read(self, context: Context, outcome: Outcome[Sequence[PendingMessage]]) -> None:
        reading = self._reading
        reading.busy = False
        if not isinstance(outcome, Success):
            reading.wanted = reading.may_speak = True
            reading.not_before = context.monotonic() + RETRY_SECONDS
            return
        for row in outcome.value:
            reading.after_id = row.id
            self._take_row(row)
        if len(outcome.value) == PAGE:
            reading.wanted = True
        elif not reading.complete:
            reading.complete = reading.may_speak = True
            self._await_lapse(context)

    def _take_row(self, row: PendingMessage) -> None:
        try:
            alert = alert_from(row.body)
        except ValueError:
            logger.bind(id=row.id).error("an alert in the store is not readable")
            self._memory.settling.done.append(row.id)
            return
        self._memory.take(Standing(row.id, row.created_at, alert))

    def _note(self, context: Context) -> None:
        noting = self._noting
        if noting.busy or not self._memory.settling or context.monotonic() < noting.not_before:
            return
        noting.busy = True
        what = self._memory.take_settling()
        context.run(
            lambda: self._store.settle_outbox(what.done, list(what.told.values()), sorted(what.over)),
            partial(_Noted, what),
        )

    def _on_noted(self, context: Context, noted: _Noted) -> None:
        self._noting.busy = False
        if not isinstance(noted.outcome, Success):
            self._memory.settling.put_back(noted.what)
            self._noting.not_before = context.monotonic() + RETRY_SECONDS

    # -- what an earlier process said ----------------------------------------------------------------------------------

    def _await_lapse(self, context: Context) -> None:
        if context.epoch > 1:
            return  # the others live on: what they said holds
        standing = self._memory.standing.items()
        self._lapse.events = {key: one.event for key, one in standing if self._may_lapse(one.alert)}
        context.schedule(self._rules.lapse_seconds, _LapseDue())

    def _may_lapse(self, alert: Alert) -> bool:
        gone = alert.account is not None and alert.account not in self._rules.accounts
        return alert.kind.ends_with_process or gone

    def _end_what_lapsed(self, context: Context) -> None:
        standing = self._memory.standing
        events = self._lapse.events
        for key in [key for key, event in events.items() if key in standing and standing[key].event == event]:
            lapsed = lapsed_alert(standing[key].alert)
            entry = AuditEntry("alert.lapsed", lapsed.account, {"key": key})
            context.tell(AUDIT, Commit(0, UnitOfWork(entries=(entry,), outbox=(lapsed.row(),))))

    # -- the end -------------------------------------------------------------------------------------------------------

    def stop_requested(self, context: Context) -> bool:
        """Asked to stop: what is under way may arrive; what cannot is in the store."""
        self._ending = self._reading.wanted = self._memory.hurries = True
        context.schedule(GRACE_SECONDS, _EndDue())
        self._advance(context)
        return False

    def _is_idle(self, context: Context) -> bool:
        now, now_at = context.monotonic(), _at(context)
        works = any(lane.busy or (now >= lane.quiet_until and lane.next_key(now_at)) for lane in self._lanes)
        stored = self._reading.busy or self._reading.wanted or self._noting.busy or bool(self._memory.settling)
        return not (works or stored)


def _at(context: Context) -> int:
    return to_us(context.utc())
