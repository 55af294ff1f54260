"""How fast one address may read: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits.

Requests have weights, and each minute of the exchange's clock may hold so much of them. Here each minute's weight drips back
evenly at four fifths of the rate, and one fifth may come at once: whatever the clock's minute, the two never add up to more
than it may hold. Watching keeps to a share, so that a confirmation can burst. Pure: the time (monotonic us) is handed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from reconcile_actors.exchanges.meters import Meter, Purpose

LOCAL_LAG_SECONDS: Final = 2.0
CONFIRM_SPACING_SECONDS: Final = 0.25
ROUND_TRIP_SECONDS: Final = 0.5
POLL_SECONDS: Final = 1.0
HISTORY_SECONDS: Final = 5.0
DETECTION_SECONDS: Final = POLL_SECONDS + LOCAL_LAG_SECONDS + CONFIRM_SPACING_SECONDS + ROUND_TRIP_SECONDS

_SHARE: Final = 0.8
_BURST_SHARE: Final = 0.2
_WATCH_SHARE: Final = 0.8
_WATCH_BURST_SHARE: Final = 0.5
_SCARCE_SHARE: Final = 0.05
_MINUTE_SECONDS: Final = 60.0
_CLOCK_STEP_SECONDS: Final = 1e-6


class Cost(NamedTuple):
    """Which of the exchange's counters a request adds to, and how much."""

    counter: str
    weight: float


API: Final = "x-mbx-used-weight-1m"
SAPI: Final = "x-sapi-used-ip-weight-1m"
SAPI_UID: Final = "x-sapi-used-uid-weight-1m"
"""The counters, by the header that tells of each."""
ACCOUNT: Final = Cost(API, 20)
TRADES: Final = Cost(API, 20)
MARKETS: Final = Cost(API, 20)
TICKERS: Final = Cost(API, 4)
TIME: Final = Cost(API, 1)


@dataclass(slots=True)
class _Counter:
    """One of the exchange's counters and the share of it that watching may take."""

    limit: float
    all: Meter
    watch: Meter
    closed_until_us: int = 0

    @property
    def rate(self) -> float:
        return self.limit * _SHARE / _MINUTE_SECONDS

    @property
    def burst(self) -> float:
        return self.limit * _BURST_SHARE


class CallLimit:
    """All counters of one address. Other programs behind the same address are seen in what the exchange says was used."""

    def __init__(self) -> None:
        limits = {API: 6000.0, SAPI: 12_000.0, SAPI_UID: 180_000.0}
        self._counters = {name: _Counter(limit, Meter(), Meter()) for name, limit in limits.items()}

    def wait_seconds(self, cost: Cost, purpose: Purpose, now_us: int) -> float:
        """How long to wait before a request of that cost; 0 when it may go now."""
        counter, weight = self._counters[cost.counter], cost.weight
        wait = (counter.all.level(counter.rate, now_us) + weight - counter.burst) / counter.rate
        if purpose is Purpose.WATCH and cost.counter == API:
            rate, burst = counter.rate * _WATCH_SHARE, counter.burst * _WATCH_BURST_SHARE
            # pages of history, however many, must not put off a balance
            room = 0.0 if cost is ACCOUNT else 2 * ACCOUNT.weight
            wait = max(wait, (counter.watch.level(rate, now_us) + weight + room - burst) / rate)
        wait = max(wait, (counter.closed_until_us - now_us) / 1e6)
        return wait if wait > _CLOCK_STEP_SECONDS else 0.0

    def spend(self, cost: Cost, purpose: Purpose, now_us: int) -> None:
        """A request of that cost goes now."""
        counter = self._counters[cost.counter]
        counter.all.level(counter.rate, now_us)
        counter.all.add(cost.weight)
        if purpose is Purpose.WATCH:
            counter.watch.level(counter.rate * _WATCH_SHARE, now_us)
            counter.watch.add(cost.weight)

    def learn(self, used: Mapping[str, int], now_us: int, second: float) -> None:
        """What the exchange says was used in its minute, of which `second` have passed: what others took is not ours to take."""
        for name, amount in used.items():
            counter = self._counters.get(name)
            if counter is None:
                continue
            room = counter.limit - amount
            counter.all.level(counter.rate, now_us)
            counter.all.fill(counter.burst - room)
            if room < counter.limit * _SCARCE_SHARE:
                self._close(counter, now_us, _MINUTE_SECONDS - second)

    def refuse(self, seconds: float | None, now_us: int) -> None:
        """The exchange refused, and asks to be left alone for so long (seconds; a minute where it does not say)."""
        for counter in self._counters.values():
            self._close(counter, now_us, _MINUTE_SECONDS if seconds is None else seconds)

    def _close(self, counter: _Counter, now_us: int, seconds: float) -> None:
        counter.closed_until_us = max(counter.closed_until_us, now_us + int(seconds * 1e6))
