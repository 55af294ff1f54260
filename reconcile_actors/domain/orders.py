"""Open orders as the trading process reports them, and how much each still locks.

Reports may come in any order: a fill or a close may be told before the order's opening. What an order locks therefore
follows from the set of its reports alone, so that the state without some of them can be told at any time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg

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
    def leg(self) -> Leg | None:
        """The leg that the order locks, where that was told."""
        return None if self.currency is None else Leg(self.wallet, self.currency, Field.LOCKED)

    @property
    def locks(self) -> Decimal:
        """How much of `currency` the order locks now."""
        if self.closed or self.quantity is None:
            return money.ZERO
        remaining = max(money.subtract(self.quantity, self.filled), money.ZERO)
        return money.multiply(remaining, self.lock_per_unit)


class StepKind(StrEnum):
    """What a report says of an order."""

    OPEN = "open"
    FILL = "fill"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class OrderStep:
    """One report of an order, as a recent version remembers it. `quantity` is what a fill filled."""

    order_id: str
    kind: StepKind
    quantity: Decimal = money.ZERO


def without(order: Order, steps: Iterable[OrderStep]) -> Order:
    """The order as if these of its reports had not been told."""
    quantity, filled, closed = order.quantity, order.filled, order.closed
    for step in steps:
        match step.kind:
            case StepKind.OPEN:
                quantity = None
            case StepKind.FILL:
                filled = money.subtract(filled, step.quantity)
            case StepKind.CLOSE:
                closed = False
    return replace(order, quantity=quantity, filled=filled, closed=closed)


@dataclass(slots=True)
class Orders:
    """The orders of one account; those that lock nothing are forgotten first when there are too many (I12)."""

    _orders: dict[str, Order] = field(default_factory=dict)
    _locking: dict[str, Order] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        self._locking = {key: one for key, one in self._orders.items() if one.locks}

    def get(self, order_id: str) -> Order | None:
        """The order as known."""
        return self._orders.get(order_id)

    def put(self, order_id: str, order: Order) -> None:
        """Remembers the order's newest state."""
        self._orders.pop(order_id, None)  # to the end: the longest unchanged stand first
        self._orders[order_id] = order
        if order.locks:
            self._locking[order_id] = order
        else:
            self._locking.pop(order_id, None)
        if len(self._orders) > ORDERS_MAX:
            del self._orders[next(key for key in self._orders if key not in self._locking)]

    @property
    def is_full(self) -> bool:
        """Whether no further order may be opened: every one known locks something, and none may be forgotten."""
        return len(self._locking) >= ORDERS_MAX

    def items(self) -> list[tuple[str, Order]]:
        """All orders, the longest unchanged first."""
        return list(self._orders.items())

    def locking(self) -> list[Order]:
        """The orders that lock something now."""
        return list(self._locking.values())

    def filled(self, order_id: str, wallet: str, quantity: Decimal) -> Order:
        """The order after a further fill."""
        order = self._orders.get(order_id) or Order(wallet)
        return replace(order, filled=money.add(order.filled, quantity))
