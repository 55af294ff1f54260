"""All pages of the accounts as one picture, or why there is none.

One page is one answer and so one instant. Several pages are read at several instants: a transfer between them would be counted
twice or not at all. They are read a second time, beginning R after the first round ended. An answer shows its page at some
instant in its bracket or up to R before, so every page of the first round was shown at or before the round's end, and every page
of the second at or after it. Where both rounds agree page by page, each page stood as it is at the end of the first round, and
that one instant is the picture's. (A page that changed and changed back in between would be missed for one read, which alone
confirms nothing.)
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain.snapshot import Bracket, UnknownReason
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.coinbase.shape import AccountRow, Page, read_page
from reconcile_actors.exchanges.rows import Rejected

PAGES_MAX: Final = 40
ROUNDS_MAX: Final = 4

Fetch = Callable[[dict[str, object]], Awaitable[Answer]]
"""Asks for one page of accounts with these parameters."""
Pause = Callable[[], Awaitable[bool]]
"""Waits for R; False where the deadline leaves no time for it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Every account at one instant of `bracket`. `raw_digest` is of the answers' bytes; `pages` how many they were."""

    rows: tuple[AccountRow, ...]
    bracket: Bracket
    raw_digest: str
    connection: int
    pages: int


@dataclass(frozen=True, slots=True)
class Round:
    """All pages, each read once, with their answers."""

    pages: tuple[Page, ...]
    answers: tuple[Answer, ...]

    @property
    def rows(self) -> tuple[AccountRow, ...]:
        """The rows of all pages."""
        return tuple(row for page in self.pages for row in page.rows)


async def read_picture(fetch: Fetch, pause: Pause) -> Picture | Rejected:
    """The accounts as they were at one instant. Raises ExchangeFailureError."""
    before = await read_round(fetch)
    if isinstance(before, Rejected) or len(before.pages) == 1:
        return before if isinstance(before, Rejected) else _picture(before)
    for _ in range(ROUNDS_MAX - 1):
        if not await pause():
            break
        after = await read_round(fetch)
        if isinstance(after, Rejected):
            return after
        if [page.rows for page in after.pages] == [page.rows for page in before.pages]:
            return _picture(before)
        before = after
    return Rejected(UnknownReason.BUSY, "pages_changed")


async def read_round(fetch: Fetch) -> Round | Rejected:
    """All pages once. Raises ExchangeFailureError."""
    pages: list[Page] = []
    answers: list[Answer] = []
    seen: set[str] = set()
    cursors: set[str] = set()
    params: dict[str, object] = {}
    for _ in range(PAGES_MAX):
        answer = await fetch(params)
        page = read_page(answer.content)
        if isinstance(page, Rejected):
            return page
        uuids = {row.uuid for row in page.rows}
        if len(uuids) < len(page.rows) or uuids & seen:
            return Rejected(UnknownReason.CODE_COLLISION, "account_twice")
        seen |= uuids
        pages.append(page)
        answers.append(answer)
        if page.cursor is None:
            return Round(tuple(pages), tuple(answers))
        if page.cursor in cursors:
            return Rejected(UnknownReason.INCOMPLETE_PAGE, "cursor_repeats")
        cursors.add(page.cursor)
        params = {"cursor": page.cursor}
    return Rejected(UnknownReason.INCOMPLETE_PAGE, "too_many_pages")


def _picture(read: Round) -> Picture:
    last = read.answers[-1]
    digests = "".join(answer.digest for answer in read.answers)
    whole = last.digest if len(read.answers) == 1 else hashlib.sha256(digests.encode("ascii")).hexdigest()
    return Picture(read.rows, last.bracket, whole, last.connection, len(read.pages))
