"""The look into the exchange's history: how far back, how often, and what of it the book lacks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from reconcile_actors.actors.comparing import note
from reconcile_actors.actors.desk import Desk, at
from reconcile_actors.actors.evidence import note_named
from reconcile_actors.actors.protocol import PORTFOLIO, CheckHistory, HistoryChecked
from reconcile_actors.actors.ticks import HistoryDue, HistoryRead
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.movements import Movement
from reconcile_actors.exchanges.port import ExchangeFailureError, History
from reconcile_actors.kernel.behaviour import Context, Failure

OVERLAP_US: Final = 60_000_000
# A first look may be too long for the exchange's limits: then a shorter one is better than none.
LOOKBACKS_US: Final = (86_400_000_000, 3_600_000_000, 300_000_000)
RETRY_SECONDS: Final = 15.0
FOLLOW_SECONDS: Final = 1.0
DEADLINE_SECONDS: Final = 10.0
SAFETY_SECONDS: Final = 2.0
# Past a look's own deadline and some time for the answer of the portfolio actor it counts as lost.
LOST_SECONDS: Final = 20.0


@dataclass(slots=True)
class HistoryWatch:
    """`through_at` is how far history has been seen in full (UTC us), `checked_at` how far it was set against the book too.

    `pending` is what it lists as not final yet; `fills_of` and `transfers_of` say what it was asked for (see History).
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
        self.pending = tuple(one for one in history.movements if one.pending)
        self.fills_of, self.transfers_of = history.fills_of, history.transfers_of

    def covers(self, leg: Leg) -> bool:
        """Whether the last look would have listed whatever moved a leg."""
        markets = self.fills_of is None or any(leg.currency in re.split("[/:]", one) for one in self.fills_of)
        return markets and (self.transfers_of is None or leg.currency in self.transfers_of)

    def checked(self, missing: Iterable[Missing]) -> None:
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
    watch.running, watch.last_started = True, context.monotonic()
    since_at = watch.since_at(at(context), desk.opening_at)
    deadline = min(desk.account.timeout_seconds, DEADLINE_SECONDS)
    context.run(
        lambda: gateway.history(since_at, timeout_seconds=deadline),
        HistoryRead,
        timeout_seconds=deadline + SAFETY_SECONDS,
    )


def follow_doubt(desk: Desk, context: Context, watch: HistoryWatch) -> None:
    """A difference was seen: history may name its cause at once."""
    if context.monotonic() - watch.last_started > FOLLOW_SECONDS:
        begin(desk, context, watch)


def take(desk: Desk, context: Context, watch: HistoryWatch, read: HistoryRead) -> None:
    """History came, whole or not at all. Raises RuntimeError on what no gateway should raise."""
    if not isinstance(read.outcome, Failure):
        history = read.outcome.value
        watch.succeed(history)
        question = CheckHistory(desk.account.name, desk.next_token(), history.movements, desk.steps, desk.within_us)
        context.tell(PORTFOLIO, question)
        if desk.account.watch:
            desk.later(context, LOST_SECONDS, HistoryDue())  # in case the portfolio actor ends before it answers
        return
    error = read.outcome.error
    if not isinstance(error, ExchangeFailureError | TimeoutError):
        raise RuntimeError(f"history failed: {read.outcome.error_type}")  # noqa: TRY004 a defect of the gateway
    watch.tries += 1
    desk.journal.note(context, "history.failed", {"code": getattr(error, "code", "timeout")})
    _end(desk, context, watch, RETRY_SECONDS)


def take_checked(desk: Desk, context: Context, watch: HistoryWatch, checked: HistoryChecked) -> None:
    """The portfolio actor told what the book lacks. What is younger than L may still be reported: look again then."""
    watch.checked(checked.missing)
    if desk.judging is None or desk.gateway is None:
        return
    tracker = desk.judging.tracker
    note(desk, context, tracker.take_history(checked.missing, at(context)))
    note_named(desk, context, tracker.named)
    next_seconds = desk.account.local_lag_seconds if watch.again else desk.gateway.facts.history_seconds
    if len(checked.missing) > len(tracker.named):
        next_seconds = min(next_seconds, _until_due(tracker.bounds, at(context), checked.missing))
    _end(desk, context, watch, next_seconds)


def _until_due(bounds: Bounds, now_at: int, missing: Sequence[Missing]) -> float:
    """Seconds until no report of these can be late any more: history may name them then."""
    newest_at = max((one.movement.occurred_at or 0 for one in missing), default=0)
    late_us = bounds.local_lag_us + bounds.skew_us
    return min(late_us, max(0, newest_at + late_us - now_at)) / 1_000_000


def _end(desk: Desk, context: Context, watch: HistoryWatch, next_seconds: float) -> None:
    watch.running = watch.again = False
    if desk.current is not None:
        desk.current.history_done = True
    if desk.account.watch:
        desk.later(context, next_seconds, HistoryDue())
