"""The look into the exchange's history: how far back, how often, and what it found last."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain.causes import Missing
from reconcile_actors.exchanges.port import History

OVERLAP_US: Final = 60_000_000
# A first look may be too long for the exchange's limits: then a shorter one is better than none.
LOOKBACKS_US: Final = (86_400_000_000, 3_600_000_000, 300_000_000)
RETRY_SECONDS: Final = 15.0
FOLLOW_SECONDS: Final = 1.0


@dataclass(slots=True)
class HistoryWatch:
    """`through_at` is how far history has been seen in full (UTC us)."""

    running: bool = False
    through_at: int | None = None
    oldest_missing_at: int | None = None
    newest: History | None = None
    last_started: float = -1e9
    again: bool = False
    _tries: int = 0

    def since_at(self, now_at: int, opening_at: int | None) -> int:
        """From when to read: overlapping what was seen, back to the oldest movement still missing, never before the opening."""
        if self.through_at is None:
            since = now_at - LOOKBACKS_US[min(self._tries, len(LOOKBACKS_US) - 1)]
        else:
            since = self.through_at - OVERLAP_US
            if self.oldest_missing_at is not None:
                since = min(since, self.oldest_missing_at - 1_000_000)
        return since if opening_at is None else max(since, opening_at - OVERLAP_US)

    def succeed(self, history: History) -> None:
        """A complete answer."""
        self.newest, self.through_at, self._tries = history, history.through_at, 0

    def fail(self) -> None:
        """No answer, or only a part."""
        self._tries += 1

    def checked(self, missing: Iterable[Missing]) -> None:
        """What the book lacks of the last answer."""
        times = [one.movement.occurred_at for one in missing if one.movement.occurred_at is not None]
        self.oldest_missing_at = min(times, default=None)
