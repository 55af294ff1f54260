"""Absolute statements: what a wallet is told to hold, and what of the book stays on top of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.changes import Statement
from reconcile_actors.domain.movements import Effects, merge
from reconcile_actors.domain.orders import Orders, OrderStep, without
from reconcile_actors.domain.window import Entry

BALANCES = "balances"
POSITIONS = "positions"


@dataclass(slots=True)
class Told:
    """The last statement of one kind of a wallet: the trading process's version, what it says and how far it reaches."""

    version: int | None
    as_of: int
    digest: str
    includes_through: int | None = None
    recorded_at: int = 0


def kind_of(change: Statement) -> str:
    """Which kind of statement it is: a wallet has one of each."""
    return POSITIONS if change.positions is not None else BALANCES


def kind_for(leg: Leg) -> str:
    """The kind of statement that speaks of a leg."""
    return POSITIONS if leg.field is Field.POSITION else BALANCES


def restatement(change: Statement, legs: Mapping[Leg, Decimal], kept: Effects) -> dict[Leg, Decimal]:
    """From what the book holds to what is stated, leg by leg. `kept` is what the statement does not include: it stays on top."""
    targets: dict[Leg, Decimal | None] = {}
    if change.positions is not None:
        for leg in legs:
            if leg.wallet == change.wallet and leg.field is Field.POSITION:
                targets[leg] = money.ZERO
        for symbol, quantity in change.positions.items():
            targets[Leg(change.wallet, symbol, Field.POSITION)] = quantity
    else:
        for leg in legs:
            if leg.wallet == change.wallet and leg.field is Field.TOTAL:
                targets[leg] = money.ZERO
        for currency, stated in (change.balances or {}).items():
            targets[Leg(change.wallet, currency, Field.TOTAL)] = stated.total
        targets.update(optional(change, legs))
    for leg in kept:
        if leg.wallet == change.wallet and kind_for(leg) == kind_of(change) and leg.field not in _OPTIONAL:
            targets.setdefault(leg, money.ZERO)
    effects = {
        leg: money.subtract(money.add(target, kept.get(leg, money.ZERO)), legs.get(leg, money.ZERO))
        for leg, target in targets.items()
        if target is not None
    }
    return {leg: amount for leg, amount in effects.items() if amount}


_OPTIONAL = frozenset({Field.LOCKED, Field.BORROWED})


def optional(change: Statement, legs: Iterable[Leg]) -> dict[Leg, Decimal | None]:
    """Every leg of the wallet that may be left unstated, as the statement leaves it: its value, or None where it is not known.

    A field that is stated of any currency is stated of the whole wallet: then what is not listed is 0.
    """
    if change.balances is None:
        return {}
    held = [leg for leg in legs if leg.wallet == change.wallet]
    stated = dict(change.balances)
    left: dict[Leg, Decimal | None] = {}
    for field in _OPTIONAL:
        values = {currency: one.locked if field is Field.LOCKED else one.borrowed for currency, one in stated.items()}
        unlisted = money.ZERO if any(value is not None for value in values.values()) else None
        for currency in {leg.currency for leg in held if leg.field is field} | set(values):
            left[Leg(change.wallet, currency, field)] = values.get(currency, unlisted)
    return left


def not_included(change: Statement, entries: Iterable[Entry], orders: Orders) -> dict[Leg, Decimal]:
    """What recent movements with own time after `includes_through` moved, and what the steps of orders since then lock.

    Without `includes_through` a statement includes everything recorded before it.
    """
    if change.includes_through is None:
        return {}
    later = [
        one
        for one in entries
        if one.occurred_at is not None and one.occurred_at > change.includes_through and not one.restates
    ]
    steps: dict[str, list[OrderStep]] = {}
    for one in later:
        if one.step is not None:
            steps.setdefault(one.step.order_id, []).append(one.step)
    locks: list[Effects] = []
    for order_id, since in steps.items():
        order = orders.get(order_id)
        if order is not None and order.leg is not None:
            locks.append({order.leg: money.subtract(order.locks, without(order, since).locks)})
    return merge(*(one.effects for one in later), *locks)


def digest(change: Statement) -> str:
    """The statement's content as text: equal text, equal statement. When it was made is not content, how far it reaches is."""
    if change.positions is not None:
        lines = [f"{symbol}={money.plain(quantity)}" for symbol, quantity in sorted(change.positions.items())]
    else:
        lines = [
            "=".join((currency, *("" if one is None else money.plain(one) for one in (s.total, s.locked, s.borrowed))))
            for currency, s in sorted((change.balances or {}).items())
        ]
    through = "" if change.includes_through is None else f"@{change.includes_through}"
    return ";".join(lines) + through
