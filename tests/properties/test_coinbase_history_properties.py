"""However Coinbase's lists grow while they are read, nothing that a look promises is missing, and nothing is there twice."""

import asyncio
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.coinbase.fields import timestamp
from reconcile_actors.exchanges.coinbase.history import account_transactions, all_fills
from reconcile_actors.exchanges.coinbase.seen import Seen
from reconcile_actors.exchanges.rows import Place
from tests.unit.exchanges.exchange_fakes import START_AT, FakeClient, VirtualTime
from tests.unit.exchanges.test_coinbase_history_rows import fill, fills, row, rows

SECOND = 1_000_000
PAGE = 5
AGES = st.lists(st.integers(2, 4000), max_size=160)
ARRIVALS = st.lists(st.lists(st.integers(0, 1), max_size=12), max_size=8)
Grow = Callable[[list[int]], None]


def growing(arrivals: list[list[int]]) -> Grow:
    """Adds events of these ages (seconds) after each request."""
    left = [list(each) for each in arrivals]

    def grow(times: list[int]) -> None:
        times += [START_AT - age * SECOND for age in (left.pop(0) if left else [])]

    return grow


async def answer(content: dict[str, object]) -> Answer:
    return await FakeClient(VirtualTime(), content).call("x", {}, timeout_seconds=1)


class Fills:
    """Newest first by sequence, which is the order of arrival; the cursor is the last number shown."""

    def __init__(self, times: list[int], grow: Grow) -> None:
        self.times = sorted(times)
        self._grow = grow

    async def fetch(self, params: dict[str, object]) -> Answer:
        begin, end = str(params["start_sequence_timestamp"]), str(params.get("end_sequence_timestamp", "9"))
        below = int(str(params.get("cursor", len(self.times))))
        wanted = [
            (number, at) for number, at in enumerate(self.times) if number < below and begin <= timestamp(at) <= end
        ]
        shown = wanted[::-1][:PAGE]
        more = len(shown) < len(wanted)
        content = fills(
            *(fill(f"e{number}", trade_time=timestamp(at)) for number, at in shown),
            cursor=str(shown[-1][0]) if more else "",
        )
        self._grow(self.times)
        return await answer(content)


@settings(max_examples=60, deadline=None, print_blob=True)
@given(AGES, ARRIVALS, st.integers(0, 4100))
def test_every_fill_that_was_there_is_found_once(ages: list[int], arrivals: list[list[int]], age: int) -> None:
    """Since the instant and up to where the read reaches, whatever comes between its pages."""
    source = Fills([START_AT - each * SECOND for each in ages], growing(arrivals))
    there, since_at = list(source.times), START_AT - age * SECOND
    got = asyncio.run(all_fills("main", source.fetch, since_at, START_AT - SECOND))
    found = [str(each.id) for each in got.movements]
    assert len(found) == len(set(found))
    assert {f"t-e{n}" for n, at in enumerate(there) if since_at <= at <= got.through_at} <= set(found)
    assert since_at <= got.through_at or got.through_at == since_at


class Transactions:
    """Newest first by whole seconds of making; the next page starts after the last row's id."""

    def __init__(self) -> None:
        self.times: list[int] = []

    async def fetch(self, params: dict[str, object]) -> Answer:
        listed = sorted(enumerate(self.times), key=lambda one: one[1], reverse=True)
        after = params.get("starting_after")
        first = (
            0 if after is None else 1 + next(place for place, (number, _) in enumerate(listed) if f"r{number}" == after)
        )
        shown = listed[first : first + PAGE]
        last = f"r{shown[-1][0]}" if first + PAGE < len(listed) else None
        return await answer(rows(*(row(f"r{number}", at=timestamp(at)) for number, at in shown), after=last))


@settings(max_examples=60, deadline=None, print_blob=True)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 12), st.integers(0, 3)), max_size=20), st.integers(0, 90))
def test_looks_that_follow_each_other_tell_everything(looks: list[tuple[int, int, int]], back: int) -> None:
    """Over many looks, each of which asks some way back: all that is listed since then is told, once, by each of them."""
    source, seen, now = Transactions(), Seen(), START_AT
    for seconds, count, late in looks:
        source.times += [now + seconds * SECOND - late * SECOND for _ in range(count)]
        now += seconds * SECOND
        since_at = max(START_AT, now - back * SECOND)
        look = account_transactions(
            source.fetch, "u", Place("spot", "BTC"), seen.from_at(since_at), oldest_at=since_at, seen=seen
        )
        seen.take(asyncio.run(look), now)
        told = [each.id for each in seen.since(since_at)]
        assert len(told) == len(set(told))
        if seen.covers(since_at):
            assert {f"r{n}" for n, at in enumerate(source.times) if at >= since_at} <= set(told)
