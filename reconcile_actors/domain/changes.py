"""What may be asked of a book: a movement, an order that opens or closes, or an absolute statement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.domain.movements import Movement


@dataclass(frozen=True, slots=True)
class Record:
    """A movement to be booked. `quantity` is the filled quantity of a fill, which releases what its order locked.

    `posted` is set where the service books it from the exchange's history, and not because it was reported.
    """

    movement: Movement
    quantity: Decimal | None = None
    posted: "Posted | None" = None


@dataclass(frozen=True, slots=True)
class Posted:
    """Of which adjustment (its id) a posting is a line. `steps` holds the smallest amount that the exchange shows of each
    currency that a movement touches: a late report of it may differ by rounding."""

    adjustment: str
    steps: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compensation:
    """An entry that no event at the exchange stands behind. With `cut_at` (UTC us) it is adopted into suspense, as of that
    instant; without it is a counter entry, which takes out of suspense what another movement explains."""

    movement: Movement
    adjustment: str
    cut_at: int | None = None


@dataclass(frozen=True, slots=True)
class OrderOpened:
    """An order that locks `quantity x lock_per_unit` of `currency`."""

    wallet: str
    order_id: str
    currency: str
    quantity: Decimal
    lock_per_unit: Decimal
    is_buy: bool
    occurred_at: int | None = None


@dataclass(frozen=True, slots=True)
class OrderClosed:
    """An order that is gone."""

    wallet: str
    order_id: str
    occurred_at: int | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """What a statement says of one currency; None is not stated."""

    total: Decimal
    locked: Decimal | None = None
    borrowed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole wallet, absolutely. Exactly one of `balances` and `positions` is given: what it does not list is zero.

    `version` is the trading process's own; None for an import, which has none and follows any. `as_of` is the instant that
    it speaks of (UTC us).
    """

    wallet: str
    version: int | None
    as_of: int
    balances: Mapping[str, Stated] | None = None
    positions: Mapping[str, Decimal] | None = None
    includes_through: int | None = None


Change: TypeAlias = Record | Compensation | OrderOpened | OrderClosed | Statement
