"""The outcome of I/O as a value: a coroutine's result or the exception that ended it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Success(Generic[T_co]):
    """The coroutine returned."""

    value: T_co = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """The coroutine raised, was cancelled, or ran out of time (`TimeoutError`)."""

    error: BaseException = field(repr=False)

    @property
    def error_type(self) -> str:
        """The type's name: all that may be logged, since an exception's text may hold a secret (I7)."""
        return type(self.error).__name__


Outcome: TypeAlias = Success[T] | Failure


async def attempt(work: Callable[[], Awaitable[T]], timeout_seconds: float | None) -> Outcome[T]:
    """Run `work` and give its outcome. It never raises, so that no coroutine can end the loop it runs on."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return Success(await work())
    except BaseException as error:  # noqa: BLE001 SystemExit in a task would end the loop of every other one
        return Failure(error)
