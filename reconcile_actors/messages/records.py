"""What the trading process reports of itself: movements, orders, statements and how far it has reported.

Signed amounts are positive when the account gains; `fee` is a cost, negative for a rebate. `occurred_at` is the
movement's own time at the exchange.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from reconcile_actors.messages.base import (
    Amount,
    Currency,
    ExchangeId,
    ExchangeMessage,
    Part,
    PositiveAmount,
    Record,
    Symbol,
    UnsignedAmount,
    Utc,
)

Side = Literal["buy", "sell"]


class RecordFill(Record):
    """One fill of an order. `cost` is the quote amount where the exchange states it, else quantity x price."""

    id: ExchangeId
    symbol: Symbol
    side: Side
    quantity: PositiveAmount
    price: UnsignedAmount
    cost: UnsignedAmount | None = None
    order_id: ExchangeId | None = None
    fee_currency: Currency | None = None
    fee: Amount | None = None
    occurred_at: Utc | None = None

    @model_validator(mode="after")
    def _fee_is_whole(self) -> "RecordFill":
        if (self.fee is None) != (self.fee_currency is None):
            raise ValueError("fee and fee_currency go together: give both or neither")
        return self


class _Movement(Record):
    """A signed amount of one currency."""

    id: ExchangeId
    currency: Currency
    amount: Amount
    occurred_at: Utc | None = None


class RecordFee(_Movement):
    """A fee booked by itself (negative) or a rebate (positive)."""

    order_id: ExchangeId | None = None


class RecordTransfer(_Movement):
    """A deposit, withdrawal or transfer, as this account sees it."""

    counterparty: str | None = Field(default=None, max_length=128)


class RecordFunding(_Movement):
    """A funding payment of a perpetual."""

    symbol: Symbol


class RecordReward(_Movement):
    """Staking, earn or referral income."""


class OpenOrder(Record):
    """An order that now locks funds: quote for a buy, base for a sell."""

    order_id: ExchangeId
    symbol: Symbol
    side: Side
    quantity: PositiveAmount
    price: UnsignedAmount
    occurred_at: Utc | None = None


class CloseOrder(Record):
    """An order that is gone; what it still locked is free."""

    order_id: ExchangeId
    occurred_at: Utc | None = None


class StatedBalance(Part):
    """One currency of a statement. A leg left out is not stated, which is not zero."""

    currency: Currency
    total: Amount
    available: Amount | None = None
    locked: UnsignedAmount | None = None
    borrowed: UnsignedAmount | None = None


class StatedPosition(Part):
    """One signed position of a statement."""

    symbol: Symbol
    quantity: Amount


# strict: "7", true and 7.0 are no version, and a guess at one would take a place in the order for good
Version = Annotated[int, Field(ge=0, lt=2**53, strict=True)]


class SetBalances(Record):
    """The whole wallet, absolutely: a currency that is not listed is zero. `version` is the trading process's own and never falls.

    It includes everything recorded before it or, with `includes_through`, exactly the movements with own time up to that. An
    opening that was read from the exchange bears null: it takes no place in the trading process's order of versions.
    """

    version: Version | None
    balances: tuple[StatedBalance, ...]
    as_of: Utc | None = None
    includes_through: Utc | None = None

    @model_validator(mode="after")
    def _each_once(self) -> "SetBalances":
        if len({one.currency for one in self.balances}) != len(self.balances):
            raise ValueError("a currency is stated twice: state each once")
        return self


class SetPositions(Record):
    """Every position of the wallet, absolutely: a symbol that is not listed is flat. For its `version` see `SetBalances`."""

    version: Version | None
    positions: tuple[StatedPosition, ...]
    as_of: Utc | None = None
    includes_through: Utc | None = None

    @model_validator(mode="after")
    def _each_once(self) -> "SetPositions":
        if len({one.symbol for one in self.positions}) != len(self.positions):
            raise ValueError("a symbol is stated twice: state each once")
        return self


class LocalWatermark(ExchangeMessage):
    """The trading process has reported everything of this account up to `through`."""

    through: Utc


RECORDS: tuple[type[ExchangeMessage], ...] = (
    RecordFill,
    RecordFee,
    RecordTransfer,
    RecordFunding,
    RecordReward,
    OpenOrder,
    CloseOrder,
    SetBalances,
    SetPositions,
    LocalWatermark,
)
AnyRecord = (
    RecordFill
    | RecordFee
    | RecordTransfer
    | RecordFunding
    | RecordReward
    | OpenOrder
    | CloseOrder
    | SetBalances
    | SetPositions
    | LocalWatermark
)
