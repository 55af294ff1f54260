"""Kraken's call counter, kept on our side: https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits.

Every call adds to a counter that falls with time; above its maximum calls are refused. Watching takes at most four fifths of
what falls, so that the counter stays low and a confirmation can burst. Pure: the time (monotonic us) is handed in.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from reconcile_actors.exchanges.meters import Meter, Purpose

COST_HISTORY: Final = 2.0  # Ledgers, TradesHistory, QueryLedgers, QueryTrades
COST_OTHER: Final = 1.0

LOCAL_LAG_SECONDS: Final = 2.0
CONFIRM_SPACING_SECONDS: Final = 0.25
ROUND_TRIP_SECONDS: Final = 0.5

_WATCH_SHARE: Final = 0.8
_WATCH_BURST_SHARE: Final = 0.35
_POLL_ROOM: Final = 2.0  # of the watching share: pages of history, however many, must not put off a balance
_RESERVE: Final = 2.0  # our clock and Kraken's do not tick together
_EXPLAIN_ROOM_SHARE: Final = 0.3  # two looks into history and one for trades, which no read may take
_EXPLAIN_SHARE: Final = 0.5  # else looks, one after another, would leave nothing that falls to reads
_POLL_COST: Final = 2.0  # three quarters of the decay: one balance a poll, one page of history each fourth poll
_POLLS_A_HISTORY: Final = 4
_CLOCK_STEP_SECONDS: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Tier:
    """A verification level: the counter's maximum and how much of it falls a second."""

    name: str
    maximum: float
    decay: float

    @property
    def poll_seconds(self) -> float:
        """Spacing of balance reads while watching."""
        return _POLL_COST / self.decay

    @property
    def history_seconds(self) -> float:
        """Spacing of history reads while watching."""
        return self.poll_seconds * _POLLS_A_HISTORY

    @property
    def explain_room(self) -> float:
        """How much of the counter is for looks that explain a difference."""
        return float(int(self.maximum * _EXPLAIN_ROOM_SHARE))

    @property
    def detection_seconds(self) -> float:
        """How soon a difference is confirmed: the next poll, the local lag, one confirming read, the way there and back."""
        return self.poll_seconds + LOCAL_LAG_SECONDS + CONFIRM_SPACING_SECONDS + ROUND_TRIP_SECONDS


STARTER: Final = Tier("starter", 15.0, 0.33)
INTERMEDIATE: Final = Tier("intermediate", 20.0, 0.5)
PRO: Final = Tier("pro", 20.0, 1.0)
TIERS: Final[Mapping[str, Tier]] = {tier.name: tier for tier in (STARTER, INTERMEDIATE, PRO)}
_BELOW: Final[Mapping[str, Tier]] = {PRO.name: INTERMEDIATE, INTERMEDIATE.name: STARTER, STARTER.name: STARTER}


class CallLimit:
    """Three counters of one account: Kraken's own, and the shares that watching and explaining may take of it.

    Looks that explain a difference go before reads: a part of Kraken's counter is kept for them, until they have used it.
    """

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self._counter = Meter()
        self._watch = Meter()
        self._explain = Meter()
        self._claimed = 0.0

    @contextmanager
    def claim(self, cost: float) -> Iterator[None]:
        """While a page of history waits, reads leave room for it: each costs less, and would take what falls before it."""
        claimed = cost if cost > COST_OTHER else 0.0
        self._claimed += claimed
        try:
            yield
        finally:
            self._claimed -= claimed

    def wait_seconds(self, cost: float, purpose: Purpose, now_us: int) -> float:
        """How long to wait before a call of that cost; 0 when it may go now."""
        decay, maximum = self.tier.decay, self.tier.maximum - _RESERVE
        explain_rate = decay * _EXPLAIN_SHARE
        explain_room = self.tier.explain_room - self._explain.level(explain_rate, now_us)
        if cost <= COST_OTHER:
            maximum -= self._claimed
        above = self._counter.level(decay, now_us) + cost - maximum
        wait = above / decay
        if purpose is not Purpose.EXPLAIN:  # what is kept for looks grows again while one waits
            growing = (above + explain_room) / (decay - explain_rate)
            wait = max(wait, min(growing, (above + self.tier.explain_room) / decay))
        if purpose is Purpose.WATCH:
            rate = decay * _WATCH_SHARE
            burst = self.tier.maximum * _WATCH_BURST_SHARE - (_POLL_ROOM if cost > COST_OTHER else 0.0)
            wait = max(wait, (self._watch.level(rate, now_us) + cost - burst) / rate)
        elif purpose is Purpose.EXPLAIN:
            wait = max(wait, (cost - explain_room) / explain_rate)
        return (
            wait if wait > _CLOCK_STEP_SECONDS else 0.0
        )  # less than the clock can show would be waited for without end

    def spend(self, cost: float, purpose: Purpose, now_us: int) -> None:
        """A call of that cost goes now."""
        self._counter.level(self.tier.decay, now_us)
        self._counter.add(cost)
        if purpose is Purpose.WATCH:
            self._watch.level(self.tier.decay * _WATCH_SHARE, now_us)
            self._watch.add(cost)
        elif purpose is Purpose.EXPLAIN:
            self._explain.level(self.tier.decay * _EXPLAIN_SHARE, now_us)
            self._explain.add(cost)

    def step_down(self, now_us: int) -> None:
        """The exchange refused: the account has less than we thought, or shares it. One tier lower, and the counter is full."""
        self._counter.level(self.tier.decay, now_us)
        self.tier = _BELOW[self.tier.name]
        self._counter.fill(self.tier.maximum)
        self._explain.fill(self.tier.explain_room)  # nothing is left to keep for looks
