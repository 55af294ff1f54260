"""Failures without the frames in which they arose: those hold raw rows, which a debugger or a log with locals would show (I7)."""

from collections.abc import Awaitable
from typing import TypeVar

from reconcile_actors.exchanges.port import ExchangeFailureError

T = TypeVar("T")


async def without_frames(work: Awaitable[T]) -> T:
    """The result of `work`; an ExchangeFailureError comes out as if it had been raised here."""
    try:
        return await work
    except ExchangeFailureError as failure:
        problem = failure
    problem.__cause__ = problem.__context__ = None  # what it was raised from was raised beside the row
    raise problem.with_traceback(None)
