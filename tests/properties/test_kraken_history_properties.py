"""However the ledger grows while it is read, nothing that it promises is missing."""

import asyncio
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.kraken.history import read_ledger
from tests.unit.exchanges.exchange_fakes import START_AT
from tests.unit.exchanges.fake_ledger import FakeLedger

NOW = START_AT // 1_000_000
SECOND = 1_000_000
TIMES = st.integers(min_value=NOW - 4000, max_value=NOW - 20)


def growing(arrivals: list[list[int]]) -> Callable[[FakeLedger], None]:
    left = list(arrivals)

    def grow(ledger: FakeLedger) -> None:
        for age in left.pop(0) if left else []:
            ledger.rows.append((NOW - age, f"N{len(ledger.rows)}"))

    return grow


@settings(max_examples=60, deadline=None, print_blob=True)
@given(
    st.lists(TIMES, max_size=700), st.lists(st.lists(st.integers(0, 3), max_size=60), max_size=8), st.integers(0, 4100)
)
def test_what_was_there_is_found(times: list[int], arrivals: list[list[int]], age: int) -> None:
    """Every row that was there when the read began, since the instant and up to where it reaches, is in it once."""
    rows = [(float(at), f"R{n}") for n, at in enumerate(times)]
    since_at = (NOW - age) * SECOND
    got = asyncio.run(read_ledger(FakeLedger(list(rows), change=growing(arrivals)).fetch, since_at, SECOND))
    found = [row.reference for row in got.rows]
    assert len(found) == len(set(found))
    assert {name for at, name in rows if since_at <= at * SECOND <= got.through_at} <= set(found)
    assert got.through_at >= since_at


@settings(max_examples=20, deadline=None, print_blob=True)
@given(st.lists(TIMES, min_size=400, max_size=1500), st.sampled_from([0, 60]))
def test_reads_that_follow_each_other_reach_the_present(times: list[int], overlap: int) -> None:
    """Each read goes on where the last one ended, and together they find every row within a bounded number of reads."""
    rows = [(float(at), f"R{n}") for n, at in enumerate(times)]
    since_at, found, got = (NOW - 4001) * SECOND, set(), None
    for _ in range(80):
        got = asyncio.run(read_ledger(FakeLedger(rows).fetch, since_at - overlap * SECOND, SECOND, got))
        found |= {row.reference for row in got.rows}
        since_at = got.through_at
        if since_at >= START_AT - 11 * SECOND:
            break
    assert found == {name for _, name in rows}
