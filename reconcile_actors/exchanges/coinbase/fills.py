"""Fills of Advanced Trade: https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api/orders/list-fills.

A fill's id is its `trade_id`, as ccxt gives it. Its commission is in the quote currency; where `size_in_quote` says so, its
size is what was spent or received, and the base amount follows from the price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal
from typing import Final

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.exchanges.coinbase.codes import is_derivative, symbol_of
from reconcile_actors.exchanges.coinbase.fields import (
    amount_of,
    answer_of,
    distrusted,
    id_of,
    instant_of,
    rows_of,
    text_of,
)
from reconcile_actors.exchanges.coinbase.wallets import SPOT

_SIDES: Final[Mapping[str, str]] = {"BUY": "buy", "SELL": "sell"}
# ccxt divides to 18 decimals and cuts; a trading process that reports ccxt's amounts reports these.
_QUOTIENT: Final = Context(prec=200, rounding=ROUND_DOWN)
_UNIT: Final = Decimal("1e-18")


@dataclass(frozen=True, slots=True)
class FillsPage:
    """One page: its fills as movements by the exchange's entry id, every order named on it, and the next page's cursor."""

    movements: Mapping[str, Movement]
    orders: frozenset[str]
    cursor: str | None


def read_fills(exchange: str, content: object) -> FillsPage:
    """A page of fills. Raises ExchangeFailureError (bad_data) for anything that is not wholly understood."""
    answer = answer_of(content)
    rows, cursor = rows_of(answer, "fills"), text_of(answer, "cursor")
    movements: dict[str, Movement] = {}
    for row in rows:
        movement = _movement(exchange, row)
        entry = id_of(row, "entry_id")
        if entry in movements:
            raise distrusted("fill_twice")
        if movement is not None:
            movements[entry] = movement
    return FillsPage(movements, frozenset(text_of(row, "order_id") for row in rows), cursor or None)


def _movement(exchange: str, row: dict[str, object]) -> Movement | None:
    """None for a fill of a future or perpetual: it settles in a portfolio of its own."""
    product = text_of(row, "product_id")
    if is_derivative(product):
        return None
    symbol, side = symbol_of(product), _SIDES.get(text_of(row, "side"))
    if symbol is None or side is None or text_of(row, "trade_type") != "FILL":
        raise distrusted("fill_kind")  # a reversal or correction, say: what it moves is not stated
    return Movement(
        exchange=exchange,
        wallet=SPOT,
        type=MovementType.FILL,
        id=id_of(row, "trade_id"),
        effects=_effects(row, symbol, side),
        instrument=symbol,
        order_id=id_of(row, "order_id"),
        side=side,
        occurred_at=instant_of(row, "trade_time"),
    )


def _effects(row: dict[str, object], symbol: str, side: str) -> dict[Leg, Decimal]:
    price, size, in_quote = amount_of(row, "price"), amount_of(row, "size"), row.get("size_in_quote")
    if not isinstance(in_quote, bool) or price <= 0 or size < 0:
        raise distrusted("fill_amount")
    quantity = _QUOTIENT.divide(size, price).quantize(_UNIT, context=_QUOTIENT) if in_quote else size
    effects = fill_effects(
        SPOT,
        symbol,
        side,
        quantity,
        price,
        fee_currency=symbol.partition("/")[2],
        fee=amount_of(row, "commission"),
        cost=size if in_quote else None,
    )
    assert all(leg.field is Field.TOTAL for leg in effects)  # spot: a fill moves balances alone
    return effects
