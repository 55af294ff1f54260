"""How often an undescribed exchange is read: seldom by its own word, and more seldom after each refusal."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.exchanges.generic.budget import Budget
from reconcile_actors.exchanges.meters import Purpose

SECOND = 1_000_000


def test_a_poll_is_ten_spacings_and_never_less_than_two_seconds() -> None:
    """From ccxt's cheapest spacing to what a balance may cost; a minute at most."""
    assert [Budget(spacing).poll_seconds for spacing in (0.003, 0.2, 1.0, 3.0, 100.0)] == [2.0, 2.0, 10.0, 30.0, 60.0]


def test_a_refusal_halves_and_empties() -> None:
    """After a refusal nothing may go at once, and reads are half as often; again and again, to a minute."""
    budget = Budget(0.1)
    budget.step_down(SECOND)
    assert budget.poll_seconds == 4.0
    assert budget.wait_seconds(Purpose.CONFIRM, SECOND) == 2.0
    assert budget.wait_seconds(Purpose.WATCH, SECOND) == 10.0
    for _ in range(9):
        budget.step_down(SECOND)
    assert budget.poll_seconds == 60.0


@given(st.floats(0.001, 5.0), st.lists(st.tuples(st.booleans(), st.integers(0, 20 * SECOND)), max_size=60))
def test_no_more_goes_than_is_saved_up(spacing: float, asked: list[tuple[bool, int]]) -> None:
    """Over any time: a burst of six, and two reads a poll beyond it; watching alone never has to wait at its own pace."""
    budget = Budget(spacing)
    now = went = 0
    for confirming, pause in asked:
        now += pause
        if not budget.wait_seconds(Purpose.CONFIRM if confirming else Purpose.WATCH, now):
            budget.spend(now)
            went += 1
    assert went <= 6 + 2 * now / SECOND / budget.poll_seconds + 1e-6


def test_watching_at_its_pace_never_waits() -> None:
    """An hour of polls, each at its time."""
    budget = Budget(0.5)
    for number in range(720):
        assert budget.wait_seconds(Purpose.WATCH, number * 5 * SECOND) == 0.0
        budget.spend(number * 5 * SECOND)
