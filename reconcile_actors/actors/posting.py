"""From a plan to what the portfolio actor is asked to post, and what the tracker may expect of it."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from reconcile_actors.actors.desk import Desk
from reconcile_actors.actors.protocol import PORTFOLIO, PostAdjustment
from reconcile_actors.actors.recovery_state import Flight, Order, Recovery
from reconcile_actors.domain import money
from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.changes import Posted, Record
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.ledger import AuditEntry
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.recovery import Plan, adjustment_of, gain_of, posted_type
from reconcile_actors.domain.resolution import Note
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.messages import OverrideResolution
from reconcile_actors.messages.wire import to_json

ANSWER_SECONDS: Final = 20.0


def send(desk: Desk, context: Context, recovery: Recovery, plan: Plan, order: Order | None) -> Flight:
    """Asks the portfolio actor to post a plan, as of the last read that was decided."""
    assert desk.judging is not None, "only a judged account posts"
    tracker = desk.judging.tracker
    assert tracker.decided is not None, "it was decided on a read"
    attempt = recovery.attempt_of(plan.ids)
    adjustment = adjustment_of(desk.account.name, plan, attempt, decided_by=_who(order))
    bracket = tracker.decided.bracket
    flight = Flight(desk.next_token(), plan, attempt, _posted(desk, plan, adjustment), order)
    asked = PostAdjustment(
        exchange=desk.account.name,
        token=flight.token,
        adjustment=adjustment,
        backfill=tuple(_record(desk, one, adjustment.id) for one in plan.backfill),
        adopt=plan.adopt,
        cut_at=bracket.requested_at - tracker.bounds.exchange_lag_us,
        version=tracker.decided.version,
        discrepancies=tuple(replace(one, state=State.REPAIRING) for one in plan.discrepancies),
        entries=() if order is None else (_decision(order, adjustment),),
        control=tuple(note_of(flight).row(id_) for id_ in plan.ids),
    )
    context.tell(PORTFOLIO, asked)
    return flight


def note_of(flight: Flight) -> Note:
    """What is remembered of each of its discrepancies once it is posted."""
    return Note(attempts=flight.attempt)


def changed(
    plan: Plan, *, backfill: tuple[Missing, ...] | None = None, adopt: Mapping[Leg, Decimal] | None = None
) -> Plan:
    """A plan as a person ordered it."""
    return replace(
        plan,
        reason="ordered",
        backfill=plan.backfill if backfill is None else backfill,
        adopt=plan.adopt if adopt is None else adopt,
    )


def _who(order: Order | None) -> str:
    """Who decided, as far as that is proved; a name that somebody gave stands in the audit entry as claimed."""
    return "policy" if order is None else order.command.actor or "unproven"


def _decision(order: Order, adjustment: Adjustment) -> AuditEntry:
    command = order.command
    overrides = isinstance(command, OverrideResolution)
    body = {
        "id": command.id,
        "actor": command.actor,
        "claimed_by": command.claimed_by,
        "reason": command.reason,
        "adjustment": adjustment.id,
        **({"action": command.action} if isinstance(command, OverrideResolution) else {}),
    }
    kind = "resolution.overridden" if overrides else "resolution.approved"
    return AuditEntry(kind, command.exchange, to_json(body), correlation_id=order.correlation_id)


def _posted(desk: Desk, plan: Plan, adjustment: Adjustment) -> tuple[Missing, ...]:
    """What the book gains, for the tracker: what is part of a difference now and will not be any more."""
    gains = [Missing(one.movement, gain_of(one, desk.suspended), one.partly_known) for one in plan.backfill]
    adopted = Movement(desk.account.name, "", MovementType.ADJUSTMENT, adjustment.id, plan.adopt)
    return (*(one for one in gains if one.effects), *((Missing(adopted, plan.adopt),) if plan.adopt else ()))


def _record(desk: Desk, one: Missing, adjustment: str) -> Record:
    """A missed movement as the trading process would have reported it, so that its late report is a duplicate."""
    told = desk.evidence.get(one.movement.key_text(), one.movement)
    steps = {leg.currency: desk.steps[leg.currency] for leg in one.effects if leg.currency in desk.steps}
    posted = Posted(adjustment, steps)
    if one.partly_known:  # what is known stays; the rest is a correction under the same id
        rest = replace(told, type=posted_type(one), effects=one.effects, instrument=None, order_id=None, side=None)
        return Record(rest, None, posted)
    movement = replace(told, id=told.name)
    return Record(movement, _filled(movement) if movement.order_id is not None else None, posted)


def _filled(movement: Movement) -> Decimal | None:
    """How much of its order a fill has filled."""
    if movement.type is not MovementType.FILL or movement.instrument is None:
        return None
    base = Leg(movement.wallet, movement.instrument.split("/", 1)[0], Field.TOTAL)
    amount = movement.effects.get(Leg(movement.wallet, movement.instrument, Field.POSITION), movement.effects.get(base))
    return None if amount is None else money.EXACT.abs(amount)
