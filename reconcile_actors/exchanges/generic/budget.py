"""How often an exchange may be read of which only ccxt's `rateLimit` is known: seldom, and more seldom after each refusal.

`rateLimit` is the spacing of an exchange's cheapest requests; a balance may cost many times as much, which ccxt does not say
in one place. So watching keeps ten of these spacings apart, and confirming may use a few reads at once, which are then saved
up again. Pure: the time (monotonic us) is handed in.
"""

from typing import Final

from reconcile_actors.exchanges.meters import Meter, Purpose

SPACINGS_A_READ: Final = 10
POLL_SECONDS_MIN: Final = 2.0
POLL_SECONDS_MAX: Final = 60.0
LOCAL_LAG_SECONDS: Final = 2.0
CONFIRM_SPACING_SECONDS: Final = 0.25
ROUND_TRIP_SECONDS: Final = 0.5
_BURST: Final = 6.0
_BURST_OF_WATCHING: Final = 2.0
# Saved up twice as fast as watching spends, so that there is something left to confirm with.
_SAVED_A_POLL: Final = 2.0
_CLOCK_STEP_SECONDS: Final = 1e-6


class Budget:
    """Reads that may go at once, saved up over time. `spacing_seconds` is ccxt's `rateLimit`."""

    def __init__(self, spacing_seconds: float) -> None:
        self.poll_seconds = min(max(POLL_SECONDS_MIN, SPACINGS_A_READ * spacing_seconds), POLL_SECONDS_MAX)
        self._spent = Meter()

    @property
    def detection_seconds(self) -> float:
        """How soon a difference is confirmed: the next poll, the local lag, one confirming read, the way there and back."""
        return self.poll_seconds + LOCAL_LAG_SECONDS + CONFIRM_SPACING_SECONDS + ROUND_TRIP_SECONDS

    def wait_seconds(self, purpose: Purpose, now_us: int) -> float:
        """How long to wait before a read; 0 when it may go now."""
        most = _BURST if purpose is Purpose.CONFIRM else _BURST_OF_WATCHING
        wait = (self._spent.level(self._saved_a_second, now_us) + 1 - most) / self._saved_a_second
        return wait if wait > _CLOCK_STEP_SECONDS else 0.0

    def spend(self, now_us: int) -> None:
        """A read goes now."""
        self._spent.level(self._saved_a_second, now_us)
        self._spent.add(1)

    def step_down(self, now_us: int) -> None:
        """The exchange refused: half as often from now on, to a minute at most, and nothing is saved up."""
        self._spent.level(self._saved_a_second, now_us)
        self.poll_seconds = min(2 * self.poll_seconds, POLL_SECONDS_MAX)
        self._spent.fill(_BURST)

    @property
    def _saved_a_second(self) -> float:
        return _SAVED_A_POLL / self.poll_seconds
