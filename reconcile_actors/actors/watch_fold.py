"""Matched watch reads folded into one entry an account and minute: count, times, rolling hash of the snapshots."""

import hashlib
from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain.ledger import Json
from reconcile_actors.messages.wire import iso

FOLD_US: Final = 60_000_000


@dataclass(slots=True)
class WatchFold:
    """`rolling` is SHA-256 over the previous value and each snapshot's digest, so that the count cannot be made up later.

    `standing` are the ids of the discrepancies but for which the reads agreed.
    """

    count: int = 0
    first_at: int = 0
    last_at: int = 0
    rolling: str = ""
    standing: tuple[str, ...] = ()

    def add(self, digest: str, at: int, standing: tuple[str, ...] = ()) -> None:
        """One more read that agreed."""
        if not self.count:
            self.first_at, self.standing = at, standing
        self.count += 1
        self.last_at = at
        self.rolling = hashlib.sha256(f"{self.rolling}\n{digest}".encode()).hexdigest()

    def is_due(self, at: int, standing: tuple[str, ...] = ()) -> bool:
        """Whether the minute is over, or what stands has changed."""
        return bool(self.count) and (at - self.first_at >= FOLD_US or standing != self.standing)

    def take(self) -> dict[str, Json]:
        """The entry's body; counting starts anew."""
        body: dict[str, Json] = {
            "count": self.count,
            "first_at": iso(self.first_at),
            "last_at": iso(self.last_at),
            "rolling_hash": self.rolling,
        }
        if self.standing:
            body["standing"] = list(self.standing)
        self.count, self.rolling, self.standing = 0, "", ()
        return body
