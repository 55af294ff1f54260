"""Coinbase's call limits, kept on our side: 30 requests a second on v3, 10,000 an hour on v2, each for one user.

https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/rest-api-rate-limits. The exchange counts in windows; a meter
of depth B that falls at rate D lets at most B + D x window pass in any of them. Pure: the time (monotonic us) is handed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from reconcile_actors.exchanges.meters import Meter, Purpose

POLL_SECONDS: Final = 1.0
HISTORY_SECONDS: Final = 5.0
LOCAL_LAG_SECONDS: Final = 2.0
CONFIRM_SPACING_SECONDS: Final = 0.25
ROUND_TRIP_SECONDS: Final = 0.5
POLL_ROOM: Final = 4.0  # of the watching share: pages of history, however many, must not put off a balance
_CLOCK_STEP_SECONDS: Final = 1e-6


@dataclass(frozen=True, slots=True)
class _Allowance:
    """`depth` calls at once, `rate` a second; `watch_depth` of them for watching. `pause_seconds` follows a refusal."""

    depth: float
    watch_depth: float
    rate: float
    pause_seconds: float


class Lane(Enum):
    """Which of the two limits a call counts against."""

    TRADE = _Allowance(depth=16, watch_depth=12, rate=12, pause_seconds=1)  # watching: at most 24 of 30 a second
    APP = _Allowance(depth=800, watch_depth=800, rate=2, pause_seconds=60)  # at most 8,000 of 10,000 an hour


def detection_seconds(poll_seconds: float, read_seconds: float) -> float:
    """How soon a difference is confirmed: the next poll, the local lag, and two reads with the way there and back."""
    return poll_seconds + LOCAL_LAG_SECONDS + CONFIRM_SPACING_SECONDS + ROUND_TRIP_SECONDS + 2 * read_seconds


class CallLimit:
    """The meters of one user, for each limit one over all calls and one over watching."""

    def __init__(self) -> None:
        self._all: Mapping[Lane, Meter] = {lane: Meter() for lane in Lane}
        self._watch: Mapping[Lane, Meter] = {lane: Meter() for lane in Lane}
        self._closed_until_us: dict[Lane, int] = {}

    def wait_seconds(self, lane: Lane, purpose: Purpose, now_us: int, room: float = 0.0) -> float:
        """How long to wait before a call; 0 when it may go now. `room` is what a call while watching leaves to others."""
        allowed = lane.value
        wait = (self._all[lane].level(allowed.rate, now_us) + 1 - allowed.depth) / allowed.rate
        if purpose is Purpose.WATCH:
            level = self._watch[lane].level(allowed.rate, now_us)
            wait = max(wait, (level + 1 + room - allowed.watch_depth) / allowed.rate)
        wait = max(wait, (self._closed_until_us.get(lane, 0) - now_us) / 1e6)
        return (
            wait if wait > _CLOCK_STEP_SECONDS else 0.0
        )  # less than the clock can show would be waited for without end

    def spend(self, lane: Lane, purpose: Purpose, now_us: int) -> None:
        """A call goes now."""
        for meter in (self._all[lane], self._watch[lane]) if purpose is Purpose.WATCH else (self._all[lane],):
            meter.level(lane.value.rate, now_us)
            meter.add(1)

    def refuse(self, lane: Lane, retry_after_seconds: float | None, now_us: int) -> float:
        """The exchange refused: others use the same allowance. Nothing of that lane goes for so long (seconds, given back)."""
        pause = max(lane.value.pause_seconds, retry_after_seconds or 0.0)
        self._closed_until_us[lane] = now_us + int(pause * 1e6)
        return pause
