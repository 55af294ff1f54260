"""What the play must show, and whether it was seen: only what the service itself said counts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class Sight(StrEnum):
    """One thing to be seen, in the order in which it is told at the end."""

    MATCHED = "matched_while_trading"
    FILL_FOUND = "missed_fill_found"
    FILL_EXPLAINED = "missed_fill_explained"
    FILL_BACKFILLED = "missed_fill_backfilled"
    FILL_PROVEN = "missed_fill_proven"
    REMAINDER = "remainder_reported_as_precision"
    THEFT_HELD = "theft_held_for_a_person"
    HALT = "halt_requested"
    GARBAGE = "garbage_is_unknown"
    UNCHANGED = "garbage_changed_nothing"
    BREAKER_OPENED = "breaker_opened"
    BREAKER_CLOSED = "breaker_closed"
    CRASHED = "actor_restarted"


class Mood(StrEnum):
    """How a line looks."""

    PLAIN = "plain"
    TROUBLE = "trouble"
    FOUND = "found"
    GOOD = "good"


class Line(NamedTuple):
    """One line of the play: seconds since its start, the account it is about (empty for all), and what happened."""

    seconds: float
    account: str
    text: str
    mood: Mood


Say = Callable[[Line], object]
ALL: Final = tuple(Sight)


@dataclass(slots=True)
class Sightings:
    """When each thing was first seen, in seconds since the start."""

    clock: Callable[[], float]
    say: Say
    seen: dict[Sight, float] = field(default_factory=dict)

    def tell(self, account: str, text: str, mood: Mood = Mood.PLAIN) -> None:
        """A line for whoever watches."""
        self.say(Line(self.clock(), account, text, mood))

    def see(self, sight: Sight, account: str, text: str, mood: Mood = Mood.FOUND) -> None:
        """Takes a sighting down; only the first of its kind is told."""
        if sight not in self.seen:
            self.seen[sight] = self.clock()
            self.tell(account, text, mood)

    def has(self, *sights: Sight) -> bool:
        """Whether all of these were seen."""
        return all(one in self.seen for one in sights)

    @property
    def missing(self) -> tuple[Sight, ...]:
        """What was not seen."""
        return tuple(one for one in ALL if one not in self.seen)
