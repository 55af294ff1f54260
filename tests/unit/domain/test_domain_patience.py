"""Waiting for an answer counts only as long as somebody can be asked."""

from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.domain.patience import BREAKS_MAX, Patience


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 30),
)
def test_only_time_in_which_one_could_ask_counts(steps: list[tuple[int, bool]], waited: int) -> None:
    """Against the plain definition, one unit of time after the other, also where breaks follow each other without a pause."""
    patience, now, askable = Patience(), 0, [True] * 40  # before the first note one could ask
    state = True
    for pause, following in steps:
        askable += [state] * pause
        now, state = now + pause, following
        patience.note(now, askable=state)
        count, expected = 0, now
        while count < waited:
            expected -= 1
            count += askable[expected + 40] if expected >= -40 else True
        assert patience.since(now, waited) == expected


def test_of_many_breaks_the_newest_are_known() -> None:
    """I12: as if one could have asked in those that are forgotten."""
    patience = Patience()
    for number in range(BREAKS_MAX + 1):
        patience.note(2 * number, askable=False)
        patience.note(2 * number + 1, askable=True)
    now = 2 * BREAKS_MAX + 1
    assert patience.since(now, BREAKS_MAX) == 1
    assert patience.since(now, BREAKS_MAX + 1) == 0
