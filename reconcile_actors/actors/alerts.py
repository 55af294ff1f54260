"""The alerts actor: takes alerts from the store once they are committed, and tells every sink of them until it has acknowledged.

What was acknowledged is noted in the store, so a restart forgets nothing; what was sent and not yet noted is sent once more,
under the same event id. No sink waits for another, and nobody waits for this actor.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from reconcile_actors.actors.alert_lane import Lane
from reconcile_actors.actors.alert_memory import AlertMemory
from reconcile_actors.actors.alert_outbox import AlertOutbox, AlertStore, Noted, Recalled, RowsRead
from reconcile_actors.actors.alert_protocol import (
    AlertsStatus,
    AlertsUnwritten,
    AlertsWritten,
    DescribeAlerts,
    StoreChanged,
)
from reconcile_actors.actors.protocol import AUDIT, Commit, CommitResult
from reconcile_actors.domain.alerts import Alert, alert_from, lapsed_alert, store_alert
from reconcile_actors.domain.deliveries import Standing
from reconcile_actors.domain.ledger import AuditEntry, Refused, UnitOfWork
from reconcile_actors.kernel.behaviour import Behaviour, Context, Outcome, Success, Timer
from reconcile_actors.messages.wire import to_us
from reconcile_actors.sinks.port import AlertSink, Postponed, Result

LAPSE_RETRY_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 1.5
SAFETY_SECONDS: Final = 1.0


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
class _Told:
    lane: Lane
    standing: Standing
    outcome: Outcome[Result]


@dataclass(frozen=True, slots=True)
class _Due:
    """Time to look whether something is to be done."""


@dataclass(frozen=True, slots=True)
class _LapseDue:
    """Time to ask which conditions of an earlier process were not said again; `events` are theirs, by key."""

    events: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _EndDue:
    """The last moment has passed."""


class AlertsActor(Behaviour):
    """One lane a sink. Deduplication and reminders are the domain's (`domain.deliveries`)."""

    def __init__(self, store: AlertStore, sinks: Sequence[AlertSink], rules: AlertRules) -> None:
        self._rules = rules
        self._memory = AlertMemory(tuple(sinks), rules.repeat_seconds)
        self._outbox = AlertOutbox(store, self._memory)
        self._lanes = [Lane(sink, self._memory) for sink in sinks]
        self._lapse: _LapseDue | None = None
        self._timer: Timer | None = None
        self._ending = False

    def started(self, context: Context) -> None:
        """Reads what is pending: also what was left by an earlier process."""
        self._advance(context)

    def receive(self, context: Context, message: object) -> None:
        """News, answers of the store and of sinks, and its own ticks; then what is due next."""
        match message:
            case AlertsWritten():
                self._outbox.wanted = True
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
            case Recalled() | RowsRead() | Noted():
                self._take_from_store(context, message)
            case _Told(lane=lane, standing=standing, outcome=outcome):
                result = outcome.value if isinstance(outcome, Success) else Postponed("no_answer")
                lane.take(standing, result, now=context.monotonic(), now_at=_at(context), random=context.random)
            case _LapseDue(events=events):
                self._end_what_lapsed(context, events)
            case CommitResult(result=Refused()) if self._lapse is not None:
                context.schedule(LAPSE_RETRY_SECONDS, self._lapse)
            case _EndDue():
                context.stop()
            case _:
                pass  # a tick: what is due follows

    def _take_from_store(self, context: Context, answer: Recalled | RowsRead | Noted) -> None:
        was_complete = self._outbox.complete
        self._outbox.take(context, answer)
        if isinstance(answer, Recalled):
            for lane in self._lanes:
                lane.recall()
        # after a crash of this actor alone the others live on, and what they said holds
        if self._outbox.complete and not was_complete and context.epoch == 1:
            standing = self._memory.standing.items()
            self._lapse = _LapseDue({key: one.event for key, one in standing if self._may_lapse(one.alert)})
            context.schedule(self._rules.lapse_seconds, self._lapse)

    # -- what is due ---------------------------------------------------------------------------------------------------

    def _advance(self, context: Context) -> None:
        if self._outbox.may_speak:
            for lane in self._lanes:
                self._serve(context, lane)
        self._outbox.advance(context)
        if self._ending and self._is_idle(context):
            context.stop()
        else:
            self._plan(context)

    def _serve(self, context: Context, lane: Lane) -> None:
        key = lane.next_key(context.monotonic(), _at(context))
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
        """One timer: the next word to a sink that may be spoken to, or the next look at the store."""
        now, now_at = context.monotonic(), _at(context)
        store_at = self._outbox.next_at()
        waits = [None if store_at is None else store_at - now]
        if self._outbox.may_speak:
            waits += [lane.next_wait(now, now_at) for lane in self._lanes]
        if self._timer is not None:
            self._timer.cancel()
        wait = min((one for one in waits if one is not None), default=None)
        self._timer = None if wait is None else context.schedule(max(0.0, wait), _Due())

    # -- what an earlier process said ----------------------------------------------------------------------------------

    def _may_lapse(self, alert: Alert) -> bool:
        gone = alert.account is not None and alert.account not in self._rules.accounts
        return alert.kind.ends_with_process or gone

    def _end_what_lapsed(self, context: Context, events: Mapping[str, str]) -> None:
        standing = self._memory.standing
        for key in [key for key, event in events.items() if key in standing and standing[key].event == event]:
            lapsed = lapsed_alert(standing[key].alert)
            entry = AuditEntry("alert.lapsed", lapsed.account, {"key": key})
            context.tell(AUDIT, Commit(0, UnitOfWork(entries=(entry,), outbox=(lapsed.row(),))))

    # -- the end -------------------------------------------------------------------------------------------------------

    def stop_requested(self, context: Context) -> bool:
        """Asked to stop: what is under way may arrive; what cannot is in the store."""
        self._ending = self._outbox.wanted = self._memory.hurries = True
        context.schedule(GRACE_SECONDS, _EndDue())
        self._advance(context)
        return False

    def _is_idle(self, context: Context) -> bool:
        now, now_at = context.monotonic(), _at(context)
        return self._outbox.is_idle and not any(lane.busy or lane.next_key(now, now_at) for lane in self._lanes)


def _at(context: Context) -> int:
    return to_us(context.utc())
