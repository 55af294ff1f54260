"""The indexer's request limit: so many points in a window of ten seconds, counted for each caller's address."""

from dataclasses import dataclass

WINDOW_SECONDS = 10.0
MAXIMUM = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands after a request: `wait_seconds` until the window ends."""

    admitted: bool
    remaining: int
    wait_seconds: float


class RequestWindow:
    """Not thread-safe; the server's one loop uses it. A refused request counts as well."""

    def __init__(self, maximum: int = MAXIMUM) -> None:
        """`maximum` requests a window."""
        self.maximum = maximum
        self._began: float | None = None
        self._count = 0

    def admit(self, now: float) -> Standing:
        """One request at `now` (seconds)."""
        if self._began is None or not self._began <= now < self._began + WINDOW_SECONDS:
            self._began, self._count = now, 0
        self._count += 1
        wait = self._began + WINDOW_SECONDS - now
        return Standing(self._count <= self.maximum, max(0, self.maximum - self._count), wait)
