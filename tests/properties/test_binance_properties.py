"""However Binance is asked, no minute of its clock holds more than it may; however its lists grow, nothing is missing."""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.binance.limits import ACCOUNT, API, SAPI, SAPI_UID, TRADES, CallLimit, Cost
from reconcile_actors.exchanges.binance.lists import read_list
from reconcile_actors.exchanges.binance.shape import Account, read_account
from reconcile_actors.exchanges.meters import Purpose
from tests.unit.exchanges.fake_listing import FakeListing

MINUTE_US = 60_000_000
LIMITS = {API: 6000, SAPI: 12_000, SAPI_UID: 180_000}
COSTS = [ACCOUNT, TRADES, Cost(SAPI, 150), Cost(SAPI, 1), Cost(SAPI_UID, 18_000), Cost(SAPI_UID, 3000)]
TIMES = st.integers(0, 400)


@settings(max_examples=30, deadline=None, print_blob=True)
@given(st.integers(0, 10**6), st.integers(0, MINUTE_US), st.sampled_from([0, 20_000, 200_000]))
def test_no_minute_holds_more_than_it_may(seed: int, shift_us: int, pause_us: int) -> None:
    """Whenever the exchange's minutes begin, and whether or not one waits before asking."""
    random = Random(seed)
    limit, now_us, used = CallLimit(), 10 * MINUTE_US, Counter[tuple[str, int]]()
    for _ in range(1500):
        cost, purpose = random.choice(COSTS), random.choice(list(Purpose))
        now_us += random.randint(0, pause_us)
        now_us += round(limit.wait_seconds(cost, purpose, now_us) * 1e6)
        limit.spend(cost, purpose, now_us)
        used[cost.counter, (now_us + shift_us) // MINUTE_US] += int(cost.weight)
    assert all(amount <= LIMITS[counter] for (counter, _), amount in used.items())


@settings(max_examples=50, deadline=None, print_blob=True)
@given(st.lists(st.integers(0, 2), min_size=50, max_size=300))
def test_a_confirmation_need_not_wait_for_watching(pauses: list[int]) -> None:
    """However much is watched, ten reads that confirm go at once."""
    limit, now_us = CallLimit(), MINUTE_US
    for pause in pauses:
        now_us += pause * 200_000
        cost = TRADES if pause else ACCOUNT
        if limit.wait_seconds(cost, Purpose.WATCH, now_us) == 0:
            limit.spend(cost, Purpose.WATCH, now_us)
    for _ in range(10):
        assert limit.wait_seconds(ACCOUNT, Purpose.CONFIRM, now_us) == 0
        limit.spend(ACCOUNT, Purpose.CONFIRM, now_us)


def growing(arrivals: list[list[int]]) -> Callable[[FakeListing], None]:
    left = list(arrivals)

    def grow(one: FakeListing) -> None:
        for at in left.pop(0) if left else []:
            one.rows.append((at, f"N{len(one.rows)}"))

    return grow


@settings(max_examples=100, deadline=None, print_blob=True)
@given(
    st.lists(TIMES, min_size=40, max_size=120, unique=True),
    st.lists(st.lists(st.integers(401, 500), max_size=3, unique=True), max_size=3),
    st.integers(0, 100),
    st.integers(300, 400),
)
def test_what_was_there_is_found_once(times: list[int], arrivals: list[list[int]], start: int, end: int) -> None:
    """Every row of the time that was asked for is there, once and in order, also while rows are added at its end."""
    rows = [(at, f"R{at}") for at in times]
    fake = FakeListing(list(rows), limit=10, window_ms=100, change=growing(arrivals))
    entries = asyncio.run(read_list(fake.ask, fake.listing, start * 1000, end * 1000))
    found = [entry.movement.id for entry in entries]
    assert found == [id_ for at, id_ in sorted(rows) if start <= at <= end]


LEGS = st.sampled_from(["free", "locked", "asset"])
JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4), st.lists(st.integers(), max_size=2))


@settings(max_examples=200, deadline=None, print_blob=True)
@given(st.dictionaries(st.sampled_from(["BTC", "ETH", "USDT"]), st.tuples(LEGS, JUNK), min_size=1))
def test_junk_in_a_row_never_shortens_an_account(junk: dict[str, tuple[str, object]]) -> None:
    """Either every row is read as it stands, or none is believed."""
    rows: list[dict[str, object]] = [
        {"asset": asset, "free": "1.5", "locked": "0.5"} for asset in ("BTC", "ETH", "USDT", "BNB")
    ]
    for row in rows:
        leg, value = junk.get(str(row["asset"]), ("free", "1.5"))
        row[leg] = value
    content = {"accountType": "SPOT", "uid": 1, "updateTime": 1, "canTrade": True, "balances": rows}
    got = read_account(content)
    if isinstance(got, Account):
        assert len(got.rows) == len(rows)
        assert all(isinstance(row[leg], str | int) for row in rows for leg in ("free", "locked"))
