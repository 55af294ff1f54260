"""What an account holds: balances a wallet and signed positions. A leg that nobody stated is None, never 0 (I1)."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Field(StrEnum):
    """What of a currency or symbol is compared. `MOVEMENT` is an id that one side lacks, where balances agree."""

    TOTAL = "total"
    AVAILABLE = "available"
    LOCKED = "locked"
    BORROWED = "borrowed"
    POSITION = "position"
    MOVEMENT = "movement"


class Leg(NamedTuple):
    """One comparable quantity. `currency` holds the symbol where `field` is `position`."""

    wallet: str
    currency: str
    field: Field


@dataclass(frozen=True, slots=True)
class Balance:
    """One currency in one wallet. `total = available + locked` where all three are stated; debt is not netted."""

    currency: str
    total: Decimal | None
    available: Decimal | None = None
    locked: Decimal | None = None
    borrowed: Decimal | None = None
    wallet: str = "spot"


@dataclass(frozen=True, slots=True)
class Position:
    """A derivative position: `quantity` is positive when long, negative when short, in the contract's base units."""

    symbol: str
    quantity: Decimal
    wallet: str = "spot"
    entry_price: Decimal | None = None
