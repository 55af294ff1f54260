"""Time as a gateway reads it, handed in from outside: brackets, pacing and pauses are then deterministic in tests."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

MICROSECONDS: Final = 1_000_000


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


def _utc_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Clocks:
    """`monotonic_us` gives durations, `utc_us` dates (both whole microseconds), `sleep` waits for seconds."""

    monotonic_us: Callable[[], int] = _monotonic_us
    utc_us: Callable[[], int] = _utc_us
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def deadline_us(self, timeout_seconds: float) -> int:
        """The monotonic instant that many seconds from now."""
        return self.monotonic_us() + int(timeout_seconds * MICROSECONDS)

    def seconds_until(self, deadline_us: int) -> float:
        """Seconds left until a monotonic instant; negative when it has passed."""
        return (deadline_us - self.monotonic_us()) / MICROSECONDS
