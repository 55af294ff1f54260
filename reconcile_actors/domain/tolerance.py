"""How far two sides may differ by rounding alone: max(precision step, rounding x operations), from the last exact anchor.

The count of operations is bounded, so that small remainders cannot leak for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg

BUDGET_OPERATIONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Tolerances:
    """`steps` is the smallest amount the exchange's text can show, by currency; without one nothing is tolerated.

    An operation (a fill's cost, a fee) may each be rounded by half a step on the exchange's side, so a fill by one step.
    """

    steps: Mapping[str, Decimal]
    operations: Mapping[Leg, int]
    reserves: Mapping[Leg, Decimal]
    fee_reserve: Decimal = money.ZERO

    def of(self, leg: Leg) -> Decimal:
        """The tolerance of one leg, never negative."""
        count = min(self.operations.get(leg, 0), BUDGET_OPERATIONS)
        step = self.steps.get(leg.currency)
        rounding = money.multiply(step, Decimal(count)) if step is not None and count else money.ZERO
        if leg.field is not Field.LOCKED:
            return rounding
        return money.add(rounding, money.multiply(self.reserves.get(leg, money.ZERO), self.fee_reserve))
