"""A person's decisions about discrepancies. Each is on record, with who made it, in the unit of its effect; done twice it is done once."""

from collections.abc import Sequence
from functools import partial
from typing import Final, TypeAlias

from reconcile_actors.actors.adjusting import NAMED_MAX
from reconcile_actors.actors.desk import Desk, correlation_of
from reconcile_actors.actors.looking_back import HistoryWatch
from reconcile_actors.actors.recovering import PASSING, hindrance, plans_of
from reconcile_actors.actors.recovery_state import Recovery
from reconcile_actors.actors.ticks import OrderDue
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.ledger import AuditEntry
from reconcile_actors.domain.recovery import LOCKS
from reconcile_actors.domain.register import Change
from reconcile_actors.domain.resolution import Note
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.kernel.envelope import ReplyTo
from reconcile_actors.messages import (
    ApproveResolution,
    IgnoreDiscrepancy,
    OverrideResolution,
    Recorded,
    RejectResolution,
)
from reconcile_actors.messages.wire import to_json

Resolution: TypeAlias = ApproveResolution | RejectResolution | OverrideResolution | IgnoreDiscrepancy

# Within the time that whoever asked waits for an answer.
ORDER_SECONDS: Final = 4.0
_STANDS: Final = frozenset({State.CONFIRMED, State.AWAITING_APPROVAL, State.REOPENED})
_WAITS: Final = frozenset({State.AWAITING_APPROVAL, State.REOPENED})


def take(desk: Desk, context: Context, recovery: Recovery, history: HistoryWatch, command: Resolution) -> None:
    """A decision came; it is answered once it is durable."""
    reply = context.take_reply()
    register = desk.judging.tracker.register if desk.judging is not None else None
    if register is None:
        _refuse(reply, "not_ready")
        return
    one = next((one for one in register.open.values() if one.id == command.id), None)
    if one is None:
        _refuse(reply, "unknown_discrepancy")
        return
    match command:
        case IgnoreDiscrepancy():
            _ignore(desk, context, one, command, reply)
        case RejectResolution():
            _reject(desk, context, recovery, history, one, command, reply)
        case ApproveResolution() | OverrideResolution():
            refused = _why_not(desk, context, history, one, command)
            if refused is None:
                _order(context, recovery, command, reply)
            elif refused == "duplicate":
                reply.send(Recorded(status="duplicate"))
            else:
                _refuse(reply, refused)


def _why_not(
    desk: Desk,
    context: Context,
    history: HistoryWatch,
    one: BalanceDiscrepancy,
    command: ApproveResolution | OverrideResolution,
) -> str | None:
    """Why nothing may be posted by order now."""
    if not desk.account.armed:
        return "not_armed"
    if one.state is State.REPAIRING:
        return "duplicate"
    if one.field in LOCKS:
        return "locks_follow_orders"
    if one.state not in (_WAITS if isinstance(command, ApproveResolution) else _STANDS) or not one.is_loss:
        return _wrong_state(one)
    why = hindrance(desk, context, history)
    return None if why in PASSING else why


def _order(
    context: Context, recovery: Recovery, command: ApproveResolution | OverrideResolution, reply: ReplyTo
) -> None:
    if any(one.command == command for one in recovery.orders):
        reply.send(Recorded(status="duplicate"))
        return
    order = recovery.take_order(command, reply, correlation_of(context))
    if order is None:
        _refuse(reply, "overloaded")
    else:
        context.schedule(ORDER_SECONDS, OrderDue(order.number))


def _ignore(desk: Desk, context: Context, one: BalanceDiscrepancy, command: IgnoreDiscrepancy, reply: ReplyTo) -> None:
    assert desk.judging is not None, "it stands in a register"
    if one.state is State.IGNORED:
        reply.send(Recorded(status="duplicate"))
    elif one.state not in _STANDS or not one.is_loss:
        _refuse(reply, _wrong_state(one))
    else:
        changes = desk.judging.tracker.register.mark(one.leg, State.IGNORED)
        desk.journal.note_changes(
            context,
            changes,
            decision=_entry(context, "resolution.ignored", command),
            effects=(partial(_answer, desk, reply),),
        )


def _reject(  # noqa: PLR0917 the rooms' own order of what they share
    desk: Desk,
    context: Context,
    recovery: Recovery,
    history: HistoryWatch,
    one: BalanceDiscrepancy,
    command: RejectResolution,
    reply: ReplyTo,
) -> None:
    assert desk.judging is not None, "it stands in a register"
    if one.state not in _STANDS or not one.is_loss:
        _refuse(reply, _wrong_state(one))
        return
    if recovery.is_rejected(one):
        reply.send(Recorded(status="duplicate"))
        return
    plan = next((plan for plan in plans_of(desk, recovery, history) if one.id in plan.ids), None)
    together: Sequence[BalanceDiscrepancy] = plan.discrepancies if plan is not None else (one,)
    register = desk.judging.tracker.register
    changes: list[Change] = []
    for each in together:
        recovery.notes[each.id] = Note(recovery.notes.get(each.id, Note()).attempts, each.difference)
        if each.state is State.AWAITING_APPROVAL:
            changes += register.mark(each.leg, State.CONFIRMED)
    desk.journal.note_changes(
        context,
        changes,
        decision=_entry(context, "resolution.rejected", command, [each.id for each in together]),
        control=[recovery.notes[each.id].row(each.id) for each in together],
        effects=(partial(_answer, desk, reply),),
    )


def _entry(context: Context, kind: str, command: Resolution, ids: Sequence[str] = ()) -> AuditEntry:
    body = {
        "id": command.id,
        "actor": command.actor,
        "claimed_by": command.claimed_by,
        "reason": command.reason,
        **({"discrepancies": list(ids[:NAMED_MAX])} if ids else {}),
    }
    return AuditEntry(kind, command.exchange, to_json(body), correlation_id=correlation_of(context))


def _wrong_state(one: BalanceDiscrepancy) -> str:
    return f"state_{one.state}" if one.is_loss or not one.state.is_confirmed else "precision"


def _refuse(reply: ReplyTo, reason: str) -> None:
    reply.send(Recorded(status="refused", reason=reason))


def _answer(desk: Desk, reply: ReplyTo) -> None:
    """While the store fails it is tried again, and asking again tells: `recorded` would say too much (I8)."""
    trouble = desk.journal.trouble
    reply.send(Recorded(status="recorded") if trouble is None else Recorded(status="refused", reason=trouble))
