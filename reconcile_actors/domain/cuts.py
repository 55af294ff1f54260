"""Admissible cuts: every state of the book that an exchange's answer may rightly show.

By recording: the versions valid somewhere in [requested - R, received]. By event time: for each instant of that interval
all movements whose own time is at or before it, ties in any order, as far as they are known when the read is decided.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.movements import merge
from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.domain.window import BookWindow, Entry

Frozen = frozenset[tuple[Leg, Decimal]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A state of the book as what it leaves out of the newest: the versions, and the sum of their effects."""

    excluded: frozenset[int]
    effects: Frozen


@dataclass(frozen=True, slots=True)
class CutMark:
    """A cut of an earlier window, kept so that later ones never go back behind it."""

    version: int
    excluded: frozenset[int]

    def is_behind(self, cut: Cut, version: int) -> bool:
        """Whether a cut of a window at `version` is strictly older than this mark."""
        recorded_since = set(range(self.version + 1, version + 1))
        if not (recorded_since <= cut.excluded and self.excluded <= cut.excluded):
            return False
        return cut.excluded != self.excluded | recorded_since


class TooManyCutsError(Exception):
    """The window cannot be enumerated within its bound: the read stays undecided rather than be judged by a part."""


def admissible_cuts(window: BookWindow, bracket: Bracket, bounds: Bounds) -> list[Cut]:
    """The cuts of a read, each once by its effects; the newest first. Raises TooManyCutsError."""
    earliest_us = bracket.requested_us - bounds.exchange_lag_us
    if window.complete_from_us is not None and window.complete_from_us > earliest_us:
        raise TooManyCutsError
    cuts: dict[Frozen, Cut] = {}
    for excluded in (
        *_by_recording(window.entries, bracket, earliest_us),
        *_by_event_time(window.entries, bracket, bounds),
    ):
        cut = _cut(excluded)
        # of two cuts with equal effects the older is kept: the mark that later reads must not go behind stays careful
        known = cuts.get(cut.effects)
        if known is None or len(cut.excluded) > len(known.excluded):
            cuts[cut.effects] = cut
        if len(cuts) > bounds.cuts_max:
            raise TooManyCutsError
    return sorted(cuts.values(), key=lambda cut: len(cut.excluded))


def _cut(excluded: Iterable[Entry]) -> Cut:
    entries = tuple(excluded)
    return Cut(frozenset(one.version for one in entries), frozenset(merge(*(one.effects for one in entries)).items()))


def _by_recording(entries: Sequence[Entry], bracket: Bracket, earliest_us: int) -> Iterator[Sequence[Entry]]:
    later = [one for one in entries if one.recorded_us > earliest_us]
    inside = sum(1 for one in later if one.recorded_us <= bracket.received_us)
    for included in range(inside + 1):
        yield later[included:]


def _by_event_time(entries: Sequence[Entry], bracket: Bracket, bounds: Bounds) -> Iterator[Sequence[Entry]]:
    first_at = bracket.requested_at - bounds.exchange_lag_us - bounds.skew_us
    last_at = bracket.received_at + bounds.skew_us
    offset = bracket.requested_at - bracket.requested_us
    timed = sorted(((_own_time(one, offset), one) for one in entries), key=lambda pair: (pair[0], pair[1].version))
    timed = [pair for pair in timed if pair[0] > first_at]
    yield [one for _, one in timed]
    after = [one for at, one in timed if at > last_at]
    inside = [pair for pair in timed if pair[0] <= last_at]
    groups = [[one for _, one in group] for _, group in groupby(inside, key=lambda pair: pair[0])]
    for index, group in enumerate(groups):
        rest = [one for later in groups[index + 1 :] for one in later] + after
        for part in _parts(group, bounds.cuts_max):
            yield [*part, *rest]


def time_of(entry: Entry, bracket: Bracket) -> int:
    """The entry's own time, else when it was recorded (UTC us)."""
    return _own_time(entry, bracket.requested_at - bracket.requested_us)


def _own_time(entry: Entry, offset: int) -> int:
    return entry.occurred_at if entry.occurred_at is not None else entry.recorded_us + offset


def _parts(group: list[Entry], limit: int) -> Iterator[list[Entry]]:
    """Every part of a group of equal times that may still be missing, equal effects counted and not told apart."""
    kinds: dict[Frozen, list[Entry]] = {}
    for one in group:
        kinds.setdefault(frozenset(one.effects.items()), []).append(one)
    total = 1
    for same in kinds.values():
        total *= len(same) + 1
        if total > limit:
            raise TooManyCutsError
    parts: list[list[Entry]] = [[]]
    for same in kinds.values():
        parts = [[*part, *same[count:]] for part in parts for count in range(len(same) + 1)]
    yield from parts


def older_cuts(window: BookWindow, bracket: Bracket, bounds: Bounds) -> Iterator[tuple[Entry, Cut]]:
    """Cuts from before the admissible ones, newest first, each with the first entry that it lacks.

    They end at a statement: what a trading process said before it restated itself is no state of the exchange.
    """
    offset = bracket.requested_at - bracket.requested_us
    first_at = bracket.requested_at - bounds.exchange_lag_us - bounds.skew_us
    timed = sorted(window.entries, key=lambda one: (_own_time(one, offset), one.version))
    for index in range(len(timed) - 1, -1, -1):
        if timed[index].restates:
            return
        if _own_time(timed[index], offset) <= first_at:
            yield timed[index], _cut(timed[index:])
