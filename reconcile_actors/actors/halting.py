"""Trading halts of one account: asked for after a large loss, and said again until the trading process has stopped.

A halt is durable with its audit entry before anybody hears of it (I3), and it needs no exchange: one that stands is said
again after a restart, and can be released, while the account cannot be read.
"""

from functools import partial
from typing import Final

from reconcile_actors.actors import halt_orders, looking_back
from reconcile_actors.actors.desk import Desk, at, correlation_of, us
from reconcile_actors.actors.halt_watch import HaltWatch, unit_of
from reconcile_actors.actors.looking_back import HistoryWatch
from reconcile_actors.actors.ticks import HaltsDue, HaltsRead
from reconcile_actors.domain.halting import HaltRecord, Halts, Step
from reconcile_actors.domain.ledger import Json
from reconcile_actors.domain.losses import Known, Named, losses_of
from reconcile_actors.domain.money import plain
from reconcile_actors.errors import StoreError
from reconcile_actors.kernel.behaviour import Context, Failure
from reconcile_actors.logger import logger
from reconcile_actors.messages import TradingHaltReleased, TradingHaltRequested

READ_AGAIN_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 3.0
# An exchange lists what happened a little later than its balances show it.
LISTED_US: Final = 1_000_000


def begin(context: Context, watch: HaltWatch) -> None:
    """Reads back what stands."""
    context.run(watch.read, HaltsRead)


def take_read(desk: Desk, context: Context, watch: HaltWatch, read: HaltsRead) -> None:
    """The halts came from the store: the one that stands is said again, and what has waited for them is answered."""
    if isinstance(read.outcome, Failure):
        if not isinstance(read.outcome.error, StoreError):
            raise RuntimeError(f"reading the halts failed: {read.outcome.error_type}")  # noqa: TRY004 a defect, not a type
        logger.bind(exchange=desk.account.name).warning("the trading halts cannot be read back yet")
        desk.later(context, READ_AGAIN_SECONDS, HaltsDue())
        return
    watch.halts = Halts(desk.account.name, desk.account.halt_usd, {one.halt.id: one for one in read.outcome.value})
    waiting, watch.waiting = watch.waiting, []
    for order in waiting:
        halt_orders.answer(desk, context, watch, order)
    repeat(desk, context, watch)


def repeat(desk: Desk, context: Context, watch: HaltWatch) -> None:
    """Says again what has not been acknowledged, and what could not be said before."""
    if watch.halts is None:
        begin(context, watch)
        return
    if watch.unsaid and desk.journal.store_ok and desk.journal.is_empty:
        for id_ in sorted(watch.unsaid):
            context.publish(TradingHaltReleased(halt=watch.halts.records[id_].halt, at=context.utc()))
        watch.unsaid.clear()
    standing = watch.halts.standing
    if standing is not None and standing.halt.acknowledged_at is None:
        context.publish(TradingHaltRequested(halt=standing.halt, at=context.utc()))
    watch.plan(desk, context)


def follow(desk: Desk, context: Context, watch: HaltWatch, history: HistoryWatch) -> None:
    """Weighs what stands against the account now."""
    _note_history(desk, context, watch, history)
    judging, halts = desk.judging, watch.halts
    if judging is None:
        return
    tracker = judging.tracker
    found = tracker.register.all_open()
    if watch.known is None:
        watch.known = Known({one.id: one for one in found})
    watch.known.follow(found)
    if halts is None or desk.ending or not desk.account.halts:
        return
    losses = losses_of(found, Named(tracker.placed, tracker.loose, tracker.gone), watch.known)
    watch.forget_all_but({one.id for one in losses})
    if not losses:
        return
    grace_us = max(tracker.bounds.local_lag_us, LISTED_US) + LISTED_US
    decided_us = tracker.last_decided_us or 0
    step = halts.weigh([(one, watch.ripe(one, us(context), decided_us, grace_us)) for one in losses], at(context))
    if step is not None:
        _record(desk, context, watch, step)
    elif halts.asks([(one, one.amount) for one in losses]) and _looked_long_ago(context, history):
        looking_back.begin(desk, context, history)  # only history's word is awaited


def _looked_long_ago(context: Context, history: HistoryWatch) -> bool:
    return not history.running and context.monotonic() - history.last_ended > LOOK_SECONDS


def _note_history(desk: Desk, context: Context, watch: HaltWatch, history: HistoryWatch) -> None:
    """Up to when history has had its say: what it listed last must have met the book. And whether it can be asked at all."""
    watch.patience.note(us(context), askable=looking_back.is_askable(desk))
    if desk.gateway is not None and not desk.gateway.facts.has_history:
        watch.hear(us(context), us(context))
    elif not history.running and history.through_at is not None:
        watch.hear(us(context) - (at(context) - history.through_at), us(context))


def _record(desk: Desk, context: Context, watch: HaltWatch, step: tuple[Step, HaltRecord]) -> None:
    assert watch.halts is not None, "only halts that were read are weighed"
    what, record = step
    halt, correlation_id = record.halt, correlation_of(context)
    told: dict[str, Json] = {id_: plain(amount) for id_, amount in record.told.items()}
    unit = unit_of(
        desk,
        watch.halts,
        record,
        what=what,
        body={"reason": halt.reason, "discrepancies": list(halt.discrepancies)},
        correlation_id=correlation_id,
        payload={"told": told},
        tell=what is not Step.EASED,
    )
    if what is Step.EASED:  # nothing that anybody need hear of
        desk.journal.write(context, unit)
        return
    event = TradingHaltRequested(halt=halt, at=context.utc(), correlation_id=correlation_id)
    desk.journal.write(context, unit, partial(context.publish, event))
    watch.plan(desk, context)
