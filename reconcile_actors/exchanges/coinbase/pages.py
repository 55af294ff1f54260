"""All pages of the accounts as one picture, or why there is none.

One page is one answer and so one instant. Several pages are read at several instants: a transfer between them would be counted
twice or not at all. So they are read in rounds, each beginning R after the last one ended. An answer shows its page at some
instant in its bracket or up to R before: every page of a round was shown at or before the round's end, and every page of the
next at or after it.

Where two rounds agree page by page, each page stood as it is at the end of the first: that one instant is the picture's. Where
three rounds agree in all pages but one, the others stood as they are from the end of the first round to that of the second, and
so at the instant, whichever it was, that the second round shows of the one: its answer's bracket is the picture's. Of two pages
that change, nothing is known. (A page that changed and changed back in between would be missed for one read, which alone confirms
nothing.)
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
ROUNDS_MAX: Final = 5

_INCOMPLETE: Final = Rejected(UnknownReason.INCOMPLETE_PAGE, "size_differs")

Fetch = Callable[[dict[str, object]], Awaitable[Answer]]
"""Asks for one page of accounts with these parameters."""
Pause = Callable[[], Awaitable[bool]]
"""Waits for R; False where the deadline leaves no time for it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Every account at one instant of `bracket`. `digest` is of the answers' bytes; `pages` how many they were."""

    rows: tuple[AccountRow, ...]
    bracket: Bracket
    digest: str
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
    rounds: list[Round] = []
    for _ in range(ROUNDS_MAX):
        if rounds and not await pause():
            break
        last = await read_round(fetch)
        if isinstance(last, Rejected):
            return last
        rounds = [*rounds[-2:], last]
        settled = _settled(rounds)
        if settled is not None:
            return settled
    return Rejected(UnknownReason.BUSY, "pages_changed")


def _settled(rounds: list[Round]) -> Picture | None:
    """The picture that the last rounds, at most three, allow."""
    if len(rounds[-1].pages) == 1:
        return _picture(rounds[-1], 0)
    if len(rounds) > 1 and _differing(rounds[-2:]) == []:
        return _picture(rounds[-2], -1)
    differing = _differing(rounds) if len(rounds) == 3 else None
    return _picture(rounds[1], differing[0]) if differing is not None and len(differing) == 1 else None


def _differing(rounds: list[Round]) -> list[int] | None:
    """Which pages are not the same in all rounds; None where already their number is not."""
    first = rounds[0].pages
    if any(len(each.pages) != len(first) for each in rounds):
        return None
    return [place for place, page in enumerate(first) if any(each.pages[place] != page for each in rounds)]


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
            return Round(tuple(pages), tuple(answers)) if _sized(pages) else _INCOMPLETE
        if page.cursor in cursors:
            return Rejected(UnknownReason.INCOMPLETE_PAGE, "cursor_repeats")
        cursors.add(page.cursor)
        params = {"cursor": page.cursor}
    return Rejected(UnknownReason.INCOMPLETE_PAGE, "too_many_pages")


def _sized(pages: list[Page]) -> bool:
    """Whether each page has as many rows as it says: of its own, or of all pages, since the exchange does not say which it means."""
    total = sum(len(page.rows) for page in pages)
    return all(page.size in {len(page.rows), total} for page in pages)


def _picture(read: Round, dated_by: int) -> Picture:
    """A round as it was in the bracket of one of its pages."""
    dated = read.answers[dated_by]
    digests = "".join(answer.digest for answer in read.answers)
    whole = dated.digest if len(read.answers) == 1 else hashlib.sha256(digests.encode("ascii")).hexdigest()
    return Picture(read.rows, dated.bracket, whole, read.answers[-1].connection, len(read.pages))
