"""What may be asked of a book: a movement, an order that opens or closes, or an absolute statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.domain.movements import Movement


@dataclass(frozen=True, slots=True)
class Record:
    """A movement to be booked. `quantity` is the filled quantity of a fill, which releases what its order locked."""

    movement: Movement
    quantity: Decimal | None = None


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


Change: TypeAlias = Record | OrderOpened | OrderClosed | Statement
