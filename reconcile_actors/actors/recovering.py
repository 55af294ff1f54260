"""Repairs of one account: decided by the domain's policy on good evidence alone, posted by the portfolio actor, proved by the next read.

Nothing is posted while the account is unknown, its breaker is not closed, its history failed or was not seen past the
difference, or reads are in doubt.
"""

from typing import Final

from reconcile_actors.actors import looking_back, repairs
from reconcile_actors.actors.desk import Desk, at
from reconcile_actors.actors.looking_back import HistoryWatch
from reconcile_actors.actors.recovery_state import Recovery
from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.domain.recovery import LOCKS, Evidence, Plan, plans
from reconcile_actors.domain.tracking import Tracker
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.messages.views import ProposedRepair

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
    repairs.note_failures(desk, context, recovery)
    if not desk.account.armed:
        return
    desk.repairing = recovery.flight is not None or register.is_repairing
    repairs.refuse_what_is_over(recovery, {one.id for one in register.all_open()})
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
        outflow_usd=recovery.outflow_usd,
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
            desk.repairing |= plan.reason not in repairs.QUIET and _is_undecided(plan)
        elif order is not None:
            repairs.carry_out(desk, context, recovery, plan, order)
        elif plan.action is Action.HOLD:
            repairs.hold(desk, context, recovery, plan)
        elif repairs.may_post(desk, recovery, plan):
            repairs.post(desk, context, recovery, plan)
        else:
            desk.repairing = True
        if recovery.flight is not None:
            desk.repairing = True
            return


def _is_undecided(plan: Plan) -> bool:
    return any(one.state is State.CONFIRMED for one in plan.discrepancies)


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
    if plan.reason == "explained" and not plan.adopt:
        return True  # to the last digit: a later look could add nothing
    since_at = max(recovery.shown[one.id][1] for one in plan.discrepancies)
    due_at = since_at + tracker.bounds.local_lag_us + tracker.bounds.skew_us
    if history.checked_at is not None and history.checked_at >= due_at:
        return True
    if not history.running:  # a repair need not wait for the next regular look
        looking_back.look_at(desk, context, history, due_at)
    return False


def _is_placed(tracker: Tracker, plan: Plan) -> bool:
    if not plan.legs.isdisjoint(tracker.moved_legs):
        return False  # the book has taken in a part of it: a read must tell what is left
    if any(not plan.legs.isdisjoint(one.effects) for one in tracker.loose):
        return False
    doubted = (tracker.register.open.get(leg) for leg in plan.legs)
    return not any(one is not None and one.state is State.CANDIDATE for one in doubted)
