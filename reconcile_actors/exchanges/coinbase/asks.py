"""Whose transactions to ask for: Coinbase wants a request for each account, and 10,000 an hour is not enough for all of them.

An account is asked when its total is not what it was at the last look, and for a minute after, since rows may be listed late;
while it has something pending; and in turn, for what cancelled out in between. Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

ASKS_A_READ: Final = 8
LATE_US: Final = 60_000_000
AGAIN_US: Final = 2_000_000  # looks may follow each other more closely; what stands still is not asked in each of them


@dataclass(slots=True)
class _Known:
    total: Decimal = field(repr=False)
    changed_at: int
    asked_through: int | None = None
    has_pending: bool = False


class Asks:
    """What is remembered of each account, by uuid. Times are UTC us."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._uncovered: frozenset[str] = frozenset()
        self._turn = 0
        self._turned_at = 0

    def look(self, totals: Mapping[str, Decimal], at: int, uncovered: Collection[str] = ()) -> list[str]:
        """Takes the totals in and chooses whom to ask: at most ASKS_A_READ that are due, and others in turn.

        `uncovered` were asked, but not from as far back as it is wanted now.
        """
        self._known = {uuid: self._known.get(uuid, _Known(totals[uuid], at - LATE_US - 1)) for uuid in totals}
        for uuid, total in totals.items():
            if total != self._known[uuid].total:
                self._known[uuid].total, self._known[uuid].changed_at = total, at
        self._uncovered = frozenset(uncovered)
        due = sorted(self._due(at), key=lambda uuid: self._known[uuid].asked_through or 0)
        return [*due[:ASKS_A_READ], *self._in_turn(frozenset(due), ASKS_A_READ - len(due), at)]

    def took(self, uuid: str, through_at: int, *, has_pending: bool) -> None:
        """An account was read up to an instant."""
        known = self._known[uuid]
        known.asked_through, known.has_pending = through_at, has_pending

    def through(self, since_at: int, horizon_at: int, asked: Collection[str]) -> int:
        """How far every account that shows a change has been read; those that stood still hide nothing but what cancelled out."""
        behind = [self._known[uuid].asked_through or since_at for uuid in self._due(horizon_at) if uuid not in asked]
        return min([horizon_at, *behind])

    def is_told(self, uuid: str, asked: Collection[str]) -> bool:
        """Whether whatever moved an account's total has been asked for."""
        known = self._known[uuid]
        return uuid in asked or (known.asked_through is not None and known.changed_at <= known.asked_through)

    def _due(self, at: int) -> list[str]:
        return [uuid for uuid, one in self._known.items() if uuid in self._uncovered or self._is_due(one, at)]

    @staticmethod
    def _is_due(one: _Known, at: int) -> bool:
        if one.asked_through is None:
            return bool(one.total)
        unsettled = one.has_pending or one.changed_at >= at - LATE_US
        return one.changed_at > one.asked_through or (unsettled and at - one.asked_through >= AGAIN_US)

    def _in_turn(self, due: frozenset[str], room: int, at: int) -> list[str]:
        """Empty accounts that were never asked, as many as there is room for; then one account after the other."""
        others = [uuid for uuid in self._known if uuid not in due]
        never = [uuid for uuid in others if self._known[uuid].asked_through is None]
        if never and room > 0:
            return never[:room]
        if not others or at - self._turned_at < AGAIN_US:
            return []
        self._turn, self._turned_at = self._turn + 1, at
        return [others[self._turn % len(others)]]
