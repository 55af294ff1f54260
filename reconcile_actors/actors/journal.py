"""What an account's actor wants to have in the ledger, in order, and what happens once it is there.

An effect (an event, a reply) follows the ledger's answer, never goes before it (I3). While the store fails the same unit
is tried again; after each such try the effects of all that stands in line are released, because a person must hear of a
loss also then.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from reconcile_actors.actors.alert_protocol import ALERTS, AlertsUnwritten
from reconcile_actors.actors.protocol import AUDIT, Commit, CommitResult
from reconcile_actors.domain.alerts import alert_of
from reconcile_actors.domain.discrepancy import Kind, State
from reconcile_actors.domain.ledger import AuditEntry, Json, Refused, UnitOfWork
from reconcile_actors.domain.register import Change
from reconcile_actors.domain.resolution import cleared
from reconcile_actors.kernel.behaviour import Context, Timer
from reconcile_actors.messages import DiscrepancyConfirmed, DiscrepancyDetected, DiscrepancyResolved, Event
from reconcile_actors.messages.wire import to_datetime, to_json

WAITING_MAX: Final = 500
RETRY_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 15.0

Effect = Callable[[], object]


@dataclass(frozen=True, slots=True)
class JournalDue:
    """To oneself: try the ledger again, or give up waiting for the answer to `token`."""

    token: int | None


@dataclass(slots=True)
class _Draft:
    unit: UnitOfWork
    effects: Sequence[Effect]
    is_told: bool = False


@dataclass(slots=True)
class Journal:
    """At most one unit at the ledger, the rest in line. A full line means: begin nothing that could not be recorded."""

    exchange: str
    _line: deque[_Draft] = field(default_factory=deque)
    _token: int | None = None
    _last_token: int = 0
    _timer: Timer | None = None
    trouble: str | None = None

    @property
    def store_ok(self) -> bool:
        """Whether the last try went well."""
        return self.trouble is None

    @property
    def has_room(self) -> bool:
        """Whether a new pass has a place in the log."""
        return len(self._line) < WAITING_MAX

    @property
    def is_empty(self) -> bool:
        """Whether everything is durable."""
        return not self._line

    def write(self, context: Context, unit: UnitOfWork, *effects: Effect) -> None:
        """Puts a unit in line."""
        self._line.append(_Draft(unit, effects))
        self._send(context)

    def note(
        self,
        context: Context,
        kind: str,
        body: Mapping[str, object],
        *,
        payload: Mapping[str, Json] | None = None,
    ) -> None:
        """Puts a single audit entry in line. Amounts go into the payload, never into the body."""
        correlation = context.envelope.correlation_id if context.envelope is not None else None
        entry = AuditEntry(kind, self.exchange, to_json(body), payload, correlation)
        self.write(context, UnitOfWork(entries=(entry,)))

    def note_changes(
        self,
        context: Context,
        changes: Sequence[Change],
        *,
        decision: AuditEntry | None = None,
        control: Sequence[tuple[str, str | None]] = (),
        effects: Sequence[Effect] = (),
    ) -> None:
        """Puts what changed of the discrepancies in line, each with its entry, and its event to follow.

        A `decision` that changed them comes first, in the same unit, with its switches and what follows from it.
        """
        if not changes and decision is None:
            return
        entries = [] if decision is None else [decision]
        events: list[Event] = []
        correlation = context.envelope.correlation_id if context.envelope is not None else None
        for change in changes:
            entries.append(_entry(change, correlation))
            events += _events(change, correlation, context.utc())
        newest = {change.after.id: change.after for change in changes}
        alerts = (alert_of(change) for change in changes)
        unit = UnitOfWork(
            entries=tuple(entries),
            exchange=self.exchange,
            discrepancies=tuple(newest.values()),
            outbox=tuple(one for one in alerts if one is not None),
            control=(*control, *(cleared(id_) for id_, one in newest.items() if one.state is State.RESOLVED)),
        )
        self.write(context, unit, *[partial(context.publish, event) for event in events], *effects)

    def on_result(self, context: Context, result: CommitResult) -> None:
        """The ledger answered."""
        if result.token != self._token:
            return
        self._token = None
        if self._timer is not None:
            self._timer.cancel()
        self.trouble = result.result.reason if isinstance(result.result, Refused) else None
        # an entry that the ledger can never take must not hold up the rest
        waits = self.trouble is not None and self.trouble != "entry_invalid"
        # what stands in line behind a unit that must wait is not to be waited for either
        tried = list(self._line) if waits else [self._line.popleft()]
        for draft in tried:
            effects, draft.effects = draft.effects, ()
            for effect in effects:
                effect()
            if waits and draft.unit.outbox and not draft.is_told:
                draft.is_told = context.tell(ALERTS, AlertsUnwritten(draft.unit.outbox))
        if waits:
            self._timer = context.schedule(RETRY_SECONDS, JournalDue(None))
        else:
            self._send(context)

    def on_due(self, context: Context, due: JournalDue) -> None:
        """A retry, or no answer in time."""
        if due.token is None:
            self._send(context)
        elif due.token == self._token:
            self.on_result(context, CommitResult(due.token, Refused("unanswered")))

    def _send(self, context: Context) -> None:
        if self._token is not None or not self._line:
            return
        self._last_token += 1
        self._token = self._last_token
        self._timer = context.schedule(ANSWER_SECONDS, JournalDue(self._token))
        context.tell(AUDIT, Commit(self._token, self._line[0].unit))


_STEPS: Final = {
    State.AWAITING_APPROVAL: "held",
    State.REPAIRING: "repairing",
    State.REOPENED: "reopened",
    State.IGNORED: "ignored",
}


def _step(change: Change) -> str:
    if change.after.state is State.RESOLVED:
        return "resolved"
    if change.before is not None and change.before.state is not change.after.state:
        step = _STEPS.get(change.after.state)
        if step is not None:
            return step
    if change.after.state.is_confirmed and not change.was_confirmed:
        return "confirmed"
    return "detected" if change.before is None else "updated"


def _entry(change: Change, correlation: str | None) -> AuditEntry:
    one = change.after
    body = {
        "id": one.id,
        "kind": one.kind,
        "severity": one.severity,
        "state": one.state,
        "cause": one.cause,
        "evidence": one.evidence,
    }
    before = to_json(change.before) if change.before is not None else None
    return AuditEntry(
        kind=f"discrepancy.{_step(change)}",
        exchange=one.exchange,
        body=to_json(body),
        payload={"before": before, "after": to_json(one)},
        correlation_id=correlation,
    )


def _events(change: Change, correlation: str | None, now: datetime) -> list[Event]:
    one, step = change.after, _step(change)
    common = {"at": to_datetime(one.resolved_at or one.confirmed_at or one.detected_at), "correlation_id": correlation}
    events: list[Event] = []
    if change.before is None:
        events.append(DiscrepancyDetected(discrepancy=one, **common))
    if step == "confirmed" and one.kind is not Kind.PRECISION:
        events.append(DiscrepancyConfirmed(discrepancy=one, **common))
    elif _is_another_loss(change):
        events.append(DiscrepancyConfirmed(discrepancy=one, **{**common, "at": now}))
    if step == "resolved":
        events.append(DiscrepancyResolved(discrepancy=one, **common))
    return events


def _is_another_loss(change: Change) -> bool:
    """Whether what is past doubt is not the amount that was told: a second loss must not pass in silence behind the first."""
    before, after = change.before, change.after
    if before is None or not (before.is_loss and after.is_loss):
        return False
    return before.difference != after.difference
