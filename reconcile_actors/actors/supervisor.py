"""The supervisor of the system: restarts what crashed, gates exchanges by their breakers, and puts both on record."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from reconcile_actors.actors.alert_protocol import ALERTS
from reconcile_actors.actors.journal import WAITING_MAX, Journal, JournalDue
from reconcile_actors.actors.protocol import AUDIT, PORTFOLIO, Commit, CommitResult, reconciliation_role
from reconcile_actors.domain.alerts import degraded_alert, parked_alert
from reconcile_actors.domain.ledger import AuditEntry, OutboxRow, UnitOfWork
from reconcile_actors.kernel.backoff import Backoff
from reconcile_actors.kernel.behaviour import Behaviour, Context
from reconcile_actors.kernel.circuit_breaker import BreakerSettings
from reconcile_actors.kernel.signals import BreakerTransition, ChildAbandoned, ChildParked, ChildRestarted
from reconcile_actors.kernel.supervisor import ChildSpec, Supervisor
from reconcile_actors.logger import logger
from reconcile_actors.messages import ActorRestarted, Event, ExchangeDegraded, ExchangeRecovered
from reconcile_actors.messages.wire import to_json

BREAKER: Final = BreakerSettings(failure_threshold=5, reset_seconds=5.0, reset_cap_seconds=60.0)
MAILBOX_OF_RECORDS: Final = 20_000


def children(
    audit: Callable[[], Behaviour],
    portfolio: Callable[[], Behaviour],
    accounts: Mapping[str, Callable[[], Behaviour]],
    alerts: Callable[[], Behaviour] | None = None,
) -> tuple[ChildSpec, ...]:
    """Who is started, in order; the end goes the other way, so that what is found last is still recorded."""
    quick = Backoff(min_seconds=0.1, max_seconds=5.0)
    return (
        ChildSpec(AUDIT, audit, backoff=quick, intensity=20, shutdown_seconds=3.0, mailbox_limit=MAILBOX_OF_RECORDS),
        ChildSpec(
            PORTFOLIO, portfolio, backoff=quick, intensity=20, shutdown_seconds=3.0, mailbox_limit=MAILBOX_OF_RECORDS
        ),
        *(() if alerts is None else (ChildSpec(ALERTS, alerts, backoff=quick, intensity=20, shutdown_seconds=3.0),)),
        *(
            ChildSpec(
                reconciliation_role(name),
                make,
                backoff=Backoff(min_seconds=0.5, max_seconds=30.0),
                breaker=BREAKER,
                shutdown_seconds=2.0,
            )
            for name, make in accounts.items()
        ),
    )


class ReconciliationSupervisor(Supervisor):
    """What the kernel's supervisor announces becomes an audit entry and, where it concerns the world, a public event.

    What the audit actor cannot take just now, because it is itself being restarted or the store fails, waits in line.
    """

    def __init__(self, specs: Iterable[ChildSpec]) -> None:
        super().__init__(specs)
        self._journal = Journal("")
        self._parked: set[str] = set()

    def receive(self, context: Context, message: object) -> None:
        """The ledger's answers; the rest is the kernel's."""
        match message:
            case CommitResult():
                self._journal.on_result(context, message)
            case JournalDue():
                self._journal.on_due(context, message)
            case _:
                super().receive(context, message)

    def announce(self, context: Context, event: object) -> None:
        """Records first, then tells."""
        entry = _entry(event)
        if entry is not None:
            self._record(context, UnitOfWork(entries=(entry,), outbox=self._alerts(event)))
        context.publish(event)
        public = _public(event, context.utc())
        if public is not None:
            context.publish(public)

    def _alerts(self, event: object) -> tuple[OutboxRow, ...]:
        match event:
            case ChildParked(name=name):
                self._parked.add(name)
                return (parked_alert(name, _account_of(name)),)
            case ChildRestarted(name=name) if name in self._parked:
                self._parked.discard(name)
                return (parked_alert(name, _account_of(name), over=True),)
            case BreakerTransition(name=name, to_state=state, reason=reason) if (
                account := _account_of(name)
            ) is not None:
                return (degraded_alert(account, reason, over=state == "closed"),) if state != "half_open" else ()
            case _:
                return ()

    def _record(self, context: Context, unit: UnitOfWork) -> None:
        if self.is_stopping:  # the audit actor is the last to end, but it waits for no line
            context.tell(AUDIT, Commit(0, unit))
        elif self._journal.has_room:
            self._journal.write(context, unit)
        else:
            logger.bind(waiting=WAITING_MAX).error("what supervision did cannot be recorded: the ledger takes nothing")


def _account_of(role: str) -> str | None:
    kind, _, name = role.partition(":")
    return name if kind == "reconciliation" else None


def _entry(event: object) -> AuditEntry | None:
    match event:
        case ChildRestarted(name=name, epoch=epoch, reason_type=reason):
            kind, body = "actor.restarted", {"actor": name, "epoch": epoch, "reason": reason}
        case ChildParked(name=name, epoch=epoch, reason_type=reason):
            kind, body = "actor.parked", {"actor": name, "epoch": epoch, "reason": reason}
        case ChildAbandoned(name=name, epoch=epoch):
            kind, body = "actor.abandoned", {"actor": name, "epoch": epoch}
        case BreakerTransition(name=name, from_state=before, to_state=after, reason=reason):
            kind, body = "breaker.changed", {"actor": name, "from": before, "to": after, "reason": reason}
        case _:
            return None
    return AuditEntry(kind=kind, exchange=_account_of(name), body=to_json(body))


def _public(event: object, at: datetime) -> Event | None:
    match event:
        case ChildRestarted(name=name, epoch=epoch, reason_type=reason):
            return ActorRestarted(actor=name, epoch=epoch, reason=reason, at=at)
        case ChildParked(name=name, reason_type=reason) if (account := _account_of(name)) is not None:
            return ExchangeDegraded(exchange=account, reason=f"parked: {reason}", at=at)
        case BreakerTransition(name=name, to_state=state, reason=reason) if (account := _account_of(name)) is not None:
            if state == "open":
                return ExchangeDegraded(exchange=account, reason=reason, at=at)
            return ExchangeRecovered(exchange=account, at=at) if state == "closed" else None
        case _:
            return None
