"""When the next read of the exchange is due, and what kind of read it is."""

from dataclasses import dataclass
from typing import Final

CONFIRM_SECONDS: Final = 0.25
BURST_MAX: Final = 3


@dataclass(slots=True)
class ReadPlan:
    """One read at a time. A difference is read again at once, a few times, then at the exchange's own spacing."""

    in_flight: bool = False
    burst: int = 0
    started: float = 0.0
    requested: bool = False

    def delay_seconds(self, now: float, poll_seconds: float, *, hurried: bool, in_doubt: bool) -> float:
        """How long to wait for the next read. `hurried`: a pass waits for its first answer."""
        if hurried:
            return 0.0
        if in_doubt and self.burst < BURST_MAX:
            self.burst += 1
            return CONFIRM_SECONDS
        return max(0.0, self.started + poll_seconds - now)
