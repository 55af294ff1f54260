"""What is kept of one list, so that a movement once seen is told again until nobody asks so far back, whatever was asked since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconcile_actors.domain.movements import Movement
from reconcile_actors.exchanges.binance.entries import Entry
from reconcile_actors.exchanges.clocks import MICROSECONDS

OVERLAP_US: Final = 60 * MICROSECONDS  # rows may be listed late


@dataclass(slots=True)
class Kept:
    """The entries from `from_at` to `through_at` (UTC us); None before the first read."""

    from_at: int | None = None
    through_at: int | None = None
    _entries: Sequence[Entry] = field(default_factory=tuple)

    def start(self, since_at: int, first_at: int) -> int:
        """From when to read so that all since `since_at` is known: the first time since `first_at`."""
        if self.from_at is None or self.through_at is None:
            return first_at
        return since_at if since_at < self.from_at else self.through_at - OVERLAP_US

    def take(
        self, entries: Iterable[Entry], *, start_at: int, listed_from: int, since_at: int, through_at: int
    ) -> None:
        """All that is listed from `listed_from` on takes the place of what was kept of that time."""
        first_at = start_at if self.from_at is None else min(self.from_at, start_at)
        self.from_at = max(first_at, min(since_at, start_at))
        forgotten = self.from_at - (start_at - listed_from)
        old = (entry for entry in self._entries if forgotten <= entry.listed_at < listed_from)
        self._entries = (*old, *entries)
        self.through_at = through_at

    def movements(self) -> list[Movement]:
        """What is kept, as it was listed last."""
        return [entry.movement for entry in self._entries]

    def has_any(self, since_at: int = 0) -> bool:
        """Whether anything is kept that was listed since."""
        return any(entry.listed_at >= since_at for entry in self._entries)
