"""What the exchange's history names and the book lacks, and how much of it a read has shown already."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.movements import latest_of, merge
from reconcile_actors.domain.snapshot import Bracket


@dataclass(slots=True)
class Named:
    """`missing` is what the newest history names: the causes of differences that reads have shown. By itself it proves a loss
    once it is `certain`, past any lateness by any clock. Each of that is at first new; a read that shows it makes it
    *accounted* (it is part of a difference) or *apart* (balances agree without it).

    What is accounted and no longer named has come into the book since.
    """

    missing: tuple[Missing, ...] = ()
    certain: tuple[Missing, ...] = ()
    seen: bool = False
    _accounted: dict[str, Missing] = field(default_factory=dict)
    _apart: frozenset[str] = frozenset()
    _settled: frozenset[str] = frozenset()

    def take(self, missing: Iterable[Missing], certain_at: int) -> None:
        """A newer history, which replaces what was named before. What happened up to `certain_at` (UTC us) is certain."""
        self.missing, self.seen = tuple(missing), True
        self.certain = tuple(one for one in self.missing if has_happened(one, certain_at))
        self._apart &= {_key(one) for one in self.missing}
        self._settled = frozenset()

    def book(self, ids: Iterable[str | None]) -> None:
        """These were told since history was seen: they are missing no longer, as far as is known."""
        told = set(ids)
        self.missing = tuple(one for one in self.missing if one.id not in told)
        self.certain = tuple(one for one in self.certain if one.id not in told)
        self._apart &= {_key(one) for one in self.missing}

    def causes(self, leg: Leg) -> tuple[Missing, ...] | None:
        """What is named on a leg; None as long as no history was seen."""
        return tuple(one for one in self.missing if leg in one.effects) if self.seen else None

    @property
    def new(self) -> tuple[Missing, ...]:
        """What no read has shown either way."""
        known = {*self._accounted, *self._apart, *self._settled}
        return tuple(one for one in self.certain if _key(one) not in known)

    @property
    def apart(self) -> tuple[Missing, ...]:
        """What balances agree without."""
        return tuple(one for one in self.missing if _key(one) in self._apart)

    @property
    def placed(self) -> tuple[Missing, ...]:
        """What reads have shown one way or the other: part of the difference that stands, or balances agree without it."""
        return tuple(one for one in self.missing if _key(one) in self._accounted or _key(one) in self._apart)

    @property
    def loose(self) -> tuple[Missing, ...]:
        """What no read has placed."""
        placed = {*self._accounted, *self._apart}
        return tuple(one for one in self.missing if _key(one) not in placed)

    @property
    def gone(self) -> tuple[Missing, ...]:
        """What is accounted and has come into the book since."""
        named = {_key(one) for one in self.missing}
        return tuple(one for key, one in self._accounted.items() if key not in named)

    def shift(self) -> dict[Leg, Decimal]:
        """By how much the difference that stands should have changed since, by history alone."""
        back = [{leg: money.negate(amount) for leg, amount in one.effects.items()} for one in self.gone]
        return merge(*(one.effects for one in self.new), *back)

    def account_all(self) -> None:
        """A difference stands that holds all that is named, but for what stands apart."""
        self._accounted = {_key(one): one for one in self.certain if _key(one) not in self._apart}

    def account(self, shown: Iterable[Missing]) -> None:
        """A difference stands that holds these too."""
        self._accounted |= {_key(one): one for one in shown}
        self._apart -= set(self._accounted)

    def set_apart(self, shown: Iterable[Missing]) -> None:
        """Balances agree without these."""
        keys = {_key(one) for one in shown}
        self._apart |= keys
        for key in keys:
            self._accounted.pop(key, None)

    def drop(self, over: Iterable[Missing]) -> None:
        """These are part of no difference, as it has turned out."""
        for one in over:
            self._accounted.pop(_key(one), None)

    def drop_gone(self, recent: Collection[str | None]) -> None:
        """A difference stands without what has come into the book, but for the ids of that which came too recently to tell."""
        named = {_key(one) for one in self.missing}
        self._accounted = {
            key: one for key, one in self._accounted.items() if key in named or one.movement.id in recent
        }

    def settle(self) -> None:
        """No difference stands: what was accounted has come into the book, unless a newer history names it still."""
        self._settled |= set(self._accounted)
        self._accounted = {}


def has_happened(one: Missing, instant_at: int) -> bool:
    """Whether a movement had happened by an instant for certain (UTC us). One without own time was named after it happened."""
    return one.movement.occurred_at is None or latest_of(one.movement.occurred_at) <= instant_at


def is_shown(one: Missing, bracket: Bracket, bounds: Bounds) -> bool:
    """Whether a read is late enough to show a movement for certain."""
    return has_happened(one, bracket.requested_at - bounds.exchange_lag_us - bounds.skew_us)


def _key(one: Missing) -> str:
    return one.movement.key_text()
