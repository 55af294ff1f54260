"""Call limits of one user: so many in each window of time, counted from its first call."""


class Window:
    """At most `most` calls in each `seconds`. Not thread-safe; the server's one loop uses it."""

    def __init__(self, most: int, seconds: float) -> None:
        """Starts empty."""
        self._most = most
        self._seconds = seconds
        self._began: float | None = None
        self._count = 0

    def admit(self, now: float) -> bool:
        """Whether a call at `now` (Unix seconds) is within the limit; a refused call adds nothing."""
        if self._began is None or not self._began <= now < self._began + self._seconds:
            self._began, self._count = now, 0
        if self._count >= self._most:
            return False
        self._count += 1
        return True


class Limits:
    """The two limits of a user: 30 a second on `/api/v3`, 10,000 an hour on `/v2`."""

    def __init__(self) -> None:
        """Both start empty."""
        self._windows = {"v3": Window(30, 1.0), "v2": Window(10_000, 3600.0)}

    def admit(self, version: str, now: float) -> bool:
        """Whether a call of that API version may pass."""
        return self._windows[version].admit(now)
