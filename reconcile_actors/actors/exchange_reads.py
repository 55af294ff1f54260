"""Reading the exchange: when the next read is due, what kind of read it is, and what a failed one means."""

from dataclasses import dataclass
from typing import Final

from reconcile_actors.actors.comparing import preview
from reconcile_actors.actors.desk import Desk
from reconcile_actors.actors.failures import REASONS, is_permanent
from reconcile_actors.actors.ticks import ReadDone, ReadDue
from reconcile_actors.domain.snapshot import UnknownReason, Unreadable
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.kernel.behaviour import Context, Failure
from reconcile_actors.kernel.signals import BreakerChanged, Healthy, Unhealthy

CONFIRM_SECONDS: Final = 0.25
BURST_MAX: Final = 10
RETRY_SECONDS: Final = 0.5
CLOCK_SECONDS: Final = 0.001  # timers may be that early
SAFETY_SECONDS: Final = 2.0


@dataclass(slots=True)
class ReadPlan:
    """One read at a time. A difference is read again soon, ten times at most, then at the exchange's own spacing.

    The pauses double, because what moved around the first read leaves several differences possible, and the later a read,
    the less of it has both in reach. They end at half the exchange's spacing: while one difference is looked into, which may
    be a late report, another one can begin.

    `due` is when the next read is planned for (monotonic seconds), None where none is. After a breaker opened, `probing`
    allows a single read.
    """

    in_flight: bool = False
    due: float | None = None
    started: float = 0.0
    burst: int = 0
    probing: bool = False


def plan(desk: Desk, context: Context, reads: ReadPlan) -> None:
    """Sets the timer of the next read, where there is one to come. One that was planned gives way to what is known now."""
    if not _may_read(desk, reads):
        return
    now, due = context.monotonic(), _due(desk, reads)
    if due is None:
        reads.due = None
        return
    due = max(due, now)
    # what is due already is on its way: a timer set anew at each message might never come
    if reads.due is None or due < reads.due or reads.due > now:
        reads.due = due
        desk.later(context, due - now, ReadDue())


def _due(desk: Desk, reads: ReadPlan) -> float | None:
    """When the next read should be (monotonic seconds, maybe past), None where nothing asks for one."""
    judging, gateway, one = desk.judging, desk.gateway, desk.current
    assert judging is not None, "only a prepared account may read"
    assert gateway is not None, "only a prepared account may read"
    in_doubt = desk.in_doubt
    if not in_doubt:
        reads.burst = 0
    if reads.probing:
        return 0.0
    if one is not None and one.wants_read:
        # after its own first read: that failed, or its answer is about to meet the book
        asked = one.tries > 0 or reads.started * 1_000_000 >= one.started_us
        return reads.started + RETRY_SECONDS if asked else 0.0
    spacing = gateway.facts.poll_seconds
    if in_doubt and reads.burst < BURST_MAX:
        return reads.started + min(CONFIRM_SECONDS * (1 << reads.burst), spacing / 2)
    if desk.account.watch or one is not None or in_doubt:
        return reads.started + spacing
    return None


def _may_read(desk: Desk, reads: ReadPlan) -> bool:
    ready = desk.judging is not None and desk.gateway is not None
    held = desk.ending or desk.paused or (desk.quiet and not reads.probing)
    return ready and not held and not reads.in_flight and desk.journal.has_room


def begin(desk: Desk, context: Context, reads: ReadPlan) -> None:
    """Reads, where that is still wanted: a timer may have been on its way when the next read was put off."""
    due, reads.due = reads.due, None
    gateway, judging = desk.gateway, desk.judging
    if due is None or due > context.monotonic() + CLOCK_SECONDS:
        return
    if not _may_read(desk, reads) or gateway is None or judging is None:
        return
    reads.in_flight, reads.probing, reads.started = True, False, context.monotonic()
    fresh = judging.tracker.wants_fresh_connection
    in_doubt = desk.in_doubt
    if in_doubt:
        reads.burst += 1
    confirming = in_doubt or desk.current is not None
    deadline = min(desk.account.timeout_seconds, 2 * desk.account.detection_target_seconds)
    context.run(
        lambda: gateway.read(timeout_seconds=deadline, fresh=fresh, confirming=confirming),
        ReadDone,
        timeout_seconds=deadline + SAFETY_SECONDS,
    )


def take(desk: Desk, context: Context, reads: ReadPlan, done: ReadDone) -> None:
    """A read ended. Raises RuntimeError on what no gateway should raise: the actor crashes and is restarted."""
    reads.in_flight = False
    if desk.quiet:
        reads.probing = False  # one that was on its way when half open came is the probe, and the only one
    outcome = done.outcome
    if isinstance(outcome, Failure):
        _take_failure(desk, context, outcome)
        return
    answer = outcome.value
    if isinstance(answer, Unreadable):
        _take_unreadable(desk, context, answer)
        return
    if not desk.healthy or desk.quiet:
        desk.healthy = True
        desk.to_parent(context, Healthy())
    desk.last_read_at = answer.bracket.received_at
    desk.ask_window(context, lambda window: preview(desk, context, window, answer))


def _take_failure(desk: Desk, context: Context, outcome: Failure) -> None:
    error = outcome.error
    if isinstance(error, ExchangeFailureError):
        body = {"failure": error.failure, "code": error.code, "http_status": error.http_status}
        desk.journal.note(context, "read.failed", body)
        fail(desk, context, error.failure, error.code, error.retry_after_seconds)
    elif isinstance(error, TimeoutError):
        desk.journal.note(context, "read.failed", {"failure": FailureClass.TRANSIENT, "code": "timeout"})
        fail(desk, context, FailureClass.TRANSIENT, "timeout")
    else:
        raise RuntimeError(f"reading failed: {outcome.error_type}")  # noqa: TRY004 a defect of the gateway, not of a type


def fail(desk: Desk, context: Context, failure: FailureClass, code: str, retry_after: float | None = None) -> None:
    """A call failed in a way that was expected: the account is unknown, and the breaker hears of it."""
    desk.healthy = False
    desk.set_reason(REASONS[failure])
    desk.to_parent(context, Unhealthy(code, retry_after, permanent=is_permanent(failure)))
    if is_permanent(failure):
        desk.gateway = None  # what a person mends is read when it is opened anew, which closes this one
    if desk.current is not None:
        desk.current.note_failure(REASONS[failure], code, final=failure is not FailureClass.RATE_LIMIT)


def _take_unreadable(desk: Desk, context: Context, answer: Unreadable) -> None:
    desk.journal.note(context, "read.unknown", {"reason": answer.reason, "detail": answer.detail})
    desk.set_reason(answer.reason)
    if desk.quiet:
        desk.to_parent(context, Unhealthy(answer.reason))
    if desk.current is not None:
        last = desk.current.tries >= desk.account.retry_count
        desk.current.note_failure(answer.reason, answer.detail, final=last)


def on_breaker(desk: Desk, reads: ReadPlan, change: BreakerChanged) -> None:
    """Open: no calls. Half open: a single one. Closed: as usual."""
    desk.quiet = change.state != "closed"
    reads.probing = change.state == "half_open"
    if change.state == "open" and desk.current is not None:
        desk.current.note_failure(desk.reason or UnknownReason.BREAKER_OPEN, desk.current.detail, final=True)
