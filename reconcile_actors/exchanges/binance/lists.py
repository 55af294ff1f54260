"""The lists of Binance's history, and how each is read whole: by windows of time that are halved until an answer holds all.

No page number is trusted to stay what it was while rows are added, and no order of rows is relied on. Windows meet without a
gap, since both ends of one belong to it and times are whole milliseconds.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconcile_actors.exchanges.binance.entries import Entry, Reader
from reconcile_actors.exchanges.binance.fields import distrusted, rows_of, whole_of
from reconcile_actors.exchanges.binance.limits import SAPI, SAPI_UID, TRADES, Cost
from reconcile_actors.exchanges.clocks import MICROSECONDS

HOUR_US: Final = 3600 * MICROSECONDS
DAY_US: Final = 24 * HOUR_US
WINDOWS_MAX: Final = 200
_TRADES_MAX: Final = 1000
_ROWS_MAX: Final = 1000
_DIVIDENDS_MAX: Final = 500
_SWEEPS_MAX: Final = 100
_PAGE_MAX: Final = 100
# Other wallets than spot, between which and spot money moves at the owner's hand.
_WALLETS: Final = ("FUNDING", "UMFUTURE", "CMFUTURE", "MARGIN", "OPTION")

IsWhole = Callable[[object], bool]
"""Whether an answer holds every row of its window."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: what to ask, what that costs, how to tell that an answer is whole, and what its rows mean.

    `window_us` is the longest that may be asked for at once. `lookback_us` is how much earlier than it counts a row may be
    listed.
    """

    method: str
    cost: Cost
    window_us: int
    is_whole: IsWhole
    read: Callable[[object], list[Entry]]
    params: Mapping[str, object] = field(default_factory=dict)
    lookback_us: int = 0


def shorter_than(count: int, key: str | None = None) -> IsWhole:
    """Fewer rows than an answer may hold at most."""
    return lambda content: len(rows_of(content, key)) < count


def fills_of(reader: Reader, native: str, symbol: str) -> Listing:
    """The fills of one symbol."""
    return Listing(
        method="privateGetMyTrades",
        cost=TRADES,
        window_us=DAY_US,
        is_whole=shorter_than(_TRADES_MAX),
        read=lambda content: reader.fills(content, native, symbol),
        params={"symbol": native, "limit": _TRADES_MAX},
    )


def account_lists(reader: Reader) -> tuple[Listing, ...]:
    """Everything but fills that moves the spot wallet and is listed at a price that can be paid often."""
    return (
        Listing(
            method="sapiGetCapitalDepositHisrec",
            cost=Cost(SAPI, 1),
            window_us=89 * DAY_US,
            is_whole=shorter_than(_ROWS_MAX),
            read=reader.deposits,
            params={"limit": _ROWS_MAX},
            lookback_us=2 * DAY_US,
        ),
        Listing(
            method="sapiGetCapitalWithdrawHistory",
            cost=Cost(SAPI_UID, 18_000),
            window_us=89 * DAY_US,
            is_whole=shorter_than(_ROWS_MAX),
            read=reader.withdrawals,
            params={"limit": _ROWS_MAX},
            lookback_us=2 * DAY_US,  # so that what was on its way is seen to have arrived
        ),
        Listing(
            method="sapiGetConvertTradeFlow",
            cost=Cost(SAPI_UID, 3000),
            window_us=29 * DAY_US,
            is_whole=_no_more_data,
            read=reader.conversions,
            params={"limit": _ROWS_MAX},
            lookback_us=HOUR_US,
        ),
        Listing(
            method="sapiGetAssetAssetDividend",
            cost=Cost(SAPI, 10),
            window_us=89 * DAY_US,
            is_whole=_all_of_total,
            read=reader.dividends,
            params={"limit": _DIVIDENDS_MAX},
        ),
        Listing(
            method="sapiGetAssetDribblet",
            cost=Cost(SAPI, 1),
            window_us=89 * DAY_US,
            is_whole=shorter_than(_SWEEPS_MAX, "userAssetDribblets"),
            read=reader.sweeps,
        ),
        *(listing for plan in ("Flexible", "Locked") for listing in _earn(reader, plan)),
        *(_transfers(reader, kind) for name in _WALLETS for kind in (f"MAIN_{name}", f"{name}_MAIN")),
    )


def _earn(reader: Reader, plan: str) -> tuple[Listing, Listing]:
    flexible = plan == "Flexible"
    return (
        _paged(
            f"sapiGetSimpleEarn{plan}HistorySubscriptionRecord",
            Cost(SAPI, 150),
            lambda content: reader.subscriptions(content, flexible=flexible),
            lookback_us=HOUR_US,
            window_us=29 * DAY_US,
        ),
        _paged(
            f"sapiGetSimpleEarn{plan}HistoryRedemptionRecord",
            Cost(SAPI, 150),
            lambda content: reader.redemptions(content, flexible=flexible),
            lookback_us=2 * DAY_US,  # a redemption may be paid days after it was asked for
            window_us=29 * DAY_US,
        ),
    )


def _transfers(reader: Reader, kind: str) -> Listing:
    return _paged(
        "sapiGetAssetTransfer",
        Cost(SAPI, 1),
        lambda content: reader.transfers(content, kind),
        params={"type": kind},
        lookback_us=HOUR_US,
    )


def _paged(
    method: str,
    cost: Cost,
    read: Callable[[object], list[Entry]],
    *,
    params: Mapping[str, object] | None = None,
    lookback_us: int,
    window_us: int = 89 * DAY_US,
) -> Listing:
    return Listing(
        method=method,
        cost=cost,
        window_us=window_us,
        is_whole=_all_of_total,
        read=read,
        params={**(params or {}), "size": _PAGE_MAX},
        lookback_us=lookback_us,
    )


def _all_of_total(content: object) -> bool:
    total = whole_of(content, "total")
    if isinstance(content, dict) and "rows" not in content and total == 0:
        return True
    count = len(rows_of(content, "rows"))
    if count > total:
        raise distrusted("no_total")
    return count == total


def _no_more_data(content: object) -> bool:
    more = content.get("moreData") if isinstance(content, dict) else None
    if not isinstance(more, bool):
        raise distrusted("no_moreData")
    return not more


Ask = Callable[[Listing, int, int], Awaitable[object]]
"""Asks for one window of a list (UTC ms, both ends included) and gives the decoded answer."""


async def read_list(ask: Ask, listing: Listing, start_at: int, end_at: int) -> list[Entry]:
    """Every entry that is listed from `start_at` to `end_at` (UTC us). Raises ExchangeFailureError rather than give a part."""
    last, step = -(-end_at // 1000), listing.window_us // 1000
    first = max(0, start_at // 1000)
    windows = [(at, min(at + step - 1, last)) for at in range(first, last + 1, step)]
    windows.reverse()
    entries: list[Entry] = []
    for _ in range(WINDOWS_MAX):
        if not windows:
            return entries
        begin, end = windows.pop()
        content = await ask(listing, begin, end)
        found = listing.read(content)
        if listing.is_whole(content):
            entries += found
        elif begin == end:
            raise distrusted("history_too_dense")
        else:
            middle = (begin + end) // 2
            windows += [(middle + 1, end), (begin, middle)]
    raise distrusted("history_too_long")
