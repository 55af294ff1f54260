"""Reading the whole ledger page by page, while it moves."""

import asyncio

import pytest

from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.kraken.history import OVERLAP_US, ROWS_A_READ, LedgerRead, read_ledger
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from tests.unit.exchanges.exchange_fakes import START_AT, FakeClient, VirtualTime, ledger_row, result
from tests.unit.exchanges.fake_ledger import FakeLedger

NOW = START_AT // 1_000_000
SECOND = 1_000_000


def read(ledger: FakeLedger, since_at: int = 0, lag_us: int = SECOND, before: LedgerRead | None = None) -> LedgerRead:
    return asyncio.run(read_ledger(ledger.fetch, since_at, lag_us, before))


def old(count: int) -> list[tuple[float, str]]:
    return [(NOW - 1000.0 - n, f"R{n}") for n in range(count)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 101, ROWS_A_READ])
def test_every_page_is_read(count: int) -> None:
    """All rows come, each once, with no request more than there are pages."""
    ledger = FakeLedger(old(count))
    got = read(ledger)
    assert {row.reference for row in got.rows} == {f"R{n}" for n in range(count)}
    assert len(got.rows) == count
    assert len(ledger.asked) == max(1, -(-count // 50))
    assert got.through_at == START_AT - SECOND


def test_the_start_overlaps() -> None:
    """The exchange's bound is exclusive and in whole seconds, so it is asked from well before."""
    ledger = FakeLedger([])
    read(ledger, since_at=START_AT + 999_999)
    assert ledger.asked == [{"start": NOW - OVERLAP_US // SECOND - 1}]
    read(ledger, since_at=0)
    assert ledger.asked[-1] == {"start": 0}


def test_rows_that_arrive_between_pages_hide_none() -> None:
    """New rows push others to later pages: a row is seen twice and counts once, and none is skipped."""
    arrivals = iter(range(10_000))

    def grow(ledger: FakeLedger) -> None:
        ledger.rows.extend((NOW + 1.0, f"N{next(arrivals)}") for _ in range(7))

    got = read(FakeLedger(old(140), change=grow))
    assert {f"R{n}" for n in range(140)} <= {row.reference for row in got.rows}
    assert len({row.id for row in got.rows}) == len(got.rows)


def test_rows_that_vanish_between_pages_are_a_failure() -> None:
    """Rows that were taken away pull others past the offset: the read is given up and may be tried again."""

    def shrink(ledger: FakeLedger) -> None:
        ledger.rows.pop(0)

    with pytest.raises(ExchangeFailureError) as caught:
        read(FakeLedger(old(120), change=shrink))
    assert (caught.value.failure, caught.value.code) == (FailureClass.TRANSIENT, "history_changed")


def test_an_empty_page_before_the_end_is_a_failure() -> None:
    """A count that the pages do not bear out is bad data, not the end."""

    async def fetch(params: dict[str, object]) -> Answer:
        page = {} if "ofs" in params else {"L1": ledger_row("5", "XXBT", "1", refid="R1")}
        return await FakeClient(VirtualTime(), result({"ledger": page, "count": 2})).call("x", {}, timeout_seconds=1)

    with pytest.raises(ExchangeFailureError) as caught:
        asyncio.run(read_ledger(fetch, 0, 0))
    assert caught.value.code == "history_incomplete"


def test_pages_without_end_are_a_failure() -> None:
    """An exchange that repeats one page for ever is left after a bounded number of pages."""

    async def fetch(params: dict[str, object]) -> Answer:
        page = {"L1": ledger_row("5", "XXBT", "1", refid="R1")}
        return await FakeClient(VirtualTime(), result({"ledger": page, "count": 2})).call("x", {}, timeout_seconds=1)

    with pytest.raises(ExchangeFailureError) as caught:
        asyncio.run(read_ledger(fetch, 0, 0))
    assert caught.value.code == "history_too_long"


def test_more_than_one_read_should_ask_for_is_read_in_windows() -> None:
    """Six thousand rows are read from the oldest on, each read complete as far as it says, until all are there."""
    rows = [(NOW - 7000.0 + n, f"R{n}") for n in range(6000)]
    ledger, since_at, seen = FakeLedger(rows), (NOW - 7001) * SECOND, set()
    for _ in range(80):
        got = read(ledger, since_at=since_at)
        assert len(got.rows) <= ROWS_A_READ + 50
        complete = {name for at, name in rows if since_at <= at * SECOND <= got.through_at}
        assert complete <= {row.reference for row in got.rows}
        seen |= complete
        since_at = got.through_at
    assert seen == {name for _, name in rows}
    assert since_at == START_AT - SECOND


def test_a_burst_within_a_second_is_read_whole() -> None:
    """Rows that no window can part are read in one go."""
    rows = [(NOW - 100.5, f"R{n}") for n in range(ROWS_A_READ + 100)]
    got = read(FakeLedger(rows), since_at=(NOW - 101) * SECOND)
    assert len(got.rows) == len(rows)


def test_the_exchange_s_clock_counts_where_it_is_behind() -> None:
    """With our clock ahead, the history does not claim to reach beyond the exchange's own time."""
    ledger = FakeLedger([])
    ledger.server_at = START_AT - 5 * SECOND
    assert read(ledger).through_at == START_AT - 6 * SECOND
    ledger.server_at = START_AT + 5 * SECOND
    assert read(ledger).through_at == START_AT - SECOND


def test_through_never_goes_before_since() -> None:
    """A read from the last moment on reaches at least there."""
    assert read(FakeLedger([]), since_at=START_AT).through_at == START_AT


def test_half_a_trade_waits_for_its_other_half() -> None:
    """A trade of which one side is there is not told, and the history ends before it; an old half is told as it is."""
    got = read(FakeLedger([(NOW - 3.0, "YOUNG"), (NOW - 60.0, "OLD")]))
    assert {row.reference for row in got.rows} == {"OLD"}
    assert got.through_at == (NOW - 3) * SECOND - 1


def busy(seconds: int, rows_a_second: int = 5) -> FakeLedger:
    """Rows up to now less two seconds."""
    span = seconds * rows_a_second
    return FakeLedger([(NOW - 2.0 - n / rows_a_second, f"R{n:05}") for n in range(span)])


def test_what_was_seen_is_not_asked_for_again() -> None:
    """A look that overlaps the last one by a minute takes a page for what is new, whatever the overlap holds."""
    ledger = busy(60)
    since_at = (NOW - 63) * SECOND
    first = read(ledger, since_at=since_at)
    while first.through_at < START_AT - 13 * SECOND:
        first = read(ledger, since_at=since_at, before=first)
    ledger.asked.clear()
    ledger.rows += [(NOW - 1.0 - n / 40, f"N{n}") for n in range(40)]
    again = read(ledger, since_at=since_at + SECOND, before=first)
    assert len(ledger.asked) == 1
    assert {f"N{n}" for n in range(40)} <= {row.reference for row in again.rows} | {
        row.reference for row in again.seen.values()
    }
    assert len(again.seen) == len([at for at, _ in ledger.rows if at > NOW - 65])


def test_a_row_that_appears_among_those_seen_is_found() -> None:
    """Its time lies in the middle of what was seen: the count says that one lacks, and the pages are read until it is there."""
    ledger = FakeLedger(old(140))
    first = read(ledger)
    ledger.rows.append((NOW - 1100.5, "LATE"))
    ledger.asked.clear()
    assert {row.reference for row in read(ledger, before=first).rows} == {name for _, name in ledger.rows}
    assert len(ledger.asked) <= 3


def test_a_row_that_was_seen_and_is_gone_is_not_told() -> None:
    """More rows than the exchange counts: nothing of what was seen before is believed."""
    ledger = FakeLedger(old(140))
    first = read(ledger)
    del ledger.rows[100]
    got = read(ledger, before=first)
    assert {row.reference for row in got.rows} == {name for _, name in ledger.rows}
    assert len(ledger.asked) == 6


@pytest.mark.parametrize("rows_a_second", [1, 5, 20])
def test_looks_that_overlap_always_get_on(rows_a_second: int) -> None:
    """However many rows the overlap of a minute holds, each look reaches further than the one before, up to the present."""
    ledger = busy(300, rows_a_second)
    got = read(ledger, since_at=(NOW - 400) * SECOND)
    for _ in range(80):
        reached = got.through_at
        if reached >= START_AT - 13 * SECOND:  # the newest are halves of trades
            return
        got = read(ledger, since_at=reached - 60 * SECOND, before=got)
        assert got.through_at > reached
    raise AssertionError("it never reached the present")
