"""Pages of accounts: all of them or none, and the instant that several of them show."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.coinbase.pages import ROUNDS_MAX, Picture, read_picture
from reconcile_actors.exchanges.rows import Rejected
from tests.unit.exchanges.exchange_fakes import START_AT, FakeClient, VirtualTime
from tests.unit.exchanges.test_coinbase_shape import account, page


@dataclass
class Exchange:
    """Answers by cursor; `pages` is asked at each request, so that it may change."""

    pages: Callable[[int], dict[str | None, object]]
    time: VirtualTime = field(default_factory=VirtualTime)
    pauses: int = 0
    count: int = 0

    async def fetch(self, params: dict[str, object]) -> Answer:
        self.count += 1
        content = self.pages(self.count)[params.get("cursor")]  # type: ignore[index] # a text or None
        return await FakeClient(self.time, content).call("x", params, timeout_seconds=1)  # type: ignore[arg-type] # JSON

    async def pause(self) -> bool:
        self.pauses += 1
        self.time.advance(1.0)
        return self.pauses < 10

    def read(self) -> Picture | Rejected:
        return asyncio.run(read_picture(self.fetch, self.pause))


def two(first: str = "1", second: str = "2") -> dict[str | None, object]:
    return {
        None: page(account("a", "BTC", first, "0"), has_next=True, cursor="p2"),
        "p2": page(account("b", "ETH", second, "0")),
    }


def test_one_page_is_one_instant() -> None:
    """It is not read again, and the bracket is its own."""
    exchange = Exchange(lambda _: {None: page(account())})
    got = exchange.read()
    assert isinstance(got, Picture)
    assert (exchange.count, exchange.pauses, got.pages) == (1, 0, 1)
    assert got.bracket.received_at - got.bracket.requested_at == 10_000


def test_two_rounds_that_agree() -> None:
    """The picture is of the end of the first round: that is the bracket of its last page."""
    exchange = Exchange(lambda _: two())
    got = exchange.read()
    assert isinstance(got, Picture)
    assert [row.uuid for row in got.rows] == ["a", "b"]
    assert (exchange.count, exchange.pauses, got.pages) == (4, 1, 2)
    assert (got.bracket.requested_at, got.bracket.received_at) == (START_AT + 10_000, START_AT + 20_000)


def test_a_change_between_rounds_takes_a_third() -> None:
    """The last two rounds must agree, whatever came before."""
    exchange = Exchange(lambda count: two("1", "1") if count < 2 else two("3", "3"))
    got = exchange.read()
    assert isinstance(got, Picture)
    assert exchange.count == 6
    assert [str(row.total) for row in got.rows] == ["3", "3"]


def test_a_transfer_between_two_pages_is_never_a_picture() -> None:
    """What left the first page after it was read and came to the second before it was read would be counted twice."""
    moved = Exchange(lambda count: two() if count == 1 else two("0", "3"))
    got = moved.read()
    assert isinstance(got, Picture)
    assert sum(row.total for row in got.rows) == 3


def test_one_page_that_never_rests() -> None:
    """Where the others stand still before and after, the picture is of the instant at which it was seen in between."""
    exchange = Exchange(lambda count: two(str(count)))
    got = exchange.read()
    assert isinstance(got, Picture)
    assert (exchange.count, exchange.pauses) == (6, 2)
    assert [str(row.total) for row in got.rows] == ["3", "2"]
    assert got.bracket.requested_at == START_AT + 1_020_000


def test_two_pages_that_never_rest() -> None:
    """A bounded number of rounds, and then the account is busy."""
    exchange = Exchange(lambda count: two(str(count), str(count)))
    assert exchange.read() == Rejected(UnknownReason.BUSY, "pages_changed")
    assert exchange.count == 2 * ROUNDS_MAX


def test_money_that_moves_between_pages_is_counted_once() -> None:
    """However a sum wanders between two pages while they are read, no picture shows more or less of it."""
    for moves in range(1, 12):

        def wandering(count: int, moves: int = moves) -> dict[str | None, object]:
            return two("1", "2") if count <= moves else two("0", "3")

        got = Exchange(wandering).read()
        assert isinstance(got, Picture)
        assert sum(row.total for row in got.rows) == 3


def test_boundaries_are_part_of_what_must_agree() -> None:
    """Rows that moved from one page to the other are another round."""
    other = {
        None: page(account("a", "BTC", "1", "0"), account("b", "ETH", "2", "0"), has_next=True, cursor="p2"),
        "p2": page(account("c", "SOL", "0", "0")),
    }
    exchange = Exchange(lambda count: two() if count < 3 else other)
    got = exchange.read()
    assert isinstance(got, Picture)
    assert (exchange.count, len(got.rows)) == (6, 3)


def test_another_number_of_pages_is_another_list() -> None:
    """A list that grew by a page is read until it stands still."""
    exchange = Exchange(
        lambda count: (
            two()
            if count < 3
            else {**two(), "p2": page(account("b"), has_next=True, cursor="p3")} | {"p3": page(account("c"))}
        )
    )
    got = exchange.read()
    assert isinstance(got, Picture)
    assert (exchange.count, got.pages) == (8, 3)


@pytest.mark.parametrize(
    ("pages", "reason", "detail"),
    [
        ({None: page(account("a"), account("a", "ETH"))}, UnknownReason.CODE_COLLISION, "account_twice"),
        (
            {None: page(account("a"), has_next=True, cursor="x"), "x": page(account("a"))},
            UnknownReason.CODE_COLLISION,
            "account_twice",
        ),
        (
            {None: page(account("a"), has_next=True, cursor="x"), "x": []},
            UnknownReason.BAD_SHAPE,
            "answer_not_an_object",
        ),
        (
            {None: page(account("a"), has_next=True, cursor="x"), "x": page(account("b"), has_next=True, cursor="x")},
            UnknownReason.INCOMPLETE_PAGE,
            "cursor_repeats",
        ),
    ],
)
def test_pages_that_are_not_whole(pages: dict[str | None, object], reason: UnknownReason, detail: str) -> None:
    """One page that is refused refuses all."""
    assert Exchange(lambda _: pages).read() == Rejected(reason, detail)


@pytest.mark.parametrize(("sizes", "whole"), [((1, 1), True), ((2, 2), True), ((3, 1), False), ((1, 0), False)])
def test_as_many_rows_as_the_exchange_says(sizes: tuple[int, int], whole: bool) -> None:
    """Each page says its own number or that of all; fewer rows than that are an incomplete page."""
    first, second = page(account("a"), has_next=True, cursor="x", size=sizes[0]), page(account("b"), size=sizes[1])
    got = Exchange(lambda _: {None: first, "x": second}).read()
    assert isinstance(got, Picture) is whole
    assert whole or got == Rejected(UnknownReason.INCOMPLETE_PAGE, "size_differs")


def test_a_second_round_that_is_refused() -> None:
    """It is as bad as a first."""
    bad: dict[str | None, object] = {None: {}, "p2": {}}
    exchange = Exchange(lambda count: two() if count < 3 else bad)
    assert exchange.read() == Rejected(UnknownReason.BAD_SHAPE, "accounts_not_a_list")


def test_pages_without_end() -> None:
    """A list that always has a next page is left after a bounded number."""

    def endless(count: int) -> dict[str | None, object]:
        one = page(account(f"u{count}", "BTC"), has_next=True, cursor=f"c{count}")
        return {None: one, f"c{count - 1}": one}

    exchange = Exchange(endless)
    assert exchange.read() == Rejected(UnknownReason.INCOMPLETE_PAGE, "too_many_pages")
    assert exchange.count == 40
