"""The indexer's request limit, kept on this side: 100 requests in ten seconds for each address of the internet.

All that went out in the last ten seconds is counted, whenever the indexer's own window begins. Watching takes a part of it, so
that other accounts behind the same address and a confirmation have room. Pure: the time (monotonic us) is handed in.
"""

from collections import deque
from enum import Enum
from typing import Final

LOCAL_LAG_SECONDS: Final = 2.0
CONFIRM_SPACING_SECONDS: Final = 0.25
ROUND_TRIP_SECONDS: Final = 0.5

MAXIMUM: Final = 100
WINDOW_US: Final = 10_000_000
POLL_SECONDS: Final = 1.0
HISTORY_SECONDS: Final = 3.0
_SMALLEST_SHARE: Final = 4  # steps down end at a quarter


class Purpose(Enum):
    """What a request is for, and how many of the hundred it may find used: pages of history, however many, put off no balance."""

    HISTORY = 45
    WATCH = 60
    CONFIRM = 90


class RequestLimit:
    """One account's share. A refusal halves it until a restart: somebody else uses the rest."""

    def __init__(self) -> None:
        self._sent: deque[int] = deque()
        self._divisor = 1
        self._not_before_us = 0

    @property
    def poll_seconds(self) -> float:
        """Spacing of balance reads while watching."""
        return POLL_SECONDS * self._divisor

    @property
    def history_seconds(self) -> float:
        """Spacing of history reads while watching."""
        return HISTORY_SECONDS * self._divisor

    @property
    def detection_seconds(self) -> float:
        """How soon a difference is confirmed: the next poll, the local lag, one confirming read, the way there and back."""
        return self.poll_seconds + LOCAL_LAG_SECONDS + CONFIRM_SPACING_SECONDS + ROUND_TRIP_SECONDS

    def wait_seconds(self, purpose: Purpose, now_us: int) -> float:
        """How long to wait before a request; 0 when it may go now."""
        while self._sent and self._sent[0] <= now_us - WINDOW_US:
            self._sent.popleft()
        over = len(self._sent) - purpose.value // self._divisor
        free_us = self._sent[over] + WINDOW_US if over >= 0 else now_us
        return max(0, free_us - now_us, self._not_before_us - now_us) / 1e6

    def spend(self, now_us: int) -> None:
        """A request goes now."""
        self._sent.append(now_us)

    def step_down(self, now_us: int, retry_after_seconds: float | None) -> None:
        """The indexer refused: wait as it says, else a whole window, and ask for half as much from then on."""
        self._divisor = min(self._divisor * 2, _SMALLEST_SHARE)
        pause_us = WINDOW_US if retry_after_seconds is None else int(retry_after_seconds * 1e6)
        self._not_before_us = max(self._not_before_us, now_us + pause_us)
