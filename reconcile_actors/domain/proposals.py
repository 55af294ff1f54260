"""What a book answers to a change that is asked of it, and the parts of the answer that need no book."""

from dataclasses import dataclass, replace
from decimal import Decimal

from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Statement
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.orders import Order, Orders, OrderStep, StepKind
from reconcile_actors.domain.statements import Told, digest


@dataclass(frozen=True, slots=True)
class Recording:
    """A change that may be committed as the next version, with the state that it leads to."""

    version: int
    movement: Movement
    change: Change
    recorded_at: int
    order: tuple[str, Order] | None = None
    step: OrderStep | None = None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The book has it already; it counts once."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The book cannot take it: `reason` is a constant word; `conflict` asks that the account become unknown until settled."""

    reason: str
    conflict: bool = False


def refuse_opening(orders: Orders, change: OrderOpened) -> Duplicate | Refusal | None:
    """Why an order's opening is not recorded, if it is not. An order is opened once."""
    known = orders.get(change.order_id)
    if known is None or known.quantity is None:
        return Refusal("too_many_orders") if orders.is_full else None
    same = (known.currency, known.quantity, known.lock_per_unit, known.is_buy) == (
        change.currency,
        change.quantity,
        change.lock_per_unit,
        change.is_buy,
    )
    return Duplicate() if same else Refusal("order_differs")


def refuse_statement(last: Told | None, forgotten_at: int | None, change: Statement) -> Duplicate | Refusal | None:
    """Why a statement is not recorded, if it is not. `last` is the one before of its kind; what happened up to `forgotten_at`
    is no longer known one by one."""
    through = change.includes_through
    if last is not None and last.version is not None and change.version is not None:
        if change.version < last.version:
            return Refusal("older_version")
        if change.version == last.version:
            return Duplicate() if last.digest == digest(change) else Refusal("version_reused")
    if through is None:
        return None
    if last is not None and last.includes_through is not None and through < last.includes_through:
        return Refusal("includes_less")  # what came late was left out of the book, and would now be lost
    if forgotten_at is not None and through < forgotten_at:
        return Refusal("includes_too_little")  # what must stay on top of the statement is no longer known
    return None


def order_after(orders: Orders, change: Change) -> tuple[str, Order] | None:
    """The order that a change touches, as it is afterwards."""
    match change:
        case Record(movement=Movement(order_id=str() as order_id, wallet=wallet), quantity=Decimal() as quantity):
            return order_id, orders.filled(order_id, wallet, quantity)
        case OrderOpened():
            opened = replace(
                orders.get(change.order_id) or Order(change.wallet),
                currency=change.currency,
                quantity=change.quantity,
                lock_per_unit=change.lock_per_unit,
                is_buy=change.is_buy,
            )
            return change.order_id, opened
        case OrderClosed():
            return change.order_id, replace(orders.get(change.order_id) or Order(change.wallet), closed=True)
        case _:
            return None


def step_of(change: Change) -> OrderStep | None:
    """What a change says of an order."""
    match change:
        case Record(movement=Movement(order_id=str() as order_id), quantity=Decimal() as quantity):
            return OrderStep(order_id, StepKind.FILL, quantity)
        case OrderOpened(order_id=order_id):
            return OrderStep(order_id, StepKind.OPEN)
        case OrderClosed(order_id=order_id):
            return OrderStep(order_id, StepKind.CLOSE)
        case _:
            return None
