"""Growing pauses between restarts: the one module that knows the `backoff` package.

Its wait generator gives the growth; its sleeping decorators are not used, because an actor never waits. Its
`full_jitter` draws from the process-wide generator, which no seed of ours reaches, so the same jitter (uniform over the
whole range) is drawn here from the generator that the caller hands in.
"""

from __future__ import annotations

from collections.abc import Generator
from random import Random

import backoff


class Backoff:
    """Pauses from `min_seconds`, doubling up to `max_seconds`, each spread evenly between `min_seconds` and its value.

    After `reset_after_seconds` of good life the sequence starts anew.
    """

    def __init__(self, min_seconds: float = 0.5, max_seconds: float = 30.0, reset_after_seconds: float = 60.0) -> None:
        if not 0 < min_seconds <= max_seconds:
            raise ValueError("a backoff needs 0 < min_seconds <= max_seconds")
        self.min_seconds = min_seconds
        self.max_seconds = max_seconds
        self.reset_after_seconds = reset_after_seconds
        self._pauses = self._sequence()

    def next_delay(self, random: Random, healthy_seconds: float = 0.0) -> float:
        """Seconds to wait now. `healthy_seconds`: how long all was well before this failure."""
        if healthy_seconds >= self.reset_after_seconds:
            self.reset()
        return random.uniform(self.min_seconds, next(self._pauses))

    def reset(self) -> None:
        """Start the sequence anew."""
        self._pauses = self._sequence()

    def fresh(self) -> Backoff:
        """Another of the same settings, at its start."""
        return Backoff(self.min_seconds, self.max_seconds, self.reset_after_seconds)

    def _sequence(self) -> Generator[float, None, None]:
        pauses: Generator[float, None, None] = backoff.expo(factor=self.min_seconds, max_value=self.max_seconds)
        next(pauses)  # the generator's first step yields nothing
        return pauses
