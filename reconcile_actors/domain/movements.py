"""One entry of the book: something that moved value, with the exchange's own id and its signed effects.

A movement's key is (exchange, wallet, type, symbol or currency, id, order_id, side); parts that one side omits match
anything. Its content is the numeric signed effect; times, formatting and counterparty are not content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.settlement import Settlement

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MovementType(StrEnum):
    """What moved value. `STATEMENT` is an absolute restatement; `ORDER` moves only what is locked."""

    FILL = "fill"
    FEE = "fee"
    TRANSFER = "transfer"
    FUNDING = "funding"
    REWARD = "reward"
    ADJUSTMENT = "adjustment"
    STATEMENT = "statement"
    ORDER = "order"


Effects = Mapping[Leg, Decimal]


@dataclass(frozen=True, slots=True)
class Movement:
    """`instrument` is the symbol of a fill or funding, else the currency. `occurred_at` is the movement's own time (UTC us)."""

    exchange: str
    wallet: str
    type: MovementType
    id: str | None
    effects: Effects = field(hash=False)
    instrument: str | None = None
    order_id: str | None = None
    side: str | None = None
    occurred_at: int | None = None
    pending: bool = False

    @property
    def name(self) -> str:
        """The exchange's id; where it gives none, what tells the entry from others of its kind: when it happened."""
        if self.id is not None:
            return self.id
        at = "" if self.occurred_at is None else (_EPOCH + timedelta(microseconds=self.occurred_at)).isoformat()
        return f"{self.type}:{self.instrument or ''}@{at}"

    def key_text(self) -> str:
        """The key as one line, for people and for stores; unambiguous because parts are joined by a control character."""
        parts = (self.exchange, self.wallet, self.type, self.instrument, self.name, self.order_id, self.side)
        return "\x1f".join("" if part is None else part for part in parts)


def latest_of(own_time: int) -> int:
    """The latest instant that an own time may stand for (UTC us): whole seconds are all that some exchanges tell."""
    return own_time if own_time % 1_000_000 else own_time + 999_999


def same_key(left: Movement, right: Movement) -> bool:
    """Whether two movements with an id are one and the same event; an omitted part matches anything."""
    if left.id is None or left.id != right.id:
        return False
    if (left.exchange, left.wallet, left.type) != (right.exchange, right.wallet, right.type):
        return False
    pairs = ((left.instrument, right.instrument), (left.order_id, right.order_id), (left.side, right.side))
    return all(a is None or b is None or a == b for a, b in pairs)


def same_content(left: Effects, right: Effects) -> bool:
    """Whether two movements move the same value: locks aside, because they follow from orders and not from the event."""
    return value_of(left) == value_of(right)


def likeness(one: Movement) -> tuple[str, MovementType, str | None, frozenset[tuple[Leg, Decimal]]]:
    """What must be equal of one event where the exchange gives no id: wallet, type, symbol or currency, and what it moves."""
    return one.wallet, one.type, one.instrument, frozenset(value_of(one.effects).items())


def apart_us(left: Movement, right: Movement) -> int:
    """How far two own times lie apart; a part that one side omits matches anything."""
    if left.occurred_at is None or right.occurred_at is None:
        return 0
    return abs(left.occurred_at - right.occurred_at)


def has_value(effects: Effects) -> bool:
    """Whether anything but locks moves."""
    return bool(value_of(effects))


def value_of(effects: Effects) -> dict[Leg, Decimal]:
    """What moves value: locks left out, and what is zero."""
    return {leg: amount for leg, amount in effects.items() if amount and leg.field is not Field.LOCKED}


def merge(*many: Effects) -> dict[Leg, Decimal]:
    """The sum of effects, leg by leg; legs that cancel out are left out."""
    total: dict[Leg, Decimal] = {}
    for effects in many:
        for leg, amount in effects.items():
            total[leg] = money.add(total.get(leg, money.ZERO), amount)
    return {leg: amount for leg, amount in total.items() if amount}


def fill_effects(
    wallet: str,
    symbol: str,
    side: str,
    quantity: Decimal,
    price: Decimal,
    *,
    fee_currency: str | None = None,
    fee: Decimal | None = None,
    cost: Decimal | None = None,
    settlement: Settlement = Settlement.APART,
) -> dict[Leg, Decimal]:
    """What a fill moves. Spot (`BTC/USDT`): base against quote. Contract (`BTC/USDC:USDC`): the position; cash as `settlement` says.

    `cost` is the quote amount where the exchange states it, else quantity x price. `fee` is a cost, negative for a rebate.
    """
    sign = Decimal(1) if side == "buy" else Decimal(-1)
    signed = money.multiply(sign, quantity)
    spent = money.multiply(sign, cost if cost is not None else money.multiply(quantity, price))
    market, is_contract, settled_in = symbol.partition(":")
    parts: list[Effects] = []
    if is_contract:
        parts.append({Leg(wallet, symbol, Field.POSITION): signed})
        if settlement is Settlement.NOTIONAL:
            parts.append({Leg(wallet, settled_in, Field.TOTAL): money.negate(spent)})
    else:
        base, quote = market.split("/", 1)
        parts.append({Leg(wallet, base, Field.TOTAL): signed})
        parts.append({Leg(wallet, quote, Field.TOTAL): money.negate(spent)})
    if fee_currency is not None and fee is not None:
        parts.append({Leg(wallet, fee_currency, Field.TOTAL): money.negate(fee)})
    return merge(*parts)
