"""Suspense: what was adopted into the book without a cause, leg by leg, until its cause is told after all.

An adoption makes a leg of the book agree with a read. Everything that had happened by then is part of it, told or not. So
a movement that comes later, with own time at or before that instant, must not change the leg again: what it moves there is
taken back by a counter entry, and leaves suspense.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Effects, latest_of

SUSPENDED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Suspended:
    """`amount` is what a leg of the book has gained without a known cause, signed; `cut_at` the instant (UTC us) up to which
    everything is part of it; `adjustment` the id of the newest adoption."""

    leg: Leg
    amount: Decimal
    cut_at: int
    adjustment: str


@dataclass(slots=True)
class Suspense:
    """The suspense of one account: one entry a leg. What has come to nothing stays known by its cut, because more may come."""

    entries: dict[Leg, Suspended] = field(default_factory=dict)

    @property
    def open(self) -> tuple[Suspended, ...]:
        """What has no cause yet, in a stable order."""
        return tuple(self.entries[leg] for leg in sorted(self.entries) if self.entries[leg].amount)

    @property
    def cuts(self) -> Mapping[Leg, int]:
        """Up to when each leg holds everything already (UTC us)."""
        return {leg: one.cut_at for leg, one in self.entries.items()}

    def has_room_for(self, legs: Effects) -> bool:
        """Whether an adoption on these legs stays within the bound (I12)."""
        return len(self.entries.keys() | legs.keys()) <= SUSPENDED_MAX

    def adopt(self, amounts: Effects, cut_at: int, adjustment: str) -> None:
        """An adoption was posted."""
        for leg, amount in amounts.items():
            before = self.entries.get(leg)
            total = amount if before is None else money.add(before.amount, amount)
            cut_at = cut_at if before is None else max(cut_at, before.cut_at)
            self.entries[leg] = Suspended(leg, money.tidy(total), cut_at, adjustment)

    def net(self, counter: Effects) -> None:
        """A counter entry was posted: so much has found its cause."""
        for leg, amount in counter.items():
            before = self.entries.get(leg)
            if before is not None:
                total = money.tidy(money.add(before.amount, amount))
                self.entries[leg] = Suspended(leg, total, before.cut_at, before.adjustment)

    def restate(self, wallet: str, *, positions: bool, through: int | None) -> None:
        """The wallet was stated anew: what that includes needs no cause any more."""
        for leg, one in list(self.entries.items()):
            of_kind = (leg.field is Field.POSITION) == positions
            if leg.wallet == wallet and of_kind and (through is None or one.cut_at <= through):
                del self.entries[leg]


def counter_of(effects: Effects, happened_at: int | None, cuts: Mapping[Leg, int]) -> dict[Leg, Decimal]:
    """What must be taken back of a movement because suspense holds it already; nothing where its own time is not known."""
    if happened_at is None:
        return {}
    return {
        leg: money.negate(amount)
        for leg, amount in effects.items()
        if amount and leg.field is not Field.LOCKED and leg in cuts and latest_of(happened_at) <= cuts[leg]
    }
