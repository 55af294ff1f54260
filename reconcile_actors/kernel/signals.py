"""Messages and events of the kernel itself: ends of actors, health of children, what an operator asks a supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Stopped:
    """It ended in order."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """An exception ended it. Its text is left out on purpose: it may hold a secret (I7)."""

    error_type: str
    location: str
    """`file.py:line` of the innermost frame."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """It did not end by its deadline, so it was cut off: threads cannot be killed, but nothing it does counts any more."""


Reason: TypeAlias = Stopped | Crashed | Abandoned


@dataclass(frozen=True, slots=True)
class Terminated:
    """To the watcher, exactly once for each incarnation, whichever way it ended."""

    name: str
    epoch: int
    reason: Reason


# --- from a child to its supervisor


@dataclass(frozen=True, slots=True)
class Healthy:
    """The child did its work with success. Being alive is not being healthy."""


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """The child's work failed in a way it expected (a typed result, not a crash)."""

    reason: str
    """A short code, never free text of an exception."""
    retry_after: float | None = None
    """Seconds that the other side asked to be left alone."""
    permanent: bool = False
    """True when trying again is no use until a person changes something."""


# --- from a supervisor to its child

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class BreakerChanged:
    """`open`: make no calls. `half_open`: make one, and report. `closed`: go on as usual."""

    state: BreakerState
    retry_at: float | None
    """Monotonic seconds; None when closed, half open, or open until somebody resumes it."""


# --- from an operator to a supervisor


@dataclass(frozen=True, slots=True)
class ResumeChild:
    """Restart a parked child now, close its breaker, forget its history of restarts. Answered by `ChildResumed`."""

    name: str


@dataclass(frozen=True, slots=True)
class ChildResumed:
    """Answer to `ResumeChild`; `known` is False when there is no such child."""

    name: str
    known: bool


@dataclass(frozen=True, slots=True)
class DescribeChildren:
    """Answered by `ChildTable`."""


ChildState: TypeAlias = Literal["alive", "backing_off", "parked", "ended"]


@dataclass(frozen=True, slots=True)
class ChildRow:
    """One child as its supervisor sees it."""

    name: str
    epoch: int
    """0 before the first spawn."""
    state: ChildState
    healthy: bool
    """Whether the last word of this epoch was `Healthy`."""
    breaker: BreakerState | None
    """None when it has no breaker."""
    restarts: int
    """Since the supervisor started."""


@dataclass(frozen=True, slots=True)
class ChildTable:
    """All children, in the order in which they are started."""

    rows: tuple[ChildRow, ...]


# --- events, published to the host's subscribers


@dataclass(frozen=True, slots=True)
class ChildRestarted:
    """A child was spawned anew. It is alive, not yet healthy."""

    name: str
    epoch: int
    reason_type: str
    """`Stopped`, `Abandoned`, or the type of the exception."""
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class ChildParked:
    """A child ended too often and stays down until `ResumeChild`."""

    name: str
    epoch: int
    reason_type: str


@dataclass(frozen=True, slots=True)
class ChildAbandoned:
    """A child did not stop by its deadline and was cut off."""

    name: str
    epoch: int


@dataclass(frozen=True, slots=True)
class BreakerTransition:
    """A child's circuit breaker changed its state."""

    name: str
    from_state: BreakerState
    to_state: BreakerState
    reason: str


def reason_type(reason: Reason) -> str:
    """The name under which an end is reported: the exception's type for a crash, else the kind of end."""
    return reason.error_type if isinstance(reason, Crashed) else type(reason).__name__
