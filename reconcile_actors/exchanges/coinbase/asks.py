"""Whose transactions to ask for: Coinbase wants a request for each account, and 10,000 an hour is not enough for all of them.

An account is asked when its total is not what it was at the last look, and for a minute after, since rows may be listed late;
while it has something pending; and in turn, for what cancelled out in between. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

ASKS_A_READ: Final = 8
LATE_US: Final = 60_000_000
PENDINGS_MAX: Final = 50


@dataclass(slots=True)
class _Known:
    total: Decimal = field(repr=False)
    changed_at: int
    asked_through: int | None = None
    pending: dict[str, int] = field(default_factory=dict)


class Asks:
    """What is remembered of each account, by uuid. Times are UTC us."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._turn = 0

    def look(self, totals: Mapping[str, Decimal], at: int) -> list[str]:
        """Takes the totals in and chooses whom to ask: at most ASKS_A_READ that are due, and others in turn."""
        self._known = {uuid: self._known.get(uuid, _Known(totals[uuid], at - LATE_US - 1)) for uuid in totals}
        for uuid, total in totals.items():
            if total != self._known[uuid].total:
                self._known[uuid].total, self._known[uuid].changed_at = total, at
        due = sorted(self._due(at), key=lambda uuid: self._known[uuid].asked_through or 0)
        return [*due[:ASKS_A_READ], *self._in_turn(frozenset(due), ASKS_A_READ - len(due))]

    def ask_from(self, uuid: str, since_at: int) -> tuple[int, Mapping[str, int]]:
        """From when an account is to be read, so that no look leaves a gap, and what was pending there: times by id."""
        known = self._known[uuid]
        return min(since_at, known.asked_through or since_at), known.pending

    def took(self, uuid: str, through_at: int, pending: Mapping[str, int]) -> None:
        """An account was read up to an instant; `pending` are the times of what is pending there, by id."""
        known = self._known[uuid]
        known.asked_through = through_at
        known.pending = dict(sorted(pending.items(), key=lambda one: one[1])[-PENDINGS_MAX:])

    def through(self, since_at: int, horizon_at: int, asked: Sequence[str]) -> int:
        """How far every account that shows a change has been read; those that stood still hide nothing but what cancelled out."""
        behind = [self._known[uuid].asked_through or since_at for uuid in self._due(horizon_at) if uuid not in asked]
        return min([horizon_at, *behind])

    def _due(self, at: int) -> list[str]:
        return [uuid for uuid, one in self._known.items() if self._is_due(one, at)]

    @staticmethod
    def _is_due(one: _Known, at: int) -> bool:
        if one.asked_through is None:
            return bool(one.total)
        return bool(one.pending) or one.changed_at > one.asked_through or one.changed_at >= at - LATE_US

    def _in_turn(self, due: frozenset[str], room: int) -> list[str]:
        """Empty accounts that were never asked, as many as there is room for; then one account after the other."""
        others = [uuid for uuid in self._known if uuid not in due]
        never = [uuid for uuid in others if self._known[uuid].asked_through is None]
        if never and room > 0:
            return never[:room]
        self._turn += 1
        return [others[self._turn % len(others)]] if others else []
