"""Commands about trading halts: the trading process has stopped, or a person lets it go on. Each is answered once it is durable."""

from typing import Literal

from reconcile_actors.actors.desk import Desk, at, correlation_of
from reconcile_actors.actors.halt_watch import WAITING_MAX, HaltWatch, Order, unit_of
from reconcile_actors.domain.halting import HaltRecord
from reconcile_actors.domain.ledger import Json
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.messages import AcknowledgeHalt, Recorded, ReleaseHalt, TradingHaltReleased


def take(desk: Desk, context: Context, watch: HaltWatch, command: AcknowledgeHalt | ReleaseHalt) -> None:
    """A command came. It waits where the halts are not read back yet."""
    order = Order(command, context.take_reply(), correlation_of(context))
    if watch.halts is not None:
        answer(desk, context, watch, order)
    elif len(watch.waiting) < WAITING_MAX:
        watch.waiting.append(order)
    else:
        order.reply.send(Recorded(status="refused", reason="overloaded"))


def answer(desk: Desk, context: Context, watch: HaltWatch, order: Order) -> None:
    """Does it, once: the second time it is a duplicate."""
    assert watch.halts is not None, "commands wait until the halts are read"
    record = watch.halts.records.get(order.command.id)
    if record is None:
        order.reply.send(Recorded(status="refused", reason="unknown_halt"))
    elif isinstance(order.command, ReleaseHalt):
        _release(desk, context, watch, record, order)
    else:
        _acknowledge(desk, context, watch, record, order)


def _acknowledge(desk: Desk, context: Context, watch: HaltWatch, record: HaltRecord, order: Order) -> None:
    assert watch.halts is not None, "commands wait until the halts are read"
    if record.halt.acknowledged_at is not None:
        order.reply.send(_recorded(desk, "duplicate"))
        return
    record = watch.halts.acknowledge(record, at(context))
    unit = unit_of(desk, watch.halts, record, what="acknowledged", body={}, correlation_id=order.correlation_id)
    desk.journal.write(context, unit, lambda: order.reply.send(_recorded(desk, "recorded")))


def _release(desk: Desk, context: Context, watch: HaltWatch, record: HaltRecord, order: Order) -> None:
    assert watch.halts is not None, "commands wait until the halts are read"
    assert isinstance(order.command, ReleaseHalt)
    if record.halt.released_at is not None:
        order.reply.send(_recorded(desk, "duplicate"))
        return
    command = order.command
    record = watch.halts.release(record, command.actor or command.claimed_by or "unknown", at(context))
    body: dict[str, Json] = {"actor": command.actor, "claimed_by": command.claimed_by, "reason": command.reason}
    unit = unit_of(
        desk, watch.halts, record, what="released", body=body, correlation_id=order.correlation_id, tell=True
    )
    event = TradingHaltReleased(halt=record.halt, at=context.utc(), correlation_id=order.correlation_id)

    def say() -> None:
        if desk.journal.store_ok:
            context.publish(event)
        else:  # what only this process knows must not set trading going: it is said once it is durable
            watch.unsaid.add(record.halt.id)
            watch.plan(desk, context)
        order.reply.send(_recorded(desk, "recorded"))

    desk.journal.write(context, unit, say)


def _recorded(desk: Desk, status: Literal["recorded", "duplicate"]) -> Recorded:
    """Either would say that it is durable: while the store fails it is tried again, and asking again tells (I8)."""
    if desk.journal.store_ok:
        return Recorded(status=status)
    return Recorded(status="refused", reason=desk.journal.trouble)
