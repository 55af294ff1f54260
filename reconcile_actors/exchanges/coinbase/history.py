"""All fills and transactions since an instant, page by page, or a failure: half a history would look like missing movements.

Fills come newest first, the next page by a cursor that new rows do not shift. More fills than one read should ask for are read
in windows from the oldest on, and the answer says how far it reaches. Transactions come newest first by when they were made,
the next page by the last row's id; pages are read until one is older than what is wanted from its first row to its last, or
until one holds nothing that an earlier look has not seen just so.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain.movements import Movement
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.clocks import MICROSECONDS
from reconcile_actors.exchanges.coinbase.fields import distrusted, timestamp
from reconcile_actors.exchanges.coinbase.fills import read_fills
from reconcile_actors.exchanges.coinbase.seen import AccountRead, Seen
from reconcile_actors.exchanges.coinbase.transactions import FILL, Transaction, read_transactions
from reconcile_actors.exchanges.rows import Place

OVERLAP_US: Final = 2 * MICROSECONDS  # a fill is listed by when it was put in sequence, a little after it happened
YOUTH_US: Final = 10 * MICROSECONDS  # how long the other list of the same fill is waited for
FILLS_A_PAGE: Final = 250
TRANSACTIONS_A_PAGE: Final = 100
PAGES_A_READ: Final = 20
_PAGES_MAX: Final = 60
_ACCOUNT_PAGES_MAX: Final = 10
_NARROWINGS_MAX: Final = 8

Fetch = Callable[[dict[str, object]], Awaitable[Answer]]
"""Asks for one page with these parameters."""


@dataclass(frozen=True, slots=True)
class FillsRead:
    """`movements` are complete from `since_at` less the overlap to `through_at` (UTC us); later ones may be among them."""

    movements: tuple[Movement, ...]
    orders: frozenset[str]
    through_at: int


async def all_fills(exchange: str, fetch: Fetch, since_at: int, horizon_at: int) -> FillsRead:
    """Every fill since an instant. Raises ExchangeFailureError."""
    params: dict[str, object] = {"start_sequence_timestamp": timestamp(max(0, since_at - OVERLAP_US))}
    end_at = horizon_at
    for _ in range(_NARROWINGS_MAX):
        movements, orders, whole = await _pages(exchange, fetch, params, PAGES_A_READ)
        if whole or end_at - since_at < 4 * OVERLAP_US:
            break
        end_at = since_at + (end_at - since_at) // 4
        params = {**params, "end_sequence_timestamp": timestamp(end_at + OVERLAP_US)}
    else:
        raise distrusted("history_too_long")
    if not whole:
        movements, orders, whole = await _pages(exchange, fetch, params, _PAGES_MAX)
    if not whole:
        raise distrusted("history_too_long")
    keys = {(each.id, each.order_id, each.side) for each in movements}
    if len(keys) < len(movements):
        raise distrusted("trade_twice")
    return FillsRead(tuple(movements), orders, max(since_at, end_at))


async def _pages(
    exchange: str, fetch: Fetch, params: dict[str, object], most: int
) -> tuple[list[Movement], frozenset[str], bool]:
    """Up to `most` pages, and whether they are all."""
    found: dict[str, Movement] = {}
    orders: set[str] = set()
    cursors: set[str] = set()
    page_params = {**params, "limit": FILLS_A_PAGE}
    for _ in range(most):
        page = read_fills(exchange, (await fetch(page_params)).content)
        if any(found.get(entry, movement) != movement for entry, movement in page.movements.items()):
            raise distrusted("fill_changed")
        found.update(page.movements)
        orders |= page.orders
        if page.cursor is None:
            return list(found.values()), frozenset(orders), True
        if page.cursor in cursors:
            if (
                not page.orders
            ):  # behind the last page some lists go on with an empty one, and the cursor that led there
                return list(found.values()), frozenset(orders), True
            raise distrusted("cursor_repeats")
        cursors.add(page.cursor)
        page_params = {**page_params, "cursor": page.cursor}
    return list(found.values()), frozenset(orders), False


async def account_transactions(
    fetch: Fetch, uuid: str, place: Place, from_at: int, *, oldest_at: int, seen: Seen
) -> AccountRead:
    """The transactions of one account made since an instant, and as far as pages go those since `oldest_at`, before it.

    Below a page of which every row was `seen` just so, nothing is read again. Where there are more rows than one look should
    ask for, the answer says from when on they are all. Raises ExchangeFailureError.
    """
    from_at, oldest_at = from_at - OVERLAP_US, min(from_at, oldest_at) - OVERLAP_US
    rows: dict[str, Transaction] = {}
    params: dict[str, object] = {"account_id": uuid, "limit": TRANSACTIONS_A_PAGE}
    newest_at = 0
    for _ in range(_ACCOUNT_PAGES_MAX):
        page = read_transactions((await fetch(params)).content, place)
        if page.rows and all(row.id in rows for row in page.rows):
            raise distrusted("cursor_repeats")
        rows.update((row.id, row) for row in page.rows)
        newest_at = max((row.made_at for row in page.rows), default=0)
        if page.after is None or newest_at < oldest_at:
            return AccountRead(rows, from_at)
        if seen.covers(from_at) and seen.knows(page.rows):
            return AccountRead(rows, from_at, deep=False)
        params = {**params, "starting_after": page.after}
    return AccountRead(rows, max(from_at, newest_at + 1), cut=newest_at >= from_at)


def before_unlisted(rows: Iterable[Transaction], fills: FillsRead, since_at: int, horizon_at: int) -> int:
    """How far both lists of fills agree: before the first fill of a transaction that the fills lack as yet (UTC us).

    Raises ExchangeFailureError for an older one: then the fills are not all that there are.
    """
    lacking = [
        row.made_at
        for row in rows
        if row.kind == FILL
        and row.order_id is not None
        and row.order_id not in fills.orders
        and since_at <= row.made_at <= fills.through_at
    ]
    if any(at < horizon_at - YOUTH_US for at in lacking):
        raise distrusted("fill_not_listed")
    return min((at - 1 for at in lacking), default=fills.through_at)
