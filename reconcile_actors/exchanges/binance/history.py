"""The history of one account out of Binance's many lists: whole as far as it says, or a failure.

`through_at` is the least that any list is complete through, and no later than the last read that showed no change beside those
whose symbols were asked. Lists whose counter has no room are left for the next time, and hold it back; symbols that were not
asked are left out of `fills_of`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from reconcile_actors.domain.movements import Movement
from reconcile_actors.exchanges.binance.calls import Calls
from reconcile_actors.exchanges.binance.entries import Reader
from reconcile_actors.exchanges.binance.errors import UNKNOWN_SYMBOL
from reconcile_actors.exchanges.binance.kept import Kept
from reconcile_actors.exchanges.binance.limits import MARKETS, TRADES
from reconcile_actors.exchanges.binance.lists import HOUR_US, Listing, account_lists, fills_of, read_list
from reconcile_actors.exchanges.binance.markets import Markets, read_markets
from reconcile_actors.exchanges.binance.traded import Span, Traded
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.clocks import MICROSECONDS
from reconcile_actors.exchanges.port import ExchangeFailureError, History

MARGIN_US: Final = 60 * MICROSECONDS  # asked for beyond now, in case the exchange's clock is ahead of ours
T = TypeVar("T")
LANES: Final = 2  # of four connections: the others are for balances
_MARKETS_AGE_US: Final = HOUR_US
_PUZZLED_AGE_US: Final = 60 * MICROSECONDS


class PastOf:
    """Reads history of one account again and again. `lag_us`: how late a row may be listed."""

    def __init__(self, exchange: str, calls: Calls, traded: Traded, *, lag_us: int, now_us: Callable[[], int]) -> None:
        self._calls = calls
        self._traded = traded
        self._lag_us = lag_us
        self._now_us = now_us
        self._reader = Reader(exchange)
        self._lists = [(listing, Kept()) for listing in account_lists(self._reader)]
        self._fills: dict[str, Kept] = {}
        self._first_since_at: int | None = None
        self._markets = Markets()
        self._markets_us: int | None = None

    async def read(self, since_at: int, deadline_us: int) -> History:
        """See the port. Raises ExchangeFailureError."""
        if self._first_since_at is None:
            self._first_since_at = since_at
        await self._read_lists(since_at, deadline_us)
        filled_at = await self._read_fills(since_at, deadline_us)
        reached = [kept.through_at for _, kept in self._lists if kept.through_at is not None]
        through_at = max(since_at, min(filled_at, *reached))
        return History(
            movements=self._movements(since_at),
            since_at=since_at,
            through_at=through_at,
            fills_of=frozenset(symbol for symbol, kept in self._fills.items() if (kept.through_at or 0) >= through_at),
        )

    async def markets(self, deadline_us: int) -> Markets:
        """All markets, an hour old or little more; a minute where something changed that they do not explain. Raises
        ExchangeFailureError."""
        age_us = _PUZZLED_AGE_US if self._traded.puzzles(self._markets) else _MARKETS_AGE_US
        due = self._markets_us is None or self._now_us() - self._markets_us > age_us
        if due and (self._markets_us is None or self._calls.has_room(MARKETS)):
            # without the lists of permissions, which would be four fifths of the answer
            params = {"showPermissionSets": "false"}
            answer = await self._calls.public("publicGetExchangeInfo", params, MARKETS, deadline_us=deadline_us)
            self._markets, self._markets_us = read_markets(answer.content), self._now_us()
        return self._markets

    async def _read_lists(self, since_at: int, deadline_us: int) -> None:
        """All lists that there is room for, the least recent first, so that cheap ones do not keep a dear one out."""
        waiting = sorted(self._lists, key=lambda one: one[1].through_at or 0)
        full: set[str] = set()

        async def lane() -> None:
            while waiting:
                listing, kept = waiting.pop(0)
                counter = listing.cost.counter
                if kept.through_at is not None and (counter in full or not self._calls.has_room(listing.cost)):
                    full.add(counter)
                else:
                    await self._refresh(listing, kept, since_at, since_at, deadline_us)

        await _together(lane, waiting)

    async def _read_fills(self, since_at: int, deadline_us: int) -> int:
        """Asks the symbols that may have traded; gives how far fills are known (UTC us)."""
        reached = [self._traded.seen_until_at]
        markets = await self.markets(deadline_us)
        waiting = list(self._traded.to_ask(markets).items())

        async def lane() -> None:
            while waiting and self._calls.has_room(TRADES):
                symbol, span = waiting.pop(0)
                kept = self._fills.setdefault(symbol, Kept())
                listing = fills_of(self._reader, markets.natives[symbol], symbol)
                first_at = self._first_at(span, since_at)
                try:
                    through_at = await self._refresh(listing, kept, since_at, first_at, deadline_us)
                except ExchangeFailureError as failure:
                    if failure.code == UNKNOWN_SYMBOL:  # taken away since: the next look begins with what is left
                        self._markets_us = None
                    raise
                self._traded.asked(symbol, through_at, has_fills=kept.has_any())
                reached.append(through_at)

        await _together(lane, waiting)
        self._fills = {
            one: kept for one, kept in self._fills.items() if self._traded.cares_for(one) or kept.has_any(since_at)
        }
        for symbol, span in self._traded.waiting.items():
            past = self._fills.get(symbol)
            reached.append(max(span.from_at, (past.through_at if past is not None else None) or 0))
        return min(reached)

    def _first_at(self, span: Span | None, since_at: int) -> int:
        """From when the fills of a symbol are wanted that were never asked for."""
        if span is None:
            return since_at
        start_at = self._first_since_at if span.from_start and self._first_since_at is not None else span.from_at
        return min(since_at, span.from_at, start_at)

    async def _refresh(self, listing: Listing, kept: Kept, since_at: int, first_at: int, deadline_us: int) -> int:
        start_at = kept.start(since_at, first_at)
        listed_from = max(0, start_at - listing.lookback_us)
        seen_at: list[int] = []

        async def ask(one: Listing, begin: int, end: int) -> object:
            params = {**one.params, "startTime": begin, "endTime": end}
            answer = await self._calls.signed(one.method, params, one.cost, deadline_us=deadline_us)
            seen_at.append(self._told_at(answer))
            return answer.content

        end_at = self._calls.exchange_ms() * 1000 + MARGIN_US
        entries = await read_list(ask, listing, listed_from, end_at)
        through_at = min(seen_at) - self._lag_us
        kept.take(entries, start_at=start_at, listed_from=listed_from, since_at=since_at, through_at=through_at)
        return through_at

    def _told_at(self, answer: Answer) -> int:
        """When, by the exchange's clock, an answer was true at the latest."""
        asked_at = answer.bracket.requested_at - self._calls.ahead_ms * 1000
        return min(asked_at, asked_at if answer.server_at is None else answer.server_at)

    def _movements(self, since_at: int) -> list[Movement]:
        """Everything since an instant, and fills of whatever time: those of a symbol may be found long after they happened."""
        fills = [movement for kept in self._fills.values() for movement in kept.movements()]
        others = [movement for _, kept in self._lists for movement in kept.movements()]
        recent = [one for one in others if one.pending or (one.occurred_at or 0) >= since_at]
        return sorted([*fills, *recent], key=lambda one: (one.occurred_at or 0, one.id or ""))


async def _together(lane: Callable[[], Awaitable[None]], waiting: list[T]) -> None:
    """Several at once, since each request costs a round trip. After a failure nothing of what waits is begun any more."""

    async def guarded() -> None:
        try:
            await lane()
        except BaseException:
            waiting.clear()
            raise

    ended = await asyncio.gather(*(guarded() for _ in range(LANES)), return_exceptions=True)
    for failure in ended:
        if failure is not None:
            raise failure
