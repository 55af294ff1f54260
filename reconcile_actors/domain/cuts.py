"""Admissible cuts: every state of the book that an exchange's answer may rightly show.

By recording: the versions valid somewhere in [requested - R, received]. By event time: for each instant of that interval
all movements whose own time is at or before it, ties in any order, as far as they are known when the read is decided.

The cuts of a read are walked from the newest back, one entry at a time, with the difference to the exchange kept up to date.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby, takewhile
from math import prod
from typing import TypeAlias

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.movements import latest_of
from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.domain.window import BookWindow, Entry

Walk: TypeAlias = tuple[list[Entry], list[list[Entry]]]
"""What is newer than any cut, and the groups that are left out one after the other, the newest first."""


@dataclass(frozen=True, slots=True)
class CutMark:
    """A cut of an earlier window, kept so that later ones never go back behind it: a version, and what it left out."""

    version: int
    excluded: frozenset[int]

    def reached(self, window: BookWindow) -> frozenset[int]:
        """What the same cut leaves out of a later window: a cut that leaves out all of it and more is older than the mark."""
        since = (one.version for one in reversed(window.entries) if one.effects)
        return self.excluded | frozenset(takewhile(lambda version: version > self.version, since))


class TooManyCutsError(Exception):
    """The window cannot be enumerated within its bound: the read stays undecided rather than be judged by a part."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The instants that a read may show. By our clock: what was recorded up to `earliest_us` (monotonic) has happened and is
    shown. By the exchange's clock: from `first_at` to `last_at` (UTC us)."""

    earliest_us: int
    latest_us: int
    first_at: int
    last_at: int
    offset: int
    skew_us: int

    @classmethod
    def of(cls, bracket: Bracket, bounds: Bounds) -> "Reach":
        """From R before the request to the receipt; own times are off by no more than the skew."""
        return cls(
            earliest_us=bracket.requested_us - bounds.exchange_lag_us,
            latest_us=bracket.received_us,
            first_at=bracket.requested_at - bounds.exchange_lag_us - bounds.skew_us,
            last_at=bracket.received_at + bounds.skew_us,
            offset=bracket.requested_at - bracket.requested_us,
            skew_us=bounds.skew_us,
        )

    def own_time(self, entry: Entry) -> int:
        """The entry's own time, else when it was recorded (UTC us). What was recorded has happened, whatever a clock says."""
        recorded_at = entry.recorded_us + self.offset
        return recorded_at if entry.occurred_at is None else min(entry.occurred_at, recorded_at + self.skew_us)


@dataclass(slots=True)
class Difference:
    """exchange - cut, for one cut after another. `amounts` holds the legs that differ, `excluded` what the cut leaves out."""

    amounts: dict[Leg, Decimal]
    compares: Callable[[Leg], bool]
    excluded: list[Entry] = field(default_factory=list)

    def leave_out(self, entry: Entry) -> None:
        """On to a cut without this entry: what the exchange does not show yet is no longer expected of it."""
        self.excluded.append(entry)
        amounts, compares = self.amounts, self.compares
        for leg, amount in entry.effects.items():
            if compares(leg):
                before = amounts.get(leg)
                _set(amounts, leg, amount if before is None else money.add(before, amount))

    def take_in(self) -> None:
        """Back to the cut before the last entry was left out."""
        amounts, compares = self.amounts, self.compares
        for leg, amount in self.excluded.pop().effects.items():
            if compares(leg):
                before = amounts.get(leg)
                _set(amounts, leg, money.negate(amount) if before is None else money.subtract(before, amount))

    def go_back(self, amounts: dict[Leg, Decimal], excluded: int) -> None:
        """Back to an earlier cut at one stroke: what differed there, and how many entries it left out."""
        self.amounts.clear()
        self.amounts.update(amounts)
        del self.excluded[excluded:]

    def versions(self) -> frozenset[int]:
        """The versions that the present cut leaves out."""
        return frozenset(one.version for one in self.excluded)


def _set(amounts: dict[Leg, Decimal], leg: Leg, amount: Decimal) -> None:
    if amount:
        amounts[leg] = amount
    else:
        amounts.pop(leg, None)


def admissible_cuts(window: BookWindow, reach: Reach, bounds: Bounds, difference: Difference) -> Iterator[None]:
    """Brings `difference` to each admissible cut in turn, and back to the newest book at the end.

    A cut may come more than once. Raises TooManyCutsError beyond the bound.
    """
    recent = [one for one in recorded_after(window.entries, reach.earliest_us) if one.effects]
    loose: list[Entry] = []
    if is_exhaustive(window, reach, bounds):  # else there are too many to try each: they stand where they were recorded
        loose = untimed_near(window, reach, bounds)
    versions, kinds = {one.version for one in loose}, _kinds(loose)
    fixed = [one for one in recent if one.version not in versions]
    count = 0
    recorded, happened = _by_recording(recent, reach, bounds), _by_event_time(fixed, reach)
    walks: list[tuple[Walk, list[list[Entry]]]] = [(happened, kinds)]
    if recorded != happened and not len(recent) == len(loose) == 1:  # else all of these are among the others
        walks.insert(0, (recorded, []))
    for walk, free in walks:
        for _ in _walk(difference, *walk, bounds.cuts_max):
            for _ in _choices(difference, free):
                count += 1
                if count > bounds.cuts_max:
                    raise TooManyCutsError
                yield


def untimed_near(window: BookWindow, reach: Reach, bounds: Bounds) -> list[Entry]:
    """Movements without own time that happened before or after the instant shown: nothing tells which."""
    return [
        one
        for one in recorded_after(window.entries, reach.earliest_us)
        if one.occurred_at is None and one.effects and one.recorded_us <= reach.latest_us + bounds.local_lag_us
    ]


def is_exhaustive(window: BookWindow, reach: Reach, bounds: Bounds) -> bool:
    """Whether every part of the movements without own time can be tried with every cut of the others."""
    loose = untimed_near(window, reach, bounds)
    others = sum(1 for one in recorded_after(window.entries, reach.earliest_us) if one.effects) - len(loose)
    return _ways(_kinds(loose)) * 2 * (others + len(loose) + 2) <= bounds.cuts_max


def _by_recording(entries: Sequence[Entry], reach: Reach, bounds: Bounds) -> Walk:
    latest_us = reach.latest_us
    if any(one.occurred_at is None for one in entries):
        latest_us += bounds.local_lag_us  # what bears no own time may have happened long before it was told
    inside = _first_after(entries, latest_us)
    return list(entries[inside:]), [[one] for one in reversed(entries[:inside])]


def _by_event_time(entries: Iterable[Entry], reach: Reach) -> Walk:
    timed = sorted(((reach.own_time(one), one) for one in entries), key=_when)
    newer = [one for at, one in timed if at > reach.last_at]
    inside = [(at, one) for at, one in timed if reach.first_at < latest_of(at) and at <= reach.last_at]
    groups = [[one for _, one in group] for _, group in groupby(inside, key=lambda pair: pair[0])]
    return newer, groups[::-1]


def _when(pair: tuple[int, Entry]) -> tuple[int, int]:
    return pair[0], pair[1].version


def recorded_after(entries: Sequence[Entry], instant_us: int) -> Sequence[Entry]:
    """The entries recorded after an instant (monotonic us)."""
    return entries[_first_after(entries, instant_us) :]


def _first_after(entries: Sequence[Entry], instant_us: int) -> int:
    return bisect_right(entries, instant_us, key=lambda one: one.recorded_us)


def _walk(
    difference: Difference, newer: Sequence[Entry], groups: Sequence[Sequence[Entry]], limit: int
) -> Iterator[None]:
    """From the cut without `newer` back over the groups. Of a group of equal times any part may be missing."""
    start, amounts = len(difference.excluded), dict(difference.amounts)
    for one in newer:
        difference.leave_out(one)
    yield
    for group in groups:
        if len(group) > 1:
            for _ in _parts(difference, group, limit):
                yield
        for one in group:
            difference.leave_out(one)
        yield
    difference.go_back(amounts, start)


def _parts(difference: Difference, group: Sequence[Entry], limit: int) -> Iterator[None]:
    """Each part of a group that may be missing."""
    kinds = _kinds(group)
    if _ways(kinds) > limit:
        raise TooManyCutsError
    yield from _choices(difference, kinds)


def _kinds(group: Sequence[Entry]) -> list[list[Entry]]:
    """Entries of equal effects are counted and not told apart."""
    if len(group) < 2:
        return [list(group)] if group else []
    kinds: dict[frozenset[tuple[Leg, Decimal]], list[Entry]] = {}
    for one in group:
        kinds.setdefault(frozenset(one.effects.items()), []).append(one)
    return list(kinds.values())


def _ways(kinds: Iterable[Sequence[Entry]]) -> int:
    return prod(len(same) + 1 for same in kinds)


def _choices(difference: Difference, kinds: list[list[Entry]]) -> Iterator[None]:
    if not kinds:
        yield
        return
    same, others = kinds[0], kinds[1:]
    yield from _choices(difference, others)
    for one in same:
        difference.leave_out(one)
        yield from _choices(difference, others)
    for _ in same:
        difference.take_in()


def older_cuts(window: BookWindow, reach: Reach, difference: Difference) -> Iterator[Entry]:
    """Brings `difference` to the cuts from before the admissible ones, newest first; gives the first entry that each lacks.

    They end at a statement: what a trading process said before it restated itself is no state of the exchange.
    """
    timed = sorted(((reach.own_time(one), one) for one in window.entries if one.effects), key=_when)
    start, amounts = len(difference.excluded), dict(difference.amounts)
    for at, one in reversed(timed):
        if one.restates:
            break
        difference.leave_out(one)
        if at <= reach.first_at:
            yield one
    difference.go_back(amounts, start)
