"""What happens to a subaccount, as immutable records."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.simulation.dydx.markets import PerpetualMarket
from reconcile_actors.simulation.money import ZERO, minus, over, plus, times
from reconcile_actors.simulation.records import Side


@dataclass(frozen=True, slots=True)
class Stamp:
    """When: Unix seconds to the millisecond, and the block."""

    at: float
    height: int


@dataclass(frozen=True, slots=True)
class PerpFill:
    """One fill; `fee` is a cost, negative for a rebate, and what the order's builder takes comes on top of it.

    `type` is LIMIT, LIQUIDATED, DELEVERAGED ...
    """

    id: str
    order_id: str
    market: PerpetualMarket
    side: Side
    size: Decimal
    price: Decimal
    fee: Decimal
    maker: bool
    type: str
    stamp: Stamp
    builder_fee: Decimal = ZERO

    @property
    def costs(self) -> Decimal:
        """All that is paid for it."""
        return plus(self.fee, self.builder_fee)

    @property
    def signed_size(self) -> Decimal:
        """By how much the position moves."""
        return self.size if self.side is Side.BUY else self.size.copy_negate()

    @property
    def cash(self) -> Decimal:
        """By how much USDC moves: the whole notional the other way, less the fees."""
        return minus(times(self.signed_size, self.price).copy_negate(), self.costs)


@dataclass(frozen=True, slots=True)
class PerpTransfer:
    """USDC that came or went: from or to a wallet (DEPOSIT, WITHDRAWAL) or another subaccount (TRANSFER_IN, TRANSFER_OUT)."""

    id: str
    type: str
    size: Decimal
    other_address: str
    other_number: int | None
    transaction_hash: str
    stamp: Stamp

    @property
    def is_incoming(self) -> bool:
        """Whether the account gains."""
        return self.type in {"DEPOSIT", "TRANSFER_IN"}

    @property
    def cash(self) -> Decimal:
        """By how much USDC moves."""
        return self.size if self.is_incoming else self.size.copy_negate()


@dataclass(frozen=True, slots=True)
class FundingPayment:
    """What one position paid (negative) or got when its funding index moved. The exchange gives it no id."""

    market: PerpetualMarket
    size: Decimal
    oracle_price: Decimal
    rate: Decimal
    payment: Decimal
    stamp: Stamp


PerpEvent: TypeAlias = PerpFill | PerpTransfer | FundingPayment


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """A position since it was last flat. `index` is the funding index up to which it is settled."""

    market: PerpetualMarket
    size: Decimal
    index: Decimal
    opened: Stamp
    sum_open: Decimal = ZERO
    cost_open: Decimal = ZERO
    sum_close: Decimal = ZERO
    cost_close: Decimal = ZERO
    max_size: Decimal = ZERO
    settled_funding: Decimal = ZERO

    @property
    def entry_price(self) -> Decimal:
        """The average of what opened it."""
        return over(self.cost_open, self.sum_open)

    @property
    def exit_price(self) -> Decimal | None:
        """The average of what closed a part of it."""
        return over(self.cost_close, self.sum_close) if self.sum_close else None


@dataclass(frozen=True, slots=True)
class CashRow:
    """One change of USDC in the ledger of record: what moved it, and by how much."""

    kind: str
    reference: str
    amount: Decimal
    stamp: Stamp
