"""All ledger rows since an instant, page by page, or a failure: half a history would look like missing movements.

Pages come newest first and shift while rows are added; a row is then seen twice, never skipped, and counts once. More rows
than one read should ask for are read in windows from the oldest on, and the answer says how far it reaches. Rows that an
earlier read saw are not asked for again: with them a page or two make up the count that Kraken states.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain.movements import MovementType
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.clocks import MICROSECONDS
from reconcile_actors.exchanges.kraken.fields import distrusted
from reconcile_actors.exchanges.kraken.ledger import LedgerPage, LedgerRow, read_page
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

ROWS_A_READ: Final = 150  # more would not go through the counter inside a deadline, again and again
OVERLAP_US: Final = 2 * MICROSECONDS  # rows of one event may differ a little in time
YOUTH_US: Final = 10 * MICROSECONDS  # how long the second side of a trade is waited for
_PAGES_MAX: Final = 200
_NARROWINGS_MAX: Final = 8

Fetch = Callable[[dict[str, object]], Awaitable[Answer]]
"""Asks for one page of the ledger with these parameters."""


@dataclass(frozen=True, slots=True)
class LedgerRead:
    """`rows` are complete from `since_at` less the overlap to `through_at` (UTC us); later ones may be among them. `seen` are
    all rows that it saw, for the next read."""

    rows: tuple[LedgerRow, ...]
    through_at: int
    seen: Mapping[str, LedgerRow]


async def read_ledger(fetch: Fetch, since_at: int, lag_us: int, before: LedgerRead | None = None) -> LedgerRead:
    """Every row since an instant. `lag_us`: how late a row may appear; `before` is the read before this one.

    Raises ExchangeFailureError.
    """
    start = max(0, max(0, since_at - OVERLAP_US) // MICROSECONDS - 1)  # exclusive at the exchange
    params: dict[str, object] = {"start": start}
    known = before.seen.values() if before is not None else ()
    seen = {row.id: row for row in known if row.at > start * MICROSECONDS}
    answer = await fetch(params)
    page = read_page(answer.content)
    now_at = min(answer.bracket.requested_at, answer.server_at or answer.bracket.requested_at) - lag_us
    horizon_at = now_at
    known_at = since_at if before is None else max(since_at, before.through_at)
    for _ in range(_NARROWINGS_MAX):
        span, new = (horizon_at - known_at) // MICROSECONDS, page.count - len(seen)
        if new <= ROWS_A_READ or span < 2:
            break
        # As if what is new were spread evenly; aims below the bound so that one narrowing mostly suffices.
        end = known_at // MICROSECONDS + max(1, span * ROWS_A_READ * 4 // (new * 5))
        params = {**params, "end": end}
        page = read_page((await fetch(params)).content)
        horizon_at = end * MICROSECONDS
        seen = {row.id: row for row in seen.values() if row.at <= horizon_at}
    rows = await _rest(fetch, params, page, seen)
    saw = dict(rows)
    through_at = min(horizon_at, _before_halves(rows, now_at - YOUTH_US) or horizon_at)
    return LedgerRead(tuple(rows.values()), max(since_at, through_at), saw)


async def _rest(
    fetch: Fetch, params: dict[str, object], first: LedgerPage, seen: Mapping[str, LedgerRow]
) -> dict[str, LedgerRow]:
    rows = {**seen, **first.rows}
    if len(rows) > first.count:  # a row that was seen is there no more: all are read anew
        rows = dict(first.rows)
    offset = len(first.rows)
    for _ in range(_PAGES_MAX):
        if len(rows) >= first.count:
            return rows
        page = read_page((await fetch({**params, "ofs": offset})).content)
        if page.count < first.count:  # rows were taken away, so that others slipped past the offset
            raise ExchangeFailureError(FailureClass.TRANSIENT, "history_changed")
        if not page.rows:
            raise distrusted("history_incomplete")
        rows.update(page.rows)
        offset += len(page.rows)
    raise distrusted("history_too_long")


def _before_halves(rows: dict[str, LedgerRow], young_at: int) -> int | None:
    """Takes out young trades of which only one side is there yet, and gives the instant before the first of them."""
    sides: dict[str, set[object]] = {}
    for row in rows.values():
        if row.type is MovementType.FILL:
            sides.setdefault(row.reference, set()).add(row.place)
    halves = [row for row in rows.values() if row.at > young_at and len(sides.get(row.reference, ())) == 1]
    for row in halves:
        del rows[row.id]
    return min((row.at - 1 for row in halves), default=None)
