"""An adjustment: what the service posts to a book so that it agrees with the exchange again. Nothing is ever edited or deleted."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from reconcile_actors.domain.balances import Field


class Action(StrEnum):
    """What is done about a discrepancy. `BACKFILL` posts missed movements under the exchange's own ids, `ADOPT` one
    compensating entry that stands in suspense; `HOLD` leaves it to a person."""

    BACKFILL = "backfill"
    ADOPT = "adopt"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class AdjustmentLine:
    """One amount of an adjustment, signed: what one leg of the book gains.

    `id` is the exchange's id of the movement that was missed, None for a remainder that nothing explains. `type` is the
    movement's type (`fill`, `fee`, `transfer`, ... or `adjustment`). `currency` holds the symbol where `field` is `position`.
    """

    id: str | None
    type: str
    wallet: str
    currency: str
    field: Field
    amount: Decimal
    occurred_at: int | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Posted, or proposed while `posted_at` is None (UTC us). The id is derived from the discrepancies and their episodes (I10):
    posting it twice is posting it once. `decided_by` is `policy`, or who ordered it."""

    id: str
    exchange: str
    action: Action
    discrepancies: tuple[str, ...]
    lines: tuple[AdjustmentLine, ...]
    reason: str
    decided_by: str = "policy"
    posted_at: int | None = None
