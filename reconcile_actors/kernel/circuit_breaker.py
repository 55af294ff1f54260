"""A circuit breaker as a value machine: the caller hands in the time and the generator, and gets transitions back.

Closed: calls are allowed, and failures in a row are counted. Open: none until `retry_at`. Half open: exactly one probe,
whose outcome closes or reopens it, each time for longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from reconcile_actors.kernel.signals import BreakerState


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """`failure_threshold` failures in a row open it for `reset_seconds`, doubling up to `reset_cap_seconds`."""

    failure_threshold: int = 5
    reset_seconds: float = 15.0
    reset_cap_seconds: float = 300.0
    jitter: float = 0.2
    """Up to this share is added to each pause, so that not all come back at once."""
    probe_seconds: float = 30.0
    """A probe that has not reported by then has failed: otherwise half open would last for ever."""
    quiet_cap_seconds: float = 86_400.0
    """The longest quiet that the other side can ask for: what it says must not put it out of reach for good (I12)."""

    def __post_init__(self) -> None:
        if self.failure_threshold < 1 or not 0 < self.reset_seconds <= self.reset_cap_seconds:
            raise ValueError("a breaker needs failure_threshold >= 1 and 0 < reset_seconds <= reset_cap_seconds")
        if self.jitter < 0 or self.probe_seconds <= 0 or self.quiet_cap_seconds <= 0:
            raise ValueError("a breaker needs jitter >= 0, probe_seconds > 0 and quiet_cap_seconds > 0")


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state."""

    from_state: BreakerState
    to_state: BreakerState
    reason: str


class CircuitBreaker:
    """`now` is monotonic seconds throughout. Not thread-safe: it belongs to one behaviour."""

    def __init__(self, settings: BreakerSettings, random: Random) -> None:
        self._settings = settings
        self._random = random
        self._state: BreakerState = "closed"
        self._failures = 0
        self._openings = 0
        self._retry_at: float | None = None
        self._probe_until: float | None = None

    @property
    def state(self) -> BreakerState:
        """As of the last call."""
        return self._state

    @property
    def retry_at(self) -> float | None:
        """When an open breaker becomes half open; None when it is not open, or open for good."""
        return self._retry_at

    @property
    def next_change_at(self) -> float | None:
        """When `tick` will have something to do; None when only an outcome or a person changes it."""
        return self._probe_until if self._state == "half_open" else self._retry_at

    def tick(self, now: float) -> Transition | None:
        """Let time pass: open becomes half open at `retry_at`; a probe that never reported counts as failed."""
        if self._state == "open" and self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            return self._change("half_open", "reset_time")
        if self._state == "half_open" and self._probe_until is not None and now >= self._probe_until:
            return self._open(now, "probe_lost", None)
        return None

    def allow(self, now: float) -> bool:
        """Whether a call may be made now; in half open the first to ask is the probe and the only one."""
        self.tick(now)
        if self._state == "half_open" and self._probe_until is None:
            self._probe_until = now + self._settings.probe_seconds
            return True
        return self._state == "closed"

    def record_success(self, now: float) -> Transition | None:
        """A call succeeded: half open closes. While open it changes nothing: that call began before."""
        self.tick(now)
        if self._state == "open":
            return None
        self._failures = 0
        return self._close("success") if self._state == "half_open" else None

    def record_failure(
        self, now: float, retry_after: float | None = None, reason: str = "failures"
    ) -> Transition | None:
        """A call failed. `retry_after`: seconds for which the other side asked for quiet; it opens at once, for no less."""
        self.tick(now)
        if self._state == "open":
            self._keep_quiet_until(now, retry_after)
            return None
        self._failures += 1
        if self._state == "closed" and retry_after is None and self._failures < self._settings.failure_threshold:
            return None
        return self._open(now, reason, retry_after)

    def open_for_good(self, reason: str = "permanent") -> Transition | None:
        """Open until `reset`: trying again is no use."""
        changed = self._change("open", reason) if self._state != "open" else None
        self._retry_at = None
        return changed

    def reset(self) -> Transition | None:
        """A person says that it is worth trying: close and forget."""
        if self._state != "closed":
            return self._close("reset")
        self._forget()
        return None

    def _open(self, now: float, reason: str, retry_after: float | None) -> Transition:
        settings = self._settings
        # The exponent is bounded, because an exchange that is down for weeks must not overflow a float.
        pause = min(settings.reset_cap_seconds, settings.reset_seconds * 2.0 ** min(self._openings, 62))
        self._openings += 1
        self._retry_at = now + pause * (1.0 + self._random.uniform(0.0, settings.jitter))
        self._keep_quiet_until(now, retry_after)
        return self._change("open", reason)

    def _keep_quiet_until(self, now: float, retry_after: float | None) -> None:
        if retry_after is not None and self._retry_at is not None:
            self._retry_at = max(self._retry_at, now + min(self._settings.quiet_cap_seconds, retry_after))

    def _close(self, reason: str) -> Transition:
        self._forget()
        return self._change("closed", reason)

    def _forget(self) -> None:
        self._failures = 0
        self._openings = 0
        self._retry_at = None

    def _change(self, to_state: BreakerState, reason: str) -> Transition:
        transition = Transition(self._state, to_state, reason)
        self._state = to_state
        self._probe_until = None
        return transition
