"""One repair of an account, from the plan to its proof: put to a person or posted, answered, and reopened where it has not worked."""

from functools import partial
from typing import Final

from reconcile_actors.actors import posting
from reconcile_actors.actors.adjusting import NAMED_MAX
from reconcile_actors.actors.desk import Desk, at, us
from reconcile_actors.actors.protocol import PostingAnswered
from reconcile_actors.actors.recovery_state import Flight, Order, Recovery
from reconcile_actors.actors.ticks import OrderDue, PostingDue
from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.ledger import AuditEntry
from reconcile_actors.domain.money import ZERO
from reconcile_actors.domain.recovery import Plan, adjustment_of, outflow_usd
from reconcile_actors.domain.register import Change
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.messages import AdjustmentProposed, ApprovalRequested, OverrideResolution, Recorded
from reconcile_actors.messages.wire import to_json

# A plan that these words hold is not put to a person: it is decided already, or more is to come by itself.
QUIET: Final = frozenset({"rejected", "pending"})


def hold(desk: Desk, context: Context, recovery: Recovery, plan: Plan) -> None:
    """Puts a plan to a person, once."""
    if plan.reason in QUIET:
        return
    asked = [one for one in plan.discrepancies if one.state is State.CONFIRMED]
    _ask(desk, context, recovery, plan, asked)


def _ask(desk: Desk, context: Context, recovery: Recovery, plan: Plan, asked: list[BalanceDiscrepancy]) -> None:
    assert desk.judging is not None, "only a judged account decides"
    if not asked:
        return
    register = desk.judging.tracker.register
    changes: list[Change] = []
    for one in asked:
        if one.state is State.CONFIRMED:
            changes += register.mark(one.leg, State.AWAITING_APPROVAL)
    reason = plan.reason
    proposal = adjustment_of(desk.account.name, plan, recovery.attempt_of(plan.ids))
    body = {"discrepancies": [one.id for one in asked][:NAMED_MAX], "reason": reason, "adjustment": proposal.id}
    events: list[AdjustmentProposed | ApprovalRequested] = [
        ApprovalRequested(discrepancy=register.open[one.leg], reason=reason, at=context.utc()) for one in asked
    ]
    if plan.proposes and recovery.is_news(proposal.id):
        events.append(AdjustmentProposed(adjustment=proposal, at=context.utc()))
    desk.journal.note_changes(
        context,
        changes,
        decision=AuditEntry("approval.requested", desk.account.name, to_json(body), {"proposal": to_json(proposal)}),
        effects=[partial(context.publish, one) for one in events],
    )


def may_post(desk: Desk, recovery: Recovery, plan: Plan) -> bool:
    """What is on its way to the ledger comes first; what the book had overtaken waits for the next read.

    So does an adoption, where what was told late may be part of the difference and of the book: it would count twice.
    """
    assert desk.judging is not None, "only a judged account decides"
    decided = desk.judging.tracker.decided
    if not desk.journal.is_empty or decided is None or decided.bracket.received_us == recovery.stale_us:
        return False
    return decided.is_current or not plan.adopt


def post(desk: Desk, context: Context, recovery: Recovery, plan: Plan, order: Order | None = None) -> None:
    flight = posting.send(desk, context, recovery, plan, order)
    recovery.flight = flight
    context.schedule(posting.ANSWER_SECONDS, PostingDue(flight.token))
    proposal = adjustment_of(desk.account.name, plan, flight.attempt)
    if order is None and recovery.is_news(proposal.id):
        body = {
            "id": proposal.id,
            "action": proposal.action,
            "reason": plan.reason,
            "discrepancies": plan.ids[:NAMED_MAX],
        }
        event = AdjustmentProposed(adjustment=proposal, at=context.utc())
        desk.journal.note_changes(
            context,
            (),
            decision=AuditEntry(
                "adjustment.proposed", desk.account.name, to_json(body), {"proposal": to_json(proposal)}
            ),
            effects=[partial(context.publish, event)],
        )


def carry_out(desk: Desk, context: Context, recovery: Recovery, plan: Plan, order: Order) -> None:
    ordered = _as_ordered(plan, order)
    if not ordered.proposes:
        recovery.orders.remove(order)
        order.refuse("nothing_to_post")
    elif may_post(desk, recovery, ordered):
        post(desk, context, recovery, ordered, order)


def _as_ordered(plan: Plan, order: Order) -> Plan:
    """What is posted by order: what was proposed, what history names alone, or the whole difference."""
    if not isinstance(order.command, OverrideResolution):
        return posting.changed(plan)
    if order.command.action == "backfill":
        return posting.changed(plan, adopt={})
    differs = {one.leg: one.difference for one in plan.discrepancies if one.has_value}
    return posting.changed(plan, backfill=(), adopt=differs)


def take_answer(desk: Desk, context: Context, recovery: Recovery, answer: PostingAnswered) -> None:
    """The portfolio actor answered."""
    flight = recovery.flight
    if flight is None or flight.token != answer.token or desk.judging is None:
        return
    recovery.flight = None
    if answer.outcome == "posted":
        _take_posted(desk, context, recovery, flight)
        return
    decided = desk.judging.tracker.decided
    recovery.stale_us = decided.bracket.received_us if decided is not None else None
    if flight.order is not None and answer.outcome == "refused":
        recovery.orders.remove(flight.order)
        flight.order.refuse(answer.reason or "refused")


def _take_posted(desk: Desk, context: Context, recovery: Recovery, flight: Flight) -> None:
    assert desk.judging is not None, "only a judged account posts"
    tracker, plan = desk.judging.tracker, flight.plan
    tracker.take_posted(flight.posted, plan.ids, us(context))
    changes: list[Change] = []
    for one in plan.discrepancies:
        standing = tracker.register.open.get(one.leg)
        if standing is not None and standing.id == one.id:
            changes += tracker.register.mark(one.leg, State.REPAIRING)
            recovery.notes[one.id] = posting.note_of(flight)
            recovery.proving[one.id] = flight.posted
        else:  # it went away meanwhile: what the posting wrote of it is out of date
            changes.append(Change(one, one.resolved(at(context))))
    desk.journal.note_changes(context, changes)
    if flight.order is not None:
        recovery.orders.remove(flight.order)
        flight.order.reply.send(Recorded(status="recorded"))
    else:
        recovery.note_outflow(outflow_usd(plan.backfill, tracker.register.prices) or ZERO, at(context))


def note_failures(desk: Desk, context: Context, recovery: Recovery) -> None:
    """A read showed that a repair has not worked: what it posted explains nothing, and a person must look."""
    assert desk.judging is not None, "only a judged account repairs"
    tracker = desk.judging.tracker
    known = {one.id: one for one in tracker.register.all_open()}
    for id_, posted in list(recovery.proving.items()):
        one = known[id_]
        if one.state is State.REPAIRING:
            continue
        del recovery.proving[id_]
        if one.state is State.REOPENED:
            tracker.drop_posted(posted)
            if desk.account.armed:
                plan = Plan(Action.HOLD, "repair_failed", (one,), frozenset({one.leg}))
                _ask(desk, context, recovery, plan, [one])


def refuse_what_is_over(recovery: Recovery, open_ids: set[str]) -> None:
    flown = recovery.flight.order if recovery.flight is not None else None
    for order in [one for one in recovery.orders if one is not flown and one.command.id not in open_ids]:
        recovery.orders.remove(order)
        order.refuse("state_resolved")


def on_order_due(recovery: Recovery, due: OrderDue) -> None:
    """An order has had its time: what is in flight is still answered."""
    flown = recovery.flight.order if recovery.flight is not None else None
    for order in [one for one in recovery.orders if one.number == due.number and one is not flown]:
        recovery.orders.remove(order)
        order.refuse("busy")


def on_posting_due(recovery: Recovery, due: PostingDue) -> None:
    """No answer in time: the portfolio actor was restarted. What it has written bears the same id when it is asked again."""
    flight = recovery.flight
    if flight is not None and flight.token == due.token:
        recovery.flight = None
