"""However calls are asked for, neither of Coinbase's windows ever overflows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.coinbase.limits import POLL_ROOM, CallLimit, Lane
from reconcile_actors.exchanges.meters import Purpose

CALLS = st.lists(st.tuples(st.integers(0, 300_000), st.sampled_from(Purpose)), max_size=300)
WINDOWS = {Lane.TRADE: (1_000_000, 30), Lane.APP: (3_600_000_000, 10_000)}


def times_of(lane: Lane, calls: list[tuple[int, Purpose]]) -> list[tuple[int, Purpose]]:
    limit, now_us, made = CallLimit(), 0, []
    for pause_us, purpose in calls:
        now_us += pause_us
        while (wait := limit.wait_seconds(lane, purpose, now_us)) > 0:
            now_us += int(wait * 1e6) + 1
        limit.spend(lane, purpose, now_us)
        made.append((now_us, purpose))
    return made


def most(times: list[int], window_us: int) -> int:
    return max((sum(1 for other in times if at <= other < at + window_us) for at in times), default=0)


@settings(max_examples=100, deadline=None, print_blob=True)
@given(CALLS)
def test_no_window_overflows(calls: list[tuple[int, Purpose]]) -> None:
    """In every second fewer than thirty, of which watching takes at most four fifths."""
    window_us, allowed = WINDOWS[Lane.TRADE]
    made = times_of(Lane.TRADE, calls)
    assert most([at for at, _ in made], window_us) < allowed
    assert most([at for at, purpose in made if purpose is Purpose.WATCH], window_us) <= allowed * 0.8 + 1


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_second_of_asking_without_end(purpose: Purpose) -> None:
    """Two hundred calls as fast as they are let stay below thirty in any second, watching below four fifths of them."""
    window_us, allowed = WINDOWS[Lane.TRADE]
    times = [at for at, _ in times_of(Lane.TRADE, [(0, purpose)] * 200)]
    assert most(times, window_us) <= (allowed * 0.8 + 1 if purpose is Purpose.WATCH else allowed - 1)


def test_history_leaves_room_for_polls() -> None:
    """Pages of history stop before watching is used up, so that a balance goes at once."""
    limit = CallLimit()
    while limit.wait_seconds(Lane.TRADE, Purpose.WATCH, 0, POLL_ROOM) == 0:
        limit.spend(Lane.TRADE, Purpose.WATCH, 0)
    for _ in range(int(POLL_ROOM)):
        assert limit.wait_seconds(Lane.TRADE, Purpose.WATCH, 0) == 0
        limit.spend(Lane.TRADE, Purpose.WATCH, 0)
    assert limit.wait_seconds(Lane.TRADE, Purpose.WATCH, 0) > 0


def test_an_hour_of_asking_without_end() -> None:
    """Nine thousand calls as fast as they are let: at most four fifths of an hour's allowance in any hour."""
    window_us, allowed = WINDOWS[Lane.APP]
    times = [at for at, _ in times_of(Lane.APP, [(0, Purpose.WATCH)] * 9000)]
    begin = 0
    for place, at in enumerate(times):
        while times[begin] <= at - window_us:
            begin += 1
        assert place - begin + 1 <= allowed * 0.8 + 1


def test_lanes_do_not_wait_for_each_other() -> None:
    """A refusal closes one lane for as long as it says, at least its own pause; the other goes on."""
    limit = CallLimit()
    assert limit.refuse(Lane.APP, None, 0) == 60
    assert limit.refuse(Lane.TRADE, 90.0, 0) == 90
    assert limit.wait_seconds(Lane.APP, Purpose.CONFIRM, 0) == 60
    assert limit.wait_seconds(Lane.TRADE, Purpose.WATCH, 60_000_000) == 30
    assert limit.wait_seconds(Lane.APP, Purpose.WATCH, 60_000_000) == 0
