"""How an ask ends, in the words of who embeds the system: the kernel's errors stop here."""

import asyncio
import math
from concurrent.futures import Future
from typing import Final, TypeVar

from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import UnavailableError, UsageError
from reconcile_actors.kernel.errors import ActorFailed, DeadlineExceeded, KernelError, MailboxFull

T = TypeVar("T")
LEFT: Final = "the system was left before it answered: open another"


async def awaited(future: Future[T]) -> T:
    """What another thread's work gives. Raises UnavailableError where that work was given up because the system was left."""
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        if was_given_up(future):
            raise UnavailableError(LEFT) from None
        raise


def was_given_up(future: Future[T]) -> bool:
    """Whether the loop under it was stopped, which looks like a cancellation that nobody asked for."""
    return future.done() and not future.cancelled() and isinstance(future.exception(), asyncio.CancelledError)


async def answer_of(future: Future[object]) -> object:
    """The reply to an ask. Raises TimeoutError, or UnavailableError with what to do."""
    try:
        return await awaited(future)
    except KernelError as error:
        raise translated(error) from None


def translated(error: KernelError) -> UnavailableError | TimeoutError:
    """An end without a reply as an error of the project's own. Roles are named, contents are not (I7)."""
    match error:
        case DeadlineExceeded(name=name):
            return TimeoutError(f"no answer of {name} in time: ask again, with more time where the exchange is slow")
        case MailboxFull(name=name):
            return UnavailableError(f"{name} has more to do than it accepts: ask again in a moment")
        case ActorFailed(name=name):
            return UnavailableError(f"{name} crashed on this and is restarted: ask again in a moment")
        case _:
            return UnavailableError(
                "nobody answers: the actor is being restarted, or was parked after repeated crashes; "
                "GetStatus says which, and ResumeExchange starts a parked one"
            )


def checked_timeout(seconds: float) -> float:
    """A timeout that is one. Raises UsageError."""
    if not (math.isfinite(seconds) and seconds > 0):
        raise UsageError("timeout: a finite number of seconds above 0 is right")
    return seconds


def unknown_report(exchange: str, error: UnavailableError | TimeoutError, at_us: int) -> ReconciliationReport:
    """The report of an account whose actor gave none: unknown, not balanced (I1). `at_us`: UTC microseconds."""
    late = isinstance(error, TimeoutError)
    return ReconciliationReport(
        exchange=exchange,
        timestamp=at_us,
        status=ReconciliationStatus.UNKNOWN,
        unknown_reason=UnknownReason.TIMEOUT if late else UnknownReason.CRASHED,
        unknown_detail="no_answer",
    )
