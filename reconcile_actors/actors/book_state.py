"""A book as plain JSON data and back, so that a start need not replay every recording."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Told
from reconcile_actors.domain.ledger import Json
from reconcile_actors.domain.money import plain
from reconcile_actors.domain.orders import Order, Orders
from reconcile_actors.domain.postings import Postings
from reconcile_actors.domain.suspense import Suspended, Suspense


def to_state(book: Book) -> dict[str, Json]:
    """Everything of a book that must survive a restart, except recent versions and remembered ids."""
    return {
        "legs": [[*leg, plain(amount)] for leg, amount in sorted(book.legs.items())],
        "told": [
            [wallet, kind, one.version, one.as_of, one.digest, one.includes_through, one.recorded_at]
            for (wallet, kind), one in sorted(book.told.items())
        ],
        "orders": [
            [
                key,
                one.wallet,
                one.currency,
                _text(one.quantity),
                plain(one.lock_per_unit),
                one.is_buy,
                plain(one.filled),
                one.closed,
            ]
            for key, one in book.orders.items()
        ],
        "operations": [[*leg, count] for leg, count in sorted(book.operations.items())],
        "gap": book.gap,
        "conflict": book.conflict,
        "newest_at": book.newest_at,
        "suspense": [
            [*leg, plain(one.amount), one.cut_at, one.adjustment] for leg, one in sorted(book.suspense.entries.items())
        ],
        "adjustments": list(book.postings.adjustments),
        "posted": [
            [id_, {name: plain(step) for name, step in sorted(steps.items())}]
            for id_, steps in book.postings.ids.items()
        ],
    }


def from_state(book: Book, version: int, state: Mapping[str, Any]) -> None:
    """Puts a stored state into a new book."""
    book.version = version
    book.legs = {_leg(row): Decimal(row[3]) for row in state["legs"]}
    book.told = {
        (wallet, kind): Told(stated, as_of, digest, through, recorded_at)
        for wallet, kind, stated, as_of, digest, through, recorded_at in state["told"]
    }
    book.orders = Orders(
        {
            key: Order(
                wallet=wallet,
                currency=currency,
                quantity=None if quantity is None else Decimal(quantity),
                lock_per_unit=Decimal(lock),
                is_buy=is_buy,
                filled=Decimal(filled),
                closed=closed,
            )
            for key, wallet, currency, quantity, lock, is_buy, filled, closed in state["orders"]
        }
    )
    book.operations = {_leg(row): row[3] for row in state["operations"]}
    book.gap = state["gap"]
    book.conflict = state["conflict"]
    book.forgotten_at = state[
        "newest_at"
    ]  # no recent version survives, and a statement must not drop what it leaves out
    # a state that was written before anything could be posted has none of these
    suspended = [Suspended(_leg(row), Decimal(row[3]), row[4], row[5]) for row in state.get("suspense", ())]
    book.suspense = Suspense({one.leg: one for one in suspended})
    book.postings = Postings(
        dict.fromkeys(state.get("adjustments", ())),
        {id_: {name: Decimal(step) for name, step in steps.items()} for id_, steps in state.get("posted", ())},
    )


def _leg(row: list[Any]) -> Leg:
    return Leg(row[0], row[1], Field(row[2]))


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
