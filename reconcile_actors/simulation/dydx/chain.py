"""What all subaccounts share: blocks, oracle prices that walk, and funding indexes that move by the hour or on command."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from decimal import Decimal
from threading import RLock
from typing import TYPE_CHECKING

from reconcile_actors.simulation.dydx.markets import MARKETS
from reconcile_actors.simulation.dydx.records import Stamp
from reconcile_actors.simulation.money import ZERO, over, plus, times
from reconcile_actors.simulation.seeding import seeded

if TYPE_CHECKING:
    from reconcile_actors.simulation.dydx.subaccount import Subaccount

BLOCK_SECONDS = 1.0
_FIRST_HEIGHT = 52_000_000
_HOUR_SECONDS = 3600
_LARGEST_STEP_TICKS = 12
_RATE_STEP = Decimal("0.00000125")


class Chain:
    """One lock guards it and every subaccount on it. The same seed and the same calls give the same prices and rates."""

    def __init__(self, *, seed: int, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds; should it step back, the chain's own time stands still."""
        self.lock = RLock()
        self.subaccounts: list[Subaccount] = []
        self._clock = clock
        self._random = seeded(seed, "dydx", "chain")
        self._last_time = 0.0
        self._genesis = clock()
        self._ticks = {ticker: int(market.opening_price / market.tick) for ticker, market in MARKETS.items()}
        self._hour: int | None = None
        self._indexes: list[Mapping[str, Decimal]] = [dict.fromkeys(MARKETS, ZERO)]
        self._moved_at: list[float] = [0.0]

    def now(self) -> float:
        """Unix seconds to the millisecond, never going back."""
        with self.lock:
            self._last_time = max(self._last_time, int(self._clock() * 1000) / 1000)
            return self._last_time

    def height(self, at: float) -> int:
        """The block of an instant."""
        return _FIRST_HEIGHT + int((at - self._genesis) / BLOCK_SECONDS)

    def stamp(self) -> Stamp:
        """Now, with its block."""
        now = self.now()
        return Stamp(now, self.height(now))

    def price(self, ticker: str) -> Decimal:
        """The oracle price."""
        with self.lock:
            return times(MARKETS[ticker].tick, Decimal(self._ticks[ticker]))

    def set_price(self, ticker: str, price: Decimal) -> None:
        """The oracle's price from now on, in whole ticks."""
        with self.lock:
            self._ticks[ticker] = int(over(price, MARKETS[ticker].tick))

    def index(self, ticker: str, as_of: float | None = None) -> Decimal:
        """The funding index, USDC paid by one unit long: now, or as it stood at Unix seconds `as_of`."""
        with self.lock:
            at = len(self._moved_at) if as_of is None else bisect_right(self._moved_at, as_of)
            return self._indexes[max(0, at - 1)][ticker]

    def step(self, now: float) -> None:
        """Moves every price by a few ticks, and funding once an hour has begun. `now` is Unix seconds."""
        with self.lock:
            for ticker, market in MARKETS.items():
                opening = int(market.opening_price / market.tick)
                moved = self._ticks[ticker] + self._random.randint(-_LARGEST_STEP_TICKS, _LARGEST_STEP_TICKS)
                self._ticks[ticker] = min(max(moved, opening // 2), opening * 2)
            hour = int(now // _HOUR_SECONDS)
            if self._hour is not None and hour > self._hour:
                self.move_funding()
            self._hour = hour

    def move_funding(self, rates: Mapping[str, Decimal] | None = None) -> None:
        """Moves every market's index by rate x oracle price; what open positions owe or get is due from now on."""
        with self.lock:
            stamp = self.stamp()
            after = dict(self._indexes[-1])
            for ticker, market in MARKETS.items():
                drawn = times(_RATE_STEP, Decimal(self._random.randint(-40, 40)))
                rate = drawn if rates is None else rates.get(ticker, ZERO)
                after[ticker] = plus(after[ticker], times(self.price(ticker), rate))
                for subaccount in self.subaccounts:
                    subaccount.note_funding(market, self.price(ticker), rate, stamp)
            self._indexes.append(after)
            self._moved_at.append(stamp.at)
