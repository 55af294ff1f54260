"""The admissible cuts: every state that the book may rightly have shown, each reached by leaving out what is newer."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.cuts import CutMark, Difference, Reach, TooManyCutsError, admissible_cuts, older_cuts
from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.domain.window import BookWindow, Entry

SECOND = 1_000_000
AT = 1_800_000_000 * SECOND
BTC = Leg("spot", "BTC", Field.TOTAL)
BOUNDS = Bounds(skew_us=0)


def entry(version: int, recorded: float, happened: float | None, amount: int | None = None) -> Entry:
    """A movement of 2^version BTC unless said otherwise, so that each set of movements has a sum of its own."""
    at = None if happened is None else AT + int(happened * SECOND)
    effects = {BTC: Decimal(2**version if amount is None else amount)}
    return Entry(version, int(recorded * SECOND), at, effects)


def window(entries: Iterable[Entry]) -> BookWindow:
    """A book with these recent versions."""
    made = tuple(entries)
    spot = frozenset({"spot"})
    return BookWindow("x", len(made), {}, made, None, spot, frozenset())


def reach(asked: float = 10.0, received: float = 10.1, bounds: Bounds = BOUNDS) -> Reach:
    """The instants that a read may show."""
    asked_us, received_us = int(asked * SECOND), int(received * SECOND)
    return Reach.of(Bracket(asked_us, received_us, AT + asked_us, AT + received_us), bounds)


def left_out(entries: Iterable[Entry], bounds: Bounds = BOUNDS) -> set[frozenset[int]]:
    """The versions that each cut leaves out."""
    difference = Difference({}, lambda leg: True)
    found = {difference.versions() for _ in admissible_cuts(window(entries), reach(bounds=bounds), bounds, difference)}
    assert (difference.amounts, difference.excluded) == ({}, []), "the walk ends where it began"
    return found


def test_a_quiet_book_has_one_cut() -> None:
    """What was recorded before [requested - R] has happened and is shown."""
    assert left_out([entry(1, 8.0, 7.9)]) == {frozenset()}


def test_a_movement_within_the_reach_may_be_shown_or_not() -> None:
    """Recorded and happened inside: both states are admissible."""
    assert left_out([entry(1, 9.6, 9.5)]) == {frozenset(), frozenset({1})}


def test_a_movement_after_the_answer_is_in_no_cut() -> None:
    """What happened after the receipt cannot be shown."""
    assert left_out([entry(1, 11.0, 10.9)]) == {frozenset({1})}


def test_a_late_report_takes_its_own_place() -> None:
    """A fill told after a later one: the state between the two never was a version, and is a cut all the same."""
    cuts = left_out([entry(1, 9.7, 9.6), entry(2, 11.4, 9.3)])
    assert frozenset({1}) in cuts
    assert cuts == {frozenset(), frozenset({1}), frozenset({2}), frozenset({1, 2})}


def test_what_was_recorded_has_happened_whatever_its_clock_says() -> None:
    """A movement whose own time lies in the future is taken for when it was told."""
    assert frozenset() in left_out([entry(1, 9.5, 99.0)])


def test_of_equal_times_any_part_may_be_missing() -> None:
    """Ties come in any order."""
    three = [entry(version, 11.0, 9.5) for version in (1, 2, 3)]
    assert left_out(three) == {frozenset(one) for one in [(), (1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)]}


def test_equal_movements_of_equal_times_are_counted_and_not_told_apart() -> None:
    """Forty equal fills of one instant are forty-one states and not 2^40."""
    many = [entry(version, 11.0, 9.5, amount=1) for version in range(1, 41)]
    assert {len(one) for one in left_out(many)} == set(range(41))


def test_too_many_cuts_are_not_judged_by_a_part() -> None:
    """Beyond the bound the walk ends with an error, be it by ties or by length."""
    with pytest.raises(TooManyCutsError):
        left_out([entry(version, 11.0, 9.5) for version in range(1, 20)])
    bounds = replace(BOUNDS, cuts_max=8)
    with pytest.raises(TooManyCutsError):
        left_out([entry(version, 9.5 + version / 100, 9.5 + version / 100) for version in range(1, 20)], bounds)


def test_the_difference_follows_each_cut() -> None:
    """What a cut leaves out is no longer expected of the exchange."""
    entries = [entry(1, 9.6, 9.5), entry(2, 9.8, 9.7)]
    difference = Difference({BTC: Decimal(-6)}, lambda leg: leg == BTC)
    walked = admissible_cuts(window(entries), reach(), BOUNDS, difference)
    amounts = {difference.versions(): difference.amounts.get(BTC) for _ in walked}
    assert amounts == {frozenset(): Decimal(-6), frozenset({2}): Decimal(-2), frozenset({1, 2}): None}
    assert difference.amounts == {BTC: Decimal(-6)}


def test_a_few_movements_without_own_time_may_each_be_missing() -> None:
    """Nothing tells their order, so every part of them is tried."""
    entries = [entry(1, 9.6, None), entry(2, 9.8, None)]
    assert left_out(entries) == {frozenset(), frozenset({1}), frozenset({2}), frozenset({1, 2})}


def test_older_cuts_end_at_a_statement() -> None:
    """Before a statement the book may have said anything; it is no state of the exchange."""
    stated = replace(entry(2, 3.0, None), restates=True)
    entries = [entry(1, 2.0, 1.9), stated, entry(3, 4.0, 3.9), entry(4, 5.0, 4.9)]
    difference = Difference({}, lambda leg: True)
    assert [one.version for one in older_cuts(window(entries), reach(), difference)] == [4, 3]
    assert difference.excluded == []


def test_a_mark_knows_what_it_left_out_and_what_came_since() -> None:
    """The same cut of a later window leaves out the newer versions too."""
    later = window([entry(1, 9.5, 9.4), entry(2, 9.6, 9.5), entry(3, 12.0, 11.9)])
    assert CutMark(2, frozenset({1})).reached(later) == {1, 3}
