"""Every fill, transfer and funding payment since an instant, page by page, or a failure: half a history would look like loss.

Pages come newest first. The next one is asked for up to the oldest time seen, that time included, so that nothing at a page's
border is lost; where one time fills a whole page, with the largest page there is. What is seen twice counts once. Page numbers
are used for funding alone: the indexer counts fills by them from the oldest on.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from reconcile_actors.domain.movements import Movement, has_value
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.dydx.errors import NO_SUBACCOUNT
from reconcile_actors.exchanges.dydx.fields import distrusted, instant_of, iso, rows_of, text_of
from reconcile_actors.exchanges.dydx.movements import Reader, Row, id_of
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass, History

PAGE: Final = 100
LARGEST_PAGE: Final = 1000
OVERLAP_US: Final = 2_000_000
# Payments are worked out some minutes after the hour, and then bear the time of that: they are looked for further back.
FUNDING_BACK_US: Final = 7_200_000_000
NOT_FOUND: Final = 404
_PAGES_MAX: Final = 40
_FUNDING_PAGES_MAX: Final = 10
_MILLISECOND_US: Final = 1000

Fetch = Callable[[str, dict[str, object]], Awaitable[Answer]]
"""Asks an endpoint, by ccxt's name, with parameters beside the subaccount's."""


async def read_history(
    fetch: Fetch, reader: Reader, since_at: int, lag_us: int, *, may_be_unknown: bool = False
) -> History:
    """Everything since an instant. Complete as far as the block that the indexer had taken in before it was asked, less R.

    `may_be_unknown`: a subaccount of which the indexer has never heard has no history. Raises ExchangeFailureError.
    """
    newest_at = await _newest_block_at(fetch)
    filled, asked_at = await _pages(fetch, "indexerGetFills", "fills", since_at)
    through_at = min(asked_at, newest_at or asked_at) - lag_us
    fills = [reader.fill(row) for row in filled]
    transfers = await _transfers(fetch, since_at, may_be_unknown=may_be_unknown)
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


async def _transfers(fetch: Fetch, since_at: int, *, may_be_unknown: bool) -> list[Row]:
    try:
        rows, _ = await _pages(fetch, "indexerGetTransfers", "transfers", since_at)
    except ExchangeFailureError as failure:
        if not (may_be_unknown and failure.code == NO_SUBACCOUNT):
            raise
        return []
    return rows


async def _pages(fetch: Fetch, method: str, key: str, since_at: int) -> tuple[list[Row], int]:
    """Every row since an instant, and when the first page was asked for (UTC us)."""
    rows: dict[str, Row] = {}
    asked_at: int | None = None
    cursor: int | None = None
    limit = PAGE
    for _ in range(_PAGES_MAX):
        params: dict[str, object] = {"limit": limit}
        if cursor is not None:
            # times are told to the millisecond, and may be kept more finely
            params["createdBeforeOrAt"] = iso(cursor + _MILLISECOND_US)
        answer = await fetch(method, params)
        asked_at = answer.bracket.requested_at if asked_at is None else asked_at
        listed = rows_of(answer.content, key)
        rows |= {id_of(row): row for row in listed}
        if _reaches(listed, limit, since_at - OVERLAP_US):
            return list(rows.values()), asked_at
        oldest_at = instant_of(listed[-1])
        if cursor is None or oldest_at < cursor:
            cursor, limit = oldest_at, PAGE
        elif limit < LARGEST_PAGE:
            limit = LARGEST_PAGE
        else:
            break
    raise distrusted("history_too_long")


def _reaches(listed: list[Row], limit: int, back_to_at: int) -> bool:
    """Whether a page, newest first, is the last one that is wanted. Raises ExchangeFailureError."""
    times = [instant_of(row) for row in listed]
    if len(listed) >= limit and times != sorted(times, reverse=True):
        raise distrusted("not_in_order")
    return len(listed) < limit or times[-1] < back_to_at


async def _funding(fetch: Fetch, after_at: int) -> list[Row]:
    """Every payment since an instant. What is older is taken out here too: not every indexer heeds the parameter, which goes
    by one name in the documentation and by another in the service."""
    after = iso(max(0, after_at))
    own: dict[str, object] = {"createdOnOrAfter": after, "afterOrAt": after}
    asks = [{"limit": PAGE}, *({"limit": LARGEST_PAGE, "page": page} for page in range(1, _FUNDING_PAGES_MAX + 1))]
    rows: dict[tuple[str, int], Row] = {}
    for ask in asks:
        if ask.get("page") == 1:
            rows = {}  # all anew, in the order of page numbers
        listed = rows_of((await fetch("indexerGetFundingPayments", {**own, **ask})).content, "fundingPayments")
        known = len(rows)
        rows |= {(text_of(row, "ticker"), instant_of(row)): row for row in listed}
        if len(rows) < known + len(listed):  # pages have shifted, so that a row may be on neither
            raise ExchangeFailureError(FailureClass.TRANSIENT, "history_changed")
        if _reaches(listed, ask["limit"], after_at):
            return [row for row in rows.values() if instant_of(row) >= after_at]
    raise distrusted("history_too_long")
