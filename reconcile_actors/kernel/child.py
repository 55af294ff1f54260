"""One child as its supervisor keeps it: how often it ended, how long to wait, whether its breaker lets it work.

A value machine: no context, no messages. The supervisor asks it what to do and does it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeAlias

from reconcile_actors.kernel.backoff import Backoff
from reconcile_actors.kernel.behaviour import DEFAULT_MAILBOX_LIMIT, Behaviour, Timer
from reconcile_actors.kernel.circuit_breaker import BreakerSettings, CircuitBreaker
from reconcile_actors.kernel.signals import ChildRow, ChildState, Reason, Stopped

RestartType: TypeAlias = Literal["permanent", "transient", "temporary"]


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start a child and what to do when it ends.

    `permanent` children are restarted whatever the end, `transient` ones unless they ended in order, `temporary` ones
    never. More than `intensity` restarts within `period_seconds` park the child: counted for each child by itself, so
    that one that flaps takes nobody with it.
    """

    name: str
    factory: Callable[[], Behaviour]
    restart: RestartType = "permanent"
    backoff: Backoff = field(default_factory=Backoff)
    intensity: int = 5
    period_seconds: float = 60.0
    shutdown_seconds: float = 2.0
    breaker: BreakerSettings | None = None
    mailbox_limit: int = DEFAULT_MAILBOX_LIMIT

    def __post_init__(self) -> None:
        if self.intensity < 0 or self.period_seconds <= 0 or self.shutdown_seconds < 0:
            raise ValueError("a child needs intensity >= 0, period_seconds > 0 and shutdown_seconds >= 0")


class Child:
    """State of one child. `now` is monotonic seconds throughout."""

    def __init__(self, spec: ChildSpec, random: Random) -> None:
        self.spec = spec
        self.breaker = None if spec.breaker is None else CircuitBreaker(spec.breaker, random)
        self.state: ChildState = "ended"
        self.epoch = 0
        self.restarts = 0
        self.restart_timer: Timer | None = None
        self.breaker_timer: Timer | None = None
        self.last_delay_seconds = 0.0
        self.last_reason: Reason = Stopped()
        self.healthy_since: float | None = None
        self._random = random
        self._backoff = spec.backoff.fresh()
        self._ends: deque[float] = deque()

    def note_spawned(self, epoch: int) -> None:
        """It is alive, which is not yet healthy."""
        self.state = "alive"
        self.epoch = epoch
        self.healthy_since = None

    def note_healthy(self, now: float) -> None:
        """It said that it did its work."""
        if self.healthy_since is None:
            self.healthy_since = now

    def note_unhealthy(self) -> None:
        """It said that its work failed."""
        self.healthy_since = None

    def note_end(self, now: float, reason: Reason) -> ChildState:
        """It ended. The new state says what to do: `backing_off` (for `last_delay_seconds`), `parked`, or `ended`."""
        self.last_reason = reason
        healthy_seconds = 0.0 if self.healthy_since is None else now - self.healthy_since
        self.healthy_since = None
        restarts = self.spec.restart == "permanent" or (
            self.spec.restart == "transient" and not isinstance(reason, Stopped)
        )
        if not restarts:
            self.state = "ended"
        elif self._too_many(now):
            self.state = "parked"
        else:
            self.state = "backing_off"
            self.last_delay_seconds = self._backoff.next_delay(self._random, healthy_seconds)
        return self.state

    def forget(self) -> None:
        """A person says that it is worth trying again: no history counts any more."""
        self._ends.clear()
        self._backoff.reset()

    def respawn_after(self, now: float) -> float | None:
        """Seconds until it may be spawned as far as its breaker goes: 0 for now, None for not before somebody resumes it."""
        if self.breaker is None or self.breaker.state != "open":
            return 0.0
        return None if self.breaker.retry_at is None else max(0.0, self.breaker.retry_at - now)

    def row(self) -> ChildRow:
        """As the operator sees it."""
        breaker = None if self.breaker is None else self.breaker.state
        return ChildRow(self.spec.name, self.epoch, self.state, self.healthy_since is not None, breaker, self.restarts)

    def _too_many(self, now: float) -> bool:
        self._ends.append(now)
        while now - self._ends[0] > self.spec.period_seconds:
            self._ends.popleft()
        return len(self._ends) > self.spec.intensity
