"""Full passes: how one begins, when it ends, and how its report goes on record before anybody hears of it."""

from functools import partial
from typing import Final

from reconcile_actors.actors.desk import Desk, at, correlation_of, us
from reconcile_actors.actors.passes import FullStates, Pass, make_report
from reconcile_actors.actors.ticks import HistoryDue, PassDeadline, PassDue
from reconcile_actors.domain.ledger import AuditEntry, UnitOfWork
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.kernel.envelope import ReplyTo
from reconcile_actors.messages import ReconciliationCompleted
from reconcile_actors.messages.wire import to_json

LOOK_AGAIN_SECONDS: Final = 1.0


def begin(desk: Desk, context: Context, asker: ReplyTo | None) -> bool:
    """Begins a pass, or joins the one in progress. Whether a new one began that may read."""
    began = desk.current is None
    if desk.current is None:
        now_us = us(context)
        desk.current = Pass(now_us)
        context.schedule(desk.account.timeout_seconds, PassDeadline(now_us))
        desk.current.failed = _hindrance(desk)
    if asker is not None:
        desk.current.askers.append(asker)
    return began and desk.current.failed is None


def _hindrance(desk: Desk) -> UnknownReason | None:
    """Why no pass can begin now."""
    if not desk.account.enabled:
        return UnknownReason.DISABLED
    if desk.paused:
        return UnknownReason.PAUSED
    if desk.quiet:
        return desk.reason or UnknownReason.BREAKER_OPEN
    if desk.judging is None and desk.reason is not UnknownReason.NOT_READ:
        return desk.reason
    return None


def on_deadline(desk: Desk, context: Context, deadline: PassDeadline) -> None:
    """The pass has had its time: what is not decided is unknown."""
    one = desk.current
    if one is not None and one.started_us == deadline.started_us and one.failed is None:
        in_doubt = desk.judging is not None and desk.judging.in_doubt
        one.failed = desk.current_reason(context) or (UnknownReason.UNDECIDED if in_doubt else UnknownReason.TIMEOUT)


def finish_if_decided(desk: Desk, context: Context, states: FullStates, history_through: int | None) -> None:
    """Ends the pass once nothing is left to find out."""
    one, judging = desk.current, desk.judging
    if one is None:
        return
    open_ones = judging.tracker.register.all_open() if judging is not None else ()
    growing = judging is not None and judging.tracker.may_have_grown
    decided = one.is_decided(open_ones, pricing=desk.pricing, growing=growing)
    if not decided or (desk.repairing and one.failed is None):
        return
    if one.may_be_explained(open_ones, history_through):
        # an exchange lists what happened a little later than its balances show it
        one.looks_again, one.history_done = one.looks_again + 1, False
        desk.later(context, LOOK_AGAIN_SECONDS, HistoryDue())
        return
    desk.current = None
    report = make_report(
        one,
        desk.account.name,
        open_ones,
        one.failed or desk.current_reason(context),
        now_us=us(context),
        now_at=at(context),
        history_through=history_through,
    )
    desk.last_pass_at = report.timestamp
    _record(desk, context, report, one.askers, full=states.due(report))
    if desk.account.enabled and not desk.account.standalone and not desk.ending:
        desk.later(context, desk.account.interval_seconds, PassDue())


def _record(desk: Desk, context: Context, report: ReconciliationReport, askers: list[ReplyTo], *, full: bool) -> None:
    body = {
        "status": report.status,
        "unknown_reason": report.unknown_reason,
        "book_version": report.book_version,
        "snapshot_digest": report.snapshot_digest,
        "raw_digest": report.raw_digest,
        "duration_us": report.duration_us,
        "open": [one.id for one in report.discrepancies],
    }
    entry = AuditEntry(
        kind="pass.completed",
        exchange=desk.account.name,
        body=to_json(body),
        payload={"report": to_json(report)} if full else None,
        correlation_id=correlation_of(context),
    )
    unit = UnitOfWork(entries=(entry,), exchange=desk.account.name, report=report, full_states=full)
    event = ReconciliationCompleted(report=report, at=context.utc(), correlation_id=correlation_of(context))
    replies = [partial(asker.send, report) for asker in askers]
    desk.journal.write(context, unit, partial(context.publish, event), *replies)
