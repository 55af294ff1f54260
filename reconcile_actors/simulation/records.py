"""What an account remembers: ledger rows, orders, fills, deposits and withdrawals. All frozen; a change is a new record."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from reconcile_actors.simulation.instruments import Pair
from reconcile_actors.simulation.money import ZERO, minus


class Side(StrEnum):
    """Which way an order trades the base asset."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """The two order types that are simulated."""

    LIMIT = "limit"
    MARKET = "market"


class OrderStatus(StrEnum):
    """Where an order stands, in the exchange's own words."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"


class FundingStatus(StrEnum):
    """Where a deposit or withdrawal stands, in the exchange's own words."""

    PENDING = "Pending"
    SUCCESS = "Success"
    FAILURE = "Failure"


class FundingKind(StrEnum):
    """The direction of money over the exchange's border."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One line of the exchange's books. The balance moves by `amount - fee`; `at` is Unix seconds."""

    id: str
    refid: str
    at: float
    type: str
    subtype: str
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade of one order. `fee` is stated in the quote asset; `fee_asset` and `fee_charged` say what was really taken."""

    id: str
    order_id: str
    counter_id: str
    number: int
    pair: Pair
    side: Side
    order_type: OrderType
    at: float
    price: Decimal
    volume: Decimal
    cost: Decimal
    fee: Decimal
    fee_asset: str
    fee_charged: Decimal
    maker: bool
    ledger_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One order as it stood after its last change; `hold` is what it locks of `hold_asset`."""

    id: str
    pair: Pair
    side: Side
    order_type: OrderType
    volume: Decimal
    price: Decimal | None
    fee_in_base: bool
    opened_at: float
    client_id: str | None = None
    user_reference: int | None = None
    status: OrderStatus = OrderStatus.OPEN
    executed: Decimal = ZERO
    cost: Decimal = ZERO
    fee: Decimal = ZERO
    hold: Decimal = ZERO
    closed_at: float | None = None
    reason: str | None = None
    fill_ids: tuple[str, ...] = ()

    @property
    def remaining(self) -> Decimal:
        """The base volume that is not yet filled."""
        return minus(self.volume, self.executed)

    @property
    def hold_asset(self) -> str:
        """A buy locks quote, a sell locks base."""
        return self.pair.quote if self.side is Side.BUY else self.pair.base


@dataclass(frozen=True, slots=True)
class Funding:
    """A deposit or a withdrawal. `amount` is what crosses the border; a withdrawal costs the account `amount + fee`."""

    refid: str
    kind: FundingKind
    asset: str
    amount: Decimal
    fee: Decimal
    at: float
    status: FundingStatus
    txid: str
    address: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class OrderOpened:
    """An order was accepted."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """An order traded."""

    fill: Fill


@dataclass(frozen=True, slots=True)
class OrderEnded:
    """An order was filled whole or canceled."""

    order: Order


@dataclass(frozen=True, slots=True)
class FundsMoved:
    """Money moved by something other than a trade; one row for each asset that moved."""

    rows: tuple[LedgerRow, ...]


Event = OrderOpened | OrderFilled | OrderEnded | FundsMoved
