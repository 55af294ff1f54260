"""The look into the exchange's history: how far back, how often, and what of it the book lacks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reconcile_actors.actors.comparing import note
from reconcile_actors.actors.desk import Desk, at
from reconcile_actors.actors.evidence import note_named
from reconcile_actors.actors.protocol import PORTFOLIO, CheckHistory, HistoryChecked
from reconcile_actors.actors.ticks import CheckDue, HistoryDue, HistoryRead
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.movements import Movement, latest_of
from reconcile_actors.exchanges.port import OWN_LIMIT, ExchangeFailureError, History
from reconcile_actors.kernel.behaviour import Context, Failure

OVERLAP_US: Final = 60_000_000
# A first look may be too long for the exchange's limits: then a shorter one is better than none.
LOOKBACKS_US: Final = (86_400_000_000, 3_600_000_000, 300_000_000)
RETRY_SECONDS: Final = 15.0
# Looks that a doubt or a repair asks for are that far apart: each costs of what reads need too.
FOLLOW_SECONDS: Final = 1.0
CHECK_SECONDS: Final = 0.25
DEADLINE_SECONDS: Final = 10.0
SAFETY_SECONDS: Final = 2.0
# Past a look's own deadline and some time for the answer of the portfolio actor it counts as lost.
LOST_SECONDS: Final = 20.0


@dataclass(slots=True)
class HistoryWatch:
    """`through_at` is how far history has been seen in full (UTC us), `checked_at` how far it was set against the book too.

    `pending` is what it lists as not final yet; `fills_of` and `transfers_of` say what it was asked for (see History).
    `listed` is what the last look showed, and `asked` the number of the question what the book lacks of it.
    """

    running: bool = False
    again: bool = False
    through_at: int | None = None
    checked_at: int | None = None
    pending: tuple[Movement, ...] = ()
    fills_of: frozenset[str] | None = None
    transfers_of: frozenset[str] | None = None
    oldest_missing_at: int | None = None
    last_started: float = -1e9
    tries: int = 0
    listed: Sequence[Movement] = ()
    asked: int | None = None
    last_ended: float = -1e9

    def since_at(self, now_at: int, opening_at: int | None) -> int:
        """From when to read: overlapping what was seen, back to the oldest movement still missing, never before the opening."""
        if self.through_at is None:
            since = now_at - LOOKBACKS_US[min(self.tries, len(LOOKBACKS_US) - 1)]
        else:
            since = self.through_at - OVERLAP_US
            if self.oldest_missing_at is not None:
                since = min(since, self.oldest_missing_at - 1_000_000)
        return since if opening_at is None else max(since, opening_at - OVERLAP_US)

    def succeed(self, history: History) -> None:
        """A complete answer."""
        self.through_at, self.tries = history.through_at, 0
        self.listed = history.movements
        self.pending = tuple(one for one in history.movements if one.pending)
        self.fills_of, self.transfers_of = history.fills_of, history.transfers_of

    def covers(self, leg: Leg) -> bool:
        """Whether the last look would have listed whatever moved a leg."""
        markets = self.fills_of is None or any(leg.currency in re.split("[/:]", one) for one in self.fills_of)
        return markets and (self.transfers_of is None or leg.currency in self.transfers_of)

    def checked(self, missing: Sequence[Missing]) -> None:
        """What the book lacks of the last answer."""
        self.checked_at = self.through_at
        times = [one.movement.occurred_at for one in missing if one.movement.occurred_at is not None]
        self.oldest_missing_at = min(times, default=None)


def is_askable(desk: Desk) -> bool:
    """Whether history may be asked for now: there is a gateway, and no breaker, pause or end holds calls back."""
    return not (desk.gateway is None or desk.ending or desk.paused or desk.quiet)


def begin(desk: Desk, context: Context, watch: HistoryWatch) -> None:
    """Reads the history, unless that is being done: then once more after it. Where there is none, nothing waits for it."""
    gateway = desk.gateway
    if gateway is not None and not gateway.facts.has_history:
        if desk.current is not None:
            desk.current.history_done = True
        return
    if gateway is None or not is_askable(desk):
        return
    if watch.running and context.monotonic() - watch.last_started < LOST_SECONDS:
        watch.again = True
        return
    watch.running, watch.last_started, watch.asked = True, context.monotonic(), None
    since_at = watch.since_at(at(context), desk.opening_at)
    deadline = min(desk.account.timeout_seconds, DEADLINE_SECONDS)
    confirming = desk.in_doubt or desk.repairing
    context.run(
        lambda: gateway.history(since_at, timeout_seconds=deadline, confirming=confirming),
        HistoryRead,
        timeout_seconds=deadline + SAFETY_SECONDS,
    )


def share(desk: Desk, context: Context, watch: HistoryWatch) -> None:
    """A pass began: a look that is on its way, or has just been, is its look too."""
    just_been = watch.checked_at is not None and context.monotonic() - watch.last_ended < FOLLOW_SECONDS
    if desk.current is not None and just_been and not watch.running and not watch.tries:
        desk.current.history_done = True
    elif not watch.running or context.monotonic() - watch.last_started >= LOST_SECONDS:
        begin(desk, context, watch)


def follow_doubt(desk: Desk, context: Context, watch: HistoryWatch) -> None:
    """A difference was seen a moment ago: unless a late report has explained it, history may name its cause.

    Where a look has seen past the read that showed it first, what it listed is only too young to be missing yet.
    """
    if not desk.in_doubt or desk.judging is None or context.monotonic() - watch.last_ended <= FOLLOW_SECONDS:
        return
    shown_at = desk.judging.pending[0].bracket.received_at if desk.judging.pending else at(context)
    if watch.through_at is None or watch.through_at < shown_at:
        begin(desk, context, watch)


def look_at(desk: Desk, context: Context, watch: HistoryWatch, due_at: int) -> None:
    """Sees to a look that reaches an instant (UTC us), and no sooner than it can."""
    assert desk.gateway is not None, "only an open account waits for history"
    reaches_seconds = (due_at - at(context)) / 1_000_000 + desk.gateway.facts.lag_seconds
    follows_seconds = watch.last_ended + FOLLOW_SECONDS - context.monotonic()
    desk.no_later(context, max(0.0, reaches_seconds, follows_seconds), HistoryDue())


def take(desk: Desk, context: Context, watch: HistoryWatch, read: HistoryRead) -> None:
    """History came, whole or not at all. Raises RuntimeError on what no gateway should raise."""
    if not isinstance(read.outcome, Failure):
        watch.succeed(read.outcome.value)
        check(desk, context, watch)
        if desk.account.watch:
            desk.later(context, LOST_SECONDS, HistoryDue())  # in case the portfolio actor ends before it answers
        return
    error = read.outcome.error
    if not isinstance(error, ExchangeFailureError | TimeoutError):
        raise RuntimeError(f"history failed: {read.outcome.error_type}")  # noqa: TRY004 a defect of the gateway
    desk.journal.note(context, "history.failed", {"code": getattr(error, "code", "timeout")})
    if watch.through_at is not None and isinstance(error, ExchangeFailureError) and error.code == OWN_LIMIT:
        # nobody was asked, so nothing has failed: what was seen holds, and the next look comes when there is room
        _end(desk, context, watch, max(FOLLOW_SECONDS, error.retry_after_seconds or 0.0))
        return
    watch.tries += 1
    _end(desk, context, watch, RETRY_SECONDS)


def check(desk: Desk, context: Context, watch: HistoryWatch) -> None:
    """Sets what the last look showed against the book as it is now."""
    watch.asked = desk.next_token()
    context.tell(PORTFOLIO, CheckHistory(desk.account.name, watch.asked, watch.listed, desk.steps, desk.within_us))


def check_again(desk: Desk, context: Context, watch: HistoryWatch) -> None:
    """What was too young to be missing is old enough now; the exchange need not be asked for that."""
    if not watch.running:
        check(desk, context, watch)


def take_checked(desk: Desk, context: Context, watch: HistoryWatch, checked: HistoryChecked) -> None:
    """The portfolio actor told what the book lacks. What is younger than L may still be reported: checked again then."""
    if checked.token != watch.asked:
        return  # what a newer look shows is on its way
    watch.checked(checked.missing)
    if desk.judging is None or desk.gateway is None:
        return
    tracker = desk.judging.tracker
    note(desk, context, tracker.take_history(checked.missing, at(context)))
    note_named(desk, context, tracker.named)
    due_seconds = _until_due(tracker.bounds, at(context), checked.missing)
    if (desk.account.watch or desk.current is not None) and (due_seconds or len(checked.missing) > len(tracker.named)):
        desk.later(context, max(CHECK_SECONDS, due_seconds), CheckDue())
    if watch.running:  # else what was seen before is checked again, and the next look is planned
        _end(
            desk, context, watch, desk.account.local_lag_seconds if watch.again else desk.gateway.facts.history_seconds
        )


def _until_due(bounds: Bounds, now_at: int, missing: Sequence[Missing]) -> float:
    """Seconds until no report of the oldest of these that is young can be late any more: history may name it then."""
    late_us = bounds.local_lag_us + bounds.skew_us
    dues = [latest_of(one.movement.occurred_at) + late_us - now_at for one in missing if one.movement.occurred_at]
    return min(late_us, *(due_us for due_us in dues if due_us > 0)) / 1_000_000 if max(dues, default=0) > 0 else 0.0


def _end(desk: Desk, context: Context, watch: HistoryWatch, next_seconds: float) -> None:
    watch.running = watch.again = False
    watch.last_ended = context.monotonic()
    if desk.current is not None:
        desk.current.history_done = True
    if desk.account.watch:
        desk.later(context, next_seconds, HistoryDue())
