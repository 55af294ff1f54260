"""What was decided about a discrepancy and must outlive a restart, as small switches of the store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from reconcile_actors.domain.money import plain

PREFIX: Final = "resolution:"


@dataclass(frozen=True, slots=True)
class Note:
    """`attempts` counts the repairs that were posted; `rejected` is the difference whose repair a person refused."""

    attempts: int = 0
    rejected: Decimal | None = None

    def row(self, discrepancy: str) -> tuple[str, str]:
        """As a switch."""
        rejected = None if self.rejected is None else plain(self.rejected)
        return PREFIX + discrepancy, json.dumps({"attempts": self.attempts, "rejected": rejected})


def cleared(discrepancy: str) -> tuple[str, None]:
    """What clears a note: the discrepancy is over."""
    return PREFIX + discrepancy, None


def notes_of(switches: Mapping[str, str]) -> dict[str, Note]:
    """The notes among the store's switches, by discrepancy id."""
    notes = {}
    for key, text in switches.items():
        if key.startswith(PREFIX):
            fields = json.loads(text)
            rejected = fields["rejected"]
            notes[key.removeprefix(PREFIX)] = Note(fields["attempts"], None if rejected is None else Decimal(rejected))
    return notes
