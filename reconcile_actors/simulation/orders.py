"""Orders that lock funds, and the fills that move them."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_UP, Decimal
from operator import attrgetter

from reconcile_actors.simulation.books import Books
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.instruments import KRAKEN, Catalogue, Pair
from reconcile_actors.simulation.ledger import Entry, InsufficientFundsError
from reconcile_actors.simulation.money import ZERO, fits, minus, plus, rounded, times
from reconcile_actors.simulation.records import (
    Fill,
    Order,
    OrderEnded,
    OrderFilled,
    OrderOpened,
    OrderStatus,
    OrderType,
    Side,
)

_AT = attrgetter("at")
TAKER_RATE = Decimal("0.0026")
MAKER_RATE = Decimal("0.0016")


class UnknownOrderError(LookupError):
    """No open order has that id."""


class InvalidOrderError(ValueError):
    """The order breaks a rule of its market; the text names the argument."""


class OrderDesk(Books):
    """`orders` holds every order by id as it stands now; `fills` is append-only. Both are oldest first."""

    taker_rate = TAKER_RATE
    maker_rate = MAKER_RATE

    def __init__(self, name: str, *, clock: Callable[[], float], mint: IdMint, catalogue: Catalogue = KRAKEN) -> None:
        """As `Books`."""
        super().__init__(name, clock=clock, mint=mint, catalogue=catalogue)
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self._fill_positions: dict[str, int] = {}
        self._open_ids: dict[str, None] = {}

    def place(
        self,
        pair: str,
        side: str,
        volume: Decimal,
        price: Decimal | None = None,
        *,
        fee_in_base: bool = False,
        client_id: str | None = None,
        user_reference: int | None = None,
    ) -> Order:
        """Accepts an order: with a price a limit order, which locks funds until it ends; without one a market order.

        A market order locks nothing and is meant to be filled at once. Raises `InvalidOrderError`, `InsufficientFundsError`.
        """
        market = self.catalogue.pair(pair)
        _require_valid(market, volume, price)
        with self.lock:
            order = self._held(
                Order(
                    id=self._mint.short("O"),
                    pair=market,
                    side=Side(side),
                    order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
                    volume=volume,
                    price=price,
                    fee_in_base=fee_in_base,
                    opened_at=self.now(),
                    client_id=client_id,
                    user_reference=user_reference,
                )
            )
            self.orders[order.id] = order
            self._open_ids[order.id] = None
            self.events.append(OrderOpened(order))
            return order

    def fill(self, order_id: str, volume: Decimal, price: Decimal, *, maker: bool = True) -> Fill:
        """Fills an open order in part or whole: two rows under the trade's id; the fee stands on the row of its asset.

        Raises `UnknownOrderError`, `InvalidOrderError` where `volume` is not within what remains, `InsufficientFundsError`.
        """
        with self.lock:
            order = self.open_order(order_id)
            if not ZERO < volume <= order.remaining or not fits(volume, order.pair.lot_decimals):
                raise InvalidOrderError("volume")
            fill = self._priced(order, volume, price, maker=maker)
            after = replace(
                order,
                executed=plus(order.executed, volume),
                cost=plus(order.cost, fill.cost),
                fee=plus(order.fee, fill.fee),
                fill_ids=(*order.fill_ids, fill.id),
            )
            after = replace(after, hold=self._hold_of(after))
            release = {order.hold_asset: minus(after.hold, order.hold)}
            rows = self.ledger.apply(fill.at, fill.id, _trade_entries(fill), release)
            fill = replace(fill, ledger_ids=tuple(row.id for row in rows))
            self.orders[order_id] = after
            self._fill_positions[fill.id] = len(self.fills)
            self.fills.append(fill)
            self.events.append(OrderFilled(fill))
            if after.remaining == ZERO:
                self._end(after, OrderStatus.CLOSED, None)
            return fill

    def cancel(self, order_id: str, *, reason: str = "User requested") -> Order:
        """Ends an open order and frees what it locks; raises `UnknownOrderError`."""
        with self.lock:
            order = self.open_order(order_id)
            self.ledger.apply(self.now(), order_id, (), {order.hold_asset: order.hold.copy_negate()})
            return self._end(replace(order, hold=ZERO), OrderStatus.CANCELED, reason)

    def open_order(self, order_id: str) -> Order:
        """The open order with that id; raises `UnknownOrderError`."""
        if order_id not in self._open_ids:
            raise UnknownOrderError(order_id)
        return self.orders[order_id]

    def open_orders(self) -> list[Order]:
        """Open orders, oldest first."""
        with self.lock:
            return [self.orders[order_id] for order_id in self._open_ids]

    def fill_by_id(self, fill_id: str) -> Fill | None:
        """The fill with that trade id."""
        position = self._fill_positions.get(fill_id)
        return None if position is None else self.fills[position]

    def fills_between(self, after: float | str | None = None, until: float | str | None = None) -> list[Fill]:
        """The fills after one instant or trade id (exclusive) up to another (inclusive), oldest first; KeyError for no such id."""
        with self.lock:
            first = 0 if after is None else self._end_of(after)
            last = len(self.fills) if until is None else self._end_of(until)
            return self.fills[first:last]

    def _end_of(self, bound: float | str) -> int:
        if isinstance(bound, str):
            return self._fill_positions[bound] + 1
        return bisect_right(self.fills, bound, key=_AT)

    def _held(self, order: Order) -> Order:
        """The order with its hold booked. A buy must also be able to pay its fee, though the fee is not held."""
        hold = self._hold_of(order)
        if order.order_type is OrderType.MARKET:
            return order
        needed = hold
        if order.side is Side.BUY and not order.fee_in_base:
            needed = plus(hold, rounded(times(hold, self.taker_rate), self._decimals(order.pair.quote), ROUND_UP))
        if needed > self.ledger.available(order.hold_asset):
            raise InsufficientFundsError(order.hold_asset)
        self.ledger.apply(order.opened_at, order.id, (), {order.hold_asset: hold})
        return replace(order, hold=hold)

    def _priced(self, order: Order, volume: Decimal, price: Decimal, *, maker: bool) -> Fill:
        pair, rate = order.pair, self.maker_rate if maker else self.taker_rate
        cost = rounded(times(price, volume), self._decimals(pair.quote))
        fee = rounded(times(cost, rate), self._decimals(pair.quote))
        fee_asset, charged = self._charge(order, volume, cost, rate)
        return Fill(
            id=self._mint.short("T"),
            order_id=order.id,
            counter_id=self._mint.short("T"),
            number=len(self.fills) + 1,
            pair=pair,
            side=order.side,
            order_type=order.order_type,
            at=self.now(),
            price=price,
            volume=volume,
            cost=cost,
            fee=fee,
            fee_asset=fee_asset,
            fee_charged=charged,
            maker=maker,
            ledger_ids=(),
        )

    def _charge(self, order: Order, volume: Decimal, cost: Decimal, rate: Decimal) -> tuple[str, Decimal]:
        """Which asset a fill's fee is taken in, and how much of it."""
        asset, amount = (order.pair.base, volume) if order.fee_in_base else (order.pair.quote, cost)
        return asset, rounded(times(amount, rate), self._decimals(asset))

    def _hold_of(self, order: Order) -> Decimal:
        """What the rest of a limit order locks: its cost at the limit for a buy, its volume for a sell."""
        if order.price is None:
            return ZERO
        if order.side is Side.SELL:
            return order.remaining
        return rounded(times(order.remaining, order.price), self._decimals(order.pair.quote), ROUND_UP)

    def _decimals(self, asset: str) -> int:
        return self.catalogue.asset(asset).decimals

    def _end(self, order: Order, status: OrderStatus, reason: str | None) -> Order:
        ended = replace(order, status=status, reason=reason, closed_at=self.now())
        self.orders[order.id] = ended
        del self._open_ids[order.id]
        self.events.append(OrderEnded(ended))
        return ended


def _require_valid(pair: Pair, volume: Decimal, price: Decimal | None) -> None:
    if not fits(volume, pair.lot_decimals) or volume <= ZERO:
        raise InvalidOrderError("volume")
    if volume < pair.order_minimum:
        raise InvalidOrderError("minimum")
    if price is not None and (not fits(price, pair.price_decimals) or price <= ZERO):
        raise InvalidOrderError("price")


def _trade_entries(fill: Fill) -> tuple[Entry, ...]:
    base_sign, quote_sign = (1, -1) if fill.side is Side.BUY else (-1, 1)
    pair = fill.pair
    sides = (
        Entry(
            pair.base,
            times(fill.volume, Decimal(base_sign)),
            "trade",
            fee=fill.fee_charged if fill.fee_asset == pair.base else ZERO,
        ),
        Entry(
            pair.quote,
            times(fill.cost, Decimal(quote_sign)),
            "trade",
            fee=fill.fee_charged if fill.fee_asset == pair.quote else ZERO,
        ),
    )
    if fill.fee_asset in {pair.base, pair.quote}:
        return sides
    return (*sides, Entry(fill.fee_asset, ZERO, "trade", fee=fill.fee_charged))
