"""Reads against the book: a match counts at once, a difference when it is settled, and both go on record."""

from collections.abc import Sequence
from typing import Final

from reconcile_actors.actors.desk import Desk, at, us
from reconcile_actors.actors.protocol import PORTFOLIO, LegsExact, WindowIs
from reconcile_actors.actors.ticks import DoubtRaised, PricesRead, SettleDue
from reconcile_actors.domain.register import Change
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.domain.window import BookWindow
from reconcile_actors.kernel.behaviour import Context, Success

PRICE_SECONDS: Final = 2.0
# Most differences are a report on its way, which the next read or two show: history is not asked about those.
# And a look that comes R later lists all that the read may have shown.
DOUBT_SECONDS: Final = 0.1


def take_window(desk: Desk, context: Context, answer: WindowIs) -> None:
    """The book came: what history named and it has taken since is missing no more, then the read that waits for it is judged."""
    asked = desk.answered(answer)
    if asked is None:
        return
    handle, named = asked
    reported = {one.key_text() for one in named} - {one.movement.key_text() for one in answer.missing}
    if reported and desk.judging is not None:
        tracker = desk.judging.tracker
        still = [one for one in tracker.named if one.movement.key_text() not in reported]
        note(desk, context, tracker.take_history(still, at(context)))
    handle(answer.window)


def preview(desk: Desk, context: Context, window: BookWindow, snapshot: Snapshot) -> None:
    """A fresh read meets the book."""
    judging = desk.judging
    if judging is None:
        return
    desk.steps = snapshot.steps
    one = desk.current
    if window.unknown is not None:
        desk.set_reason(window.unknown)
        if one is not None:
            one.take(snapshot, window, judged=False)
            one.failed = window.unknown if one.snapshot is snapshot else one.failed
        return
    matched, changes = judging.preview(window, snapshot, at(context))
    if one is not None:
        undecided = judging.waits(snapshot) or judging.locks_unknown(window, snapshot)
        one.take(snapshot, window, judged=matched and not undecided)
    note(desk, context, changes)
    if judging.waits(snapshot):
        await_settling(desk, context, window)
    if matched:
        _on_match(desk, context, window, snapshot)
    else:
        doubt = (snapshot.digest, window.version)
        if doubt != desk.last_doubt:  # history was asked about this difference already
            desk.last_doubt = doubt
            lag_seconds = judging.tracker.bounds.exchange_lag_us / 1_000_000
            desk.no_later(context, DOUBT_SECONDS + lag_seconds, DoubtRaised())


def await_settling(desk: Desk, context: Context, window: BookWindow) -> None:
    """Sets the timer of the oldest waiting read."""
    judging = desk.judging
    if judging is not None and judging.pending:
        due_us = judging.due_us(window, judging.pending[0])
        desk.later(context, max(0.0, (due_us - us(context)) / 1_000_000), SettleDue())


def settle_next(desk: Desk, context: Context) -> None:
    """The oldest waiting read may have its time: asks for the book as it is known now."""
    if desk.judging is not None and desk.judging.pending:
        snapshot = desk.judging.pending[0]
        desk.ask_window(context, lambda window: _settle(desk, context, window, snapshot))


def _settle(desk: Desk, context: Context, window: BookWindow, snapshot: Snapshot) -> None:
    judging = desk.judging
    if judging is None or not judging.waits(snapshot):
        return  # a later match made it moot
    if window.unknown is not None:
        judging.pending.clear()
        desk.set_reason(window.unknown)
    elif judging.due_us(window, snapshot) <= us(context):
        matched, changes = judging.settle(window, snapshot, at(context))
        if desk.current is not None:
            desk.current.take(snapshot, window, judged=judging.is_decided(snapshot))
        note(desk, context, changes)
        if matched:
            _on_match(desk, context, window, snapshot)
        else:
            desk.reason = judging.tracker.reason
    await_settling(desk, context, window)


def _on_match(desk: Desk, context: Context, window: BookWindow, snapshot: Snapshot) -> None:
    judging = desk.judging
    assert judging is not None, "only a judged read matches"
    desk.reason = judging.tracker.reason
    standing = tuple(one.id for one in judging.tracker.register.all_open() if one.is_loss)
    if desk.fold.is_due(snapshot.bracket.received_at, standing):
        write_fold(desk, context)
    desk.fold.add(snapshot.digest, snapshot.bracket.received_at, standing)
    exact = tuple(leg for leg in judging.tracker.exact if leg in window.operations)
    if exact:
        context.tell(PORTFOLIO, LegsExact(desk.account.name, window.version, exact))


def write_fold(desk: Desk, context: Context) -> None:
    """Records the reads of the past minute that agreed as one entry: with the book, or but for the discrepancies that stand."""
    if desk.fold.count:
        kind = "watch.standing" if desk.fold.standing else "watch.matched"
        desk.journal.note(context, kind, desk.fold.take())


def note(desk: Desk, context: Context, changes: Sequence[Change]) -> None:
    """Records what changed, and asks for the prices that are lacking or have grown old."""
    desk.journal.note_changes(context, changes)
    judging, gateway = desk.judging, desk.gateway
    if judging is None or gateway is None or desk.pricing or not desk.account.tickers:
        return
    oldest_at = at(context) - int(desk.account.price_age_seconds * 1_000_000)
    wanted = sorted(judging.tracker.register.unpriced(oldest_at))
    if wanted and context.monotonic() - desk.priced > PRICE_SECONDS:
        desk.pricing, desk.priced = True, context.monotonic()
        context.run(
            lambda: gateway.prices(wanted, timeout_seconds=PRICE_SECONDS),
            PricesRead,
            timeout_seconds=PRICE_SECONDS + 1.0,
        )


def take_prices(desk: Desk, context: Context, read: PricesRead) -> None:
    """Prices came: severities follow. Without them a discrepancy stays unpriced, which is never small."""
    desk.pricing = False
    if desk.judging is not None and isinstance(read.outcome, Success):
        register = desk.judging.tracker.register
        desk.journal.note_changes(context, register.revalue({**register.prices, **read.outcome.value}))
