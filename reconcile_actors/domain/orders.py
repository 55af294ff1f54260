"""Open orders as the trading process reports them, and how much each still locks.

Reports may come in any order: a fill or a close may be told before the order's opening.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money

ORDERS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Order:
    """`quantity` is None until the opening was told."""

    wallet: str
    currency: str | None = None
    quantity: Decimal | None = None
    lock_per_unit: Decimal = money.ZERO
    is_buy: bool = False
    filled: Decimal = money.ZERO
    closed: bool = False

    @property
    def locks(self) -> Decimal:
        """How much of `currency` the order locks now."""
        if self.closed or self.quantity is None:
            return money.ZERO
        remaining = max(money.subtract(self.quantity, self.filled), money.ZERO)
        return money.multiply(remaining, self.lock_per_unit)


class Orders:
    """The orders of one account; closed ones are forgotten first when there are too many (I12)."""

    def __init__(self, orders: dict[str, Order] | None = None) -> None:
        self._orders: OrderedDict[str, Order] = OrderedDict(orders or {})

    def get(self, order_id: str) -> Order | None:
        """The order as known."""
        return self._orders.get(order_id)

    def put(self, order_id: str, order: Order) -> None:
        """Remembers the order's newest state."""
        self._orders[order_id] = order
        self._orders.move_to_end(order_id)
        if len(self._orders) > ORDERS_MAX:
            gone = next((key for key, one in self._orders.items() if not one.locks), next(iter(self._orders)))
            del self._orders[gone]

    def items(self) -> list[tuple[str, Order]]:
        """All orders, the longest unchanged first."""
        return list(self._orders.items())

    def values(self) -> list[Order]:
        """All orders as known."""
        return list(self._orders.values())

    def filled(self, order_id: str, wallet: str, quantity: Decimal) -> Order:
        """The order after a further fill."""
        order = self._orders.get(order_id) or Order(wallet)
        return replace(order, filled=money.add(order.filled, quantity))
