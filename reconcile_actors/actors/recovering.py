"""Repairs of one account: decided by the domain's policy on good evidence alone, posted by the portfolio actor, proved by the next read.

Nothing is posted while the account is unknown, its breaker is not closed, its history failed or was not seen past the
difference, or reads are in doubt.
"""

from functools import partial
from typing import Final

from reconcile_actors.actors import posting
from reconcile_actors.actors.desk import Desk, at, us
from reconcile_actors.actors.looking_back import HistoryWatch
from reconcile_actors.actors.protocol import PostingAnswered
from reconcile_actors.actors.recovery_state import Flight, Order, Recovery
from reconcile_actors.actors.ticks import HistoryDue, OrderDue, PostingDue
from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.ledger import AuditEntry
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.domain.recovery import LOCKS, Evidence, Plan, adjustment_of, plans
from reconcile_actors.domain.register import Change
from reconcile_actors.domain.tracking import Tracker
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.messages import AdjustmentProposed, ApprovalRequested, OverrideResolution, Recorded
from reconcile_actors.messages.views import ProposedRepair
from reconcile_actors.messages.wire import to_json

# A plan that these words hold is not put to a person: it is decided already, or more is to come by itself.
_QUIET: Final = frozenset({"rejected", "pending"})
# What hinders a repair just now and goes by itself.
PASSING: Final = frozenset({"not_decided", "history_unseen"})


def follow(desk: Desk, context: Context, recovery: Recovery, history: HistoryWatch) -> None:
    """Weighs what stands against the account now: repairs it, holds it, or waits for more to be known."""
    judging = desk.judging
    desk.repairing = False
    if judging is None or desk.ending:
        return
    register = judging.tracker.register
    if not register.open and not recovery.orders and recovery.flight is None:
        return
    recovery.follow(register.all_open(), at(context))
    _note_failures(desk, context, recovery)
    if not desk.account.armed:
        return
    desk.repairing = recovery.flight is not None or register.is_repairing
    _refuse_what_is_over(recovery, {one.id for one in register.all_open()})
    if recovery.flight is not None:
        return
    why = hindrance(desk, context, history)
    if why is None:
        _decide(desk, context, recovery, history)
    elif why in PASSING:
        standing = (one for one in register.all_open() if one.is_loss and one.field not in LOCKS)
        desk.repairing |= any(one.state is State.CONFIRMED and not recovery.is_rejected(one) for one in standing)


def hindrance(desk: Desk, context: Context, history: HistoryWatch) -> str | None:
    """Why nothing may be posted now, whatever it is; None where the evidence is good."""
    judging = desk.judging
    if judging is None or desk.gateway is None or desk.ending or desk.paused or desk.quiet:
        return "account_unknown"
    if desk.current_reason(context) is not None or not desk.journal.store_ok:
        return "account_unknown"
    if desk.gateway.facts.has_history and (history.tries or history.checked_at is None):
        return "history_failed" if history.tries else "history_unseen"
    return "not_decided" if judging.tracker.decided is None or judging.tracker.doubts_value else None


def plans_of(desk: Desk, recovery: Recovery, history: HistoryWatch) -> tuple[Plan, ...]:
    """What would be done about everything that stands."""
    assert desk.judging is not None, "only a judged account has discrepancies"
    tracker = desk.judging.tracker
    standing = [one for one in tracker.register.all_open() if one.is_loss]
    listed = desk.gateway is not None and desk.gateway.facts.has_history
    evidence = Evidence(
        open=standing,
        named=tracker.placed,
        pending=history.pending,
        suspended=desk.suspended,
        steps=desk.steps,
        prices=tracker.register.prices,
        covers=history.covers if listed else lambda _leg: False,
        vague=tracker.vague_legs,
        rejected=frozenset(one.id for one in standing if recovery.is_rejected(one)),
    )
    return plans(evidence, desk.account.policy)


def proposals_of(desk: Desk, recovery: Recovery, history: HistoryWatch) -> tuple[ProposedRepair, ...]:
    """What would be done, for whoever asks; nothing as long as nothing was compared."""
    if desk.judging is None:
        return ()
    return tuple(
        ProposedRepair(desk.account.name, plan.ids, plan.action, plan.reason)
        for plan in plans_of(desk, recovery, history)
    )


def _decide(desk: Desk, context: Context, recovery: Recovery, history: HistoryWatch) -> None:
    assert desk.judging is not None, "only a judged account decides"
    for plan in plans_of(desk, recovery, history):
        if any(one.state is State.REPAIRING for one in plan.discrepancies):
            continue
        order = next((one for one in recovery.orders if one.command.id in plan.ids), None)
        if not _is_ripe(desk, context, recovery, history, plan):
            desk.repairing |= plan.reason not in _QUIET and _is_undecided(plan)
        elif order is not None:
            _carry_out(desk, context, recovery, plan, order)
        elif plan.action is Action.HOLD:
            _hold(desk, context, recovery, plan)
        elif _may_post(desk, recovery):
            _post(desk, context, recovery, plan)
        if recovery.flight is not None:
            desk.repairing = True
            return


def _is_undecided(plan: Plan) -> bool:
    return any(one.state is State.CONFIRMED for one in plan.discrepancies)


def _may_post(desk: Desk, recovery: Recovery) -> bool:
    """What is on its way to the ledger comes first; what the book had overtaken waits for the next read."""
    assert desk.judging is not None, "only a judged account decides"
    decided = desk.judging.tracker.decided
    return desk.journal.is_empty and decided is not None and decided.bracket.received_us != recovery.stale_us


def _is_ripe(desk: Desk, context: Context, recovery: Recovery, history: HistoryWatch, plan: Plan) -> bool:
    """Whether all that belongs to a plan is known: history has had its say, reads have placed what it names, fills have their orders."""
    assert desk.judging is not None, "only a judged account decides"
    tracker = desk.judging.tracker
    if not _is_placed(tracker, plan):
        return False
    fills = [one for one in plan.backfill if one.movement.type is MovementType.FILL]
    if any(one.movement.key_text() not in desk.evidence for one in fills):
        return False
    if desk.gateway is None or not desk.gateway.facts.has_history:
        return True
    since_at = max(recovery.shown[one.id][1] for one in plan.discrepancies)
    due_at = since_at + tracker.bounds.local_lag_us + tracker.bounds.skew_us
    if history.checked_at is not None and history.checked_at >= due_at:
        return True
    if not desk.account.watch and not history.running:  # nobody else asks again
        desk.later(context, max(0.1, (due_at - at(context)) / 1_000_000), HistoryDue())
    return False


def _is_placed(tracker: Tracker, plan: Plan) -> bool:
    if not plan.legs.isdisjoint(tracker.moved_legs):
        return False  # the book has taken in a part of it: a read must tell what is left
    placed = {one.movement.key_text() for one in tracker.placed}
    loose = [one for one in tracker.named if one.movement.key_text() not in placed]
    if any(not plan.legs.isdisjoint(one.effects) for one in loose):
        return False
    doubted = (tracker.register.open.get(leg) for leg in plan.legs)
    return not any(one is not None and one.state is State.CANDIDATE for one in doubted)


def _hold(desk: Desk, context: Context, recovery: Recovery, plan: Plan) -> None:
    """Puts a plan to a person, once."""
    if plan.reason in _QUIET:
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
    body = {"discrepancies": [one.id for one in asked], "reason": reason, "adjustment": proposal.id}
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


def _post(desk: Desk, context: Context, recovery: Recovery, plan: Plan, order: Order | None = None) -> None:
    flight = posting.send(desk, context, recovery, plan, order)
    recovery.flight = flight
    context.schedule(posting.ANSWER_SECONDS, PostingDue(flight.token))
    proposal = adjustment_of(desk.account.name, plan, flight.attempt)
    if order is None and recovery.is_news(proposal.id):
        body = {"id": proposal.id, "action": proposal.action, "reason": plan.reason, "discrepancies": plan.ids}
        event = AdjustmentProposed(adjustment=proposal, at=context.utc())
        desk.journal.note_changes(
            context,
            (),
            decision=AuditEntry(
                "adjustment.proposed", desk.account.name, to_json(body), {"proposal": to_json(proposal)}
            ),
            effects=[partial(context.publish, event)],
        )


def _carry_out(desk: Desk, context: Context, recovery: Recovery, plan: Plan, order: Order) -> None:
    ordered = _as_ordered(plan, order)
    if not ordered.proposes:
        recovery.orders.remove(order)
        order.refuse("nothing_to_post")
    elif _may_post(desk, recovery):
        _post(desk, context, recovery, ordered, order)


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


def _note_failures(desk: Desk, context: Context, recovery: Recovery) -> None:
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


def _refuse_what_is_over(recovery: Recovery, open_ids: set[str]) -> None:
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
