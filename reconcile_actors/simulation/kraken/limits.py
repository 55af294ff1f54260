"""The call counter of one API key: each call adds to it, time takes from it, and above the tier's maximum calls are refused."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class TierLimits:
    """`maximum` points, of which `decay_per_second` come back."""

    maximum: float
    decay_per_second: float


class Tier(Enum):
    """How far the exchange trusts the customer."""

    STARTER = TierLimits(15, 0.33)
    INTERMEDIATE = TierLimits(20, 0.5)
    PRO = TierLimits(20, 1.0)


class CallCounter:
    """Not thread-safe; the server's one loop uses it."""

    def __init__(self, tier: Tier) -> None:
        """Starts empty."""
        self._limits = tier.value
        self._points = 0.0
        self._at: float | None = None

    def admit(self, cost: float, now: float) -> bool:
        """Whether a call of that cost is within the limit at `now` (seconds); a refused call adds nothing."""
        if self._at is not None:
            self._points = max(0.0, self._points - max(0.0, now - self._at) * self._limits.decay_per_second)
        self._at = now
        if self._points + cost > self._limits.maximum:
            return False
        self._points += cost
        return True
