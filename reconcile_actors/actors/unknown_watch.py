"""An account that is unknown for long is told as an alert (I1: unknown is never zero, and no place to hide)."""

from dataclasses import dataclass
from typing import Final

from reconcile_actors.actors.desk import Desk, correlation_of, us
from reconcile_actors.actors.ticks import UnknownDue
from reconcile_actors.domain.alerts import unknown_alert
from reconcile_actors.domain.ledger import AuditEntry, UnitOfWork
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.kernel.behaviour import Context

EARLY_US: Final = 1_000  # timers may be that early


@dataclass(slots=True)
class UnknownWatch:
    """`since_us`: unknown from then on (monotonic us). `told`: an alert may stand, of this incarnation or of an earlier one."""

    since_us: int | None = None
    told: bool = False


def look(desk: Desk, context: Context, watch: UnknownWatch) -> None:
    """Follows the account's reason. While the breaker is not closed, its own alert says enough."""
    reason = desk.current_reason(context)
    if desk.ending or desk.account.standalone:
        return
    # what a person ordered is no news to a person
    ordered = desk.paused or not desk.account.enabled
    if reason is None or ordered or desk.quiet:
        watch.since_us = None
        if reason is None and watch.told:
            watch.told = False
            _write(desk, context, None)
        return
    now_us = us(context)
    wait_us = int(desk.account.unknown_after_seconds * 1_000_000)
    if watch.since_us is None:
        watch.since_us = now_us
        desk.later(context, desk.account.unknown_after_seconds, UnknownDue())
    elif now_us - watch.since_us + EARLY_US >= wait_us and not watch.told:
        watch.told = True
        _write(desk, context, reason)


def _write(desk: Desk, context: Context, reason: UnknownReason | None) -> None:
    name = desk.account.name
    entry = AuditEntry(
        kind="account.known" if reason is None else "account.unknown",
        exchange=name,
        body={"reason": None if reason is None else reason.value},
        correlation_id=correlation_of(context),
    )
    alert = unknown_alert(name, reason or "", over=reason is None)
    desk.journal.write(context, UnitOfWork(entries=(entry,), exchange=name, outbox=(alert,)))
