"""What the portfolio actor asks of the store, what it tells itself about the answers, and what a book lacks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from reconcile_actors.domain.book import Book
from reconcile_actors.domain.causes import Missing, missing_from
from reconcile_actors.domain.ledger import Json, StoredBook
from reconcile_actors.domain.money import ZERO
from reconcile_actors.domain.movements import Movement
from reconcile_actors.kernel.behaviour import Outcome


class BookReader(Protocol):
    """The part of the repository that this actor needs."""

    def load_book(self, exchange: str, ids_limit: int) -> Awaitable[StoredBook]:
        """What a book is rebuilt from."""
        ...

    def unacknowledged(self, kind: str) -> Awaitable[list[Mapping[str, Json]]]:
        """The bodies of one kind's messages of the outbox that nobody has acknowledged."""
        ...

    def find_ids(self, exchange: str, ids: Sequence[str]) -> Awaitable[list[Movement]]:
        """Recorded movements that bear one of the ids."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A book was read, or could not be."""

    exchange: str
    outcome: Outcome[StoredBook]


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ids that only the store can tell of; `then` is called with the movements that bear them."""

    exchange: str
    ids: Sequence[str]
    then: Callable[[Sequence[Movement]], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What the store says of the ids."""

    asked: LookUp
    outcome: Outcome[list[Movement]]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The ledger did not answer in time."""

    exchange: str
    token: int


@dataclass(frozen=True, slots=True)
class ReloadDue:
    """Time to read a book anew."""

    exchange: str


def lacking(
    book: Book,
    movements: Sequence[Movement],
    steps: Mapping[str, Decimal],
    stored: Sequence[Movement] = (),
    *,
    within_us: int = 0,
) -> tuple[Missing, ...]:
    """What a book lacks of some movements; `stored` are recorded ones that memory may have forgotten.

    By `within_us` the own times may differ of one that bears no id and the report that accounts for it.
    """
    older: dict[str, list[Movement]] = {}
    for movement in stored:
        older.setdefault(movement.id or "", []).append(movement)
    return missing_from(
        movements,
        lambda id_: book.known(id_) or older.get(id_, ()),
        book.includes,
        frozenset(book.wallets),
        lambda leg: steps.get(leg.currency, ZERO),
        unnamed=book.unnamed(within_us),
    )
