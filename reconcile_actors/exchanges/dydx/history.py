"""Every fill, transfer and funding payment since an instant, page by page, or a failure: half a history would look like loss.

Pages come newest first. The next one is asked for up to the oldest time seen, that time included, so that nothing at a page's
border is lost; where one time fills a whole page, by page number. What is seen twice counts once.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from reconcile_actors.domain.movements import Movement, has_value
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.dydx.fields import distrusted, instant_of, iso, rows_of
from reconcile_actors.exchanges.dydx.movements import Reader, Row, id_of
from reconcile_actors.exchanges.port import ExchangeFailureError, History

PAGE: Final = 100
# What one answer of funding payments may hold: the indexer's own default, since it has no cursor for them.
FUNDING_PAGE: Final = 1000
OVERLAP_US: Final = 2_000_000
# Payments are worked out some minutes after the hour, and then bear the time of that: they are looked for further back.
FUNDING_BACK_US: Final = 7_200_000_000
NOT_FOUND: Final = 404
_PAGES_MAX: Final = 40

Fetch = Callable[[str, dict[str, object]], Awaitable[Answer]]
"""Asks an endpoint, by ccxt's name, with parameters beside the subaccount's."""


async def read_history(fetch: Fetch, reader: Reader, since_at: int, lag_us: int) -> History:
    """Everything since an instant. Complete as far as the block that the indexer had taken in before it was asked, less R.

    Raises ExchangeFailureError.
    """
    newest_at = await _newest_block_at(fetch)
    filled, asked_at = await _pages(fetch, "indexerGetFills", "fills", since_at)
    through_at = min(asked_at, newest_at or asked_at) - lag_us
    fills = [reader.fill(row) for row in filled]
    transfers, _ = await _pages(fetch, "indexerGetTransfers", "transfers", since_at)
    moved = [reader.transfer(row) for row in transfers]
    paid = [reader.funding(row) for row in await _funding(fetch, since_at - FUNDING_BACK_US)]
    listed: list[Movement] = [one for one in (*fills, *moved) if (one.occurred_at or 0) >= since_at]
    listed += [one for one in paid if has_value(one.effects)]
    listed.sort(key=lambda one: (one.occurred_at or 0, one.name))
    return History(listed, since_at, max(since_at, through_at))


async def _newest_block_at(fetch: Fetch) -> int | None:
    """When the newest block was made that the indexer has taken in (UTC us); None where it has no word for that: then R must do."""
    try:
        content = (await fetch("indexerGetHeight", {})).content
    except ExchangeFailureError as failure:
        if failure.http_status != NOT_FOUND:
            raise
        return None
    return instant_of(content if isinstance(content, dict) else {}, "time")


async def _pages(fetch: Fetch, method: str, key: str, since_at: int) -> tuple[list[Row], int]:
    """Every row since an instant, and when the first page was asked for (UTC us)."""
    rows: dict[str, Row] = {}
    asked_at: int | None = None
    cursor: int | None = None
    page = 1
    for _ in range(_PAGES_MAX):
        params: dict[str, object] = {"limit": PAGE}
        if cursor is not None:
            params["createdBeforeOrAt"] = iso(cursor)
        if page > 1:
            params["page"] = page
        answer = await fetch(method, params)
        asked_at = answer.bracket.requested_at if asked_at is None else asked_at
        listed = rows_of(answer.content, key)
        times = [instant_of(row) for row in listed]
        known = len(rows)
        rows |= {id_of(row): row for row in listed}
        if len(listed) < PAGE:
            return list(rows.values()), asked_at
        if times != sorted(times, reverse=True):
            raise distrusted("not_in_order")
        if times[-1] < since_at - OVERLAP_US:
            return list(rows.values()), asked_at
        if len(rows) > known and (cursor is None or times[-1] < cursor):
            cursor, page = times[-1], 1
        else:
            page += 1
    raise distrusted("history_too_long")


async def _funding(fetch: Fetch, after_at: int) -> list[Row]:
    params: dict[str, object] = {"afterOrAt": iso(max(0, after_at))}
    content = (await fetch("indexerGetFundingPayments", params)).content
    rows = rows_of(content, "fundingPayments")
    total = content.get("totalResults") if isinstance(content, dict) else None
    if len(rows) >= FUNDING_PAGE or (isinstance(total, int) and total > len(rows)):
        raise distrusted("history_too_long")
    return rows
