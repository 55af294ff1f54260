"""How far two sides may differ by rounding alone: max(precision step, rounding x operations), from the last exact anchor.

The count of operations is bounded, so that small remainders cannot leak for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg

BUDGET_OPERATIONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Tolerances:
    """`steps` is the smallest amount the exchange's text can show, by currency; without one nothing is tolerated.

    An operation (a fill's cost, a fee) may each be rounded by half a step on the exchange's side, so a fill by one step.
    Of what is locked each open order may be rounded, and one that is just ending.
    """

    steps: Mapping[str, Decimal]
    operations: Mapping[Leg, int]
    open_orders: Mapping[Leg, int] = field(default_factory=dict)

    def of(self, leg: Leg) -> Decimal:
        """The tolerance of one leg, never negative."""
        step = self.steps.get(leg.currency)
        if step is None:
            return money.ZERO
        count = self.open_orders.get(leg, 0) + 1 if leg.field is Field.LOCKED else self.operations.get(leg, 0)
        return money.multiply(step, Decimal(min(count, BUDGET_OPERATIONS)))

    def allow(self, leg: Leg, amount: Decimal) -> bool:
        """Whether a difference is no more than rounding."""
        return not amount or money.EXACT.abs(amount) <= self.of(leg)
