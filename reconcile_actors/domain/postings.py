"""What the service has posted to a book by itself: its adjustments, and the exchange's ids that it posted before they were reported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.changes import Posted
from reconcile_actors.domain.movements import (
    Effects,
    Movement,
    MovementType,
    apart_us,
    likeness,
    same_key,
    value_of,
)
from reconcile_actors.domain.proposals import Duplicate, Refusal

REMEMBERED_MAX: Final = 2_000
# A fill's cost and its fee may each be rounded by the exchange.
ROUNDINGS: Final = 2

_ONE_EVENT: Final = frozenset({MovementType.FILL, MovementType.FEE})


@dataclass(slots=True)
class Postings:
    """The newest of both only (I12). `ids` holds, by the exchange's id, the steps of the currencies that it touched."""

    adjustments: dict[str, None] = field(default_factory=dict)
    ids: dict[str, Mapping[str, Decimal]] = field(default_factory=dict)
    named: dict[str, None] = field(init=False, compare=False)
    """Those of `ids` that are no id of the exchange's, which gave none, but the movement's name."""

    def __post_init__(self) -> None:
        self.named = dict.fromkeys(one for one in self.ids if _is_name(one))

    def note(self, adjustment: str) -> None:
        """A line of an adjustment was posted."""
        self.adjustments[adjustment] = None
        if len(self.adjustments) > REMEMBERED_MAX:
            del self.adjustments[next(iter(self.adjustments))]

    def note_id(self, movement_id: str, posted: Posted) -> None:
        """A movement was posted under the exchange's id."""
        self.note(posted.adjustment)
        self.ids[movement_id] = posted.steps
        if _is_name(movement_id):
            self.named[movement_id] = None
        if len(self.ids) > REMEMBERED_MAX:
            oldest = next(iter(self.ids))
            del self.ids[oldest]
            self.named.pop(oldest, None)

    def answer_late(self, told: Movement, known: Sequence[Movement]) -> Duplicate | Refusal | None:
        """What a report of a movement is that was posted from history before: it counts once, because the exchange's own word
        stands in the book. One with other content is refused, and leaves no doubt; None where it is no such report."""
        steps = self.ids.get(told.id or "")
        if steps is None:
            return None
        posted = [one for one in known if same_key(one, told)]
        if posted:
            near = any(_is_near(one.effects, told.effects, steps) for one in posted)
            return Duplicate() if near else Refusal("conflict")
        # what the exchange lists of a fill holds its fee
        is_part = told.type is MovementType.FEE and any(one.type in _ONE_EVENT for one in known)
        return Duplicate() if is_part else None


def _is_name(movement_id: str) -> bool:
    return "@" in movement_id  # every name of a movement tells its time so, and few ids look like it


def accounts_for(posted: Movement, told: Movement, within_us: int) -> bool:
    """Whether a report is of what was posted from a history that gave it no id: it bears one of the trading process's own."""
    had_no_id = replace(posted, id=None).name == posted.id
    return had_no_id and likeness(posted) == likeness(told) and apart_us(posted, told) <= within_us


def _is_near(posted: Effects, told: Effects, steps: Mapping[str, Decimal]) -> bool:
    ours, theirs = value_of(posted), value_of(told)
    for leg in {*ours, *theirs}:
        apart = money.subtract(ours.get(leg, money.ZERO), theirs.get(leg, money.ZERO))
        if money.EXACT.abs(apart) > money.multiply(steps.get(leg.currency, money.ZERO), Decimal(ROUNDINGS)):
            return False
    return True
