"""History as a detector of its own: what the exchange lists and the book lacks, by the exchange's own ids."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.movements import (
    Effects,
    Movement,
    MovementType,
    apart_us,
    has_value,
    likeness,
    same_key,
    value_of,
)


@dataclass(frozen=True, slots=True)
class Missing:
    """A movement of the exchange that the book lacks, or holds with other content. `effects` is what the book lacks of it."""

    movement: Movement
    effects: Effects
    partly_known: bool = False

    @property
    def id(self) -> str:
        """The exchange's id, else the movement's name."""
        return self.movement.name


@dataclass(frozen=True, slots=True)
class Unnamed:
    """How an entry that the exchange gives no id meets the book: by type, symbol, currency and amount, and by own times that
    differ by no more than `within_us`. `recorded` is what the book remembers; of what it `may_have_forgotten` nothing is said."""

    recorded: Callable[[], Iterable[Movement]]
    within_us: int
    may_have_forgotten: Callable[[int | None], bool]


def missing_from(
    movements: Iterable[Movement],
    known: Callable[[str], Sequence[Movement]],
    included: Callable[[Movement], bool],
    wallets: frozenset[str],
    tolerance: Callable[[Leg], Decimal],
    *,
    unnamed: Unnamed | None = None,
) -> tuple[Missing, ...]:
    """What the book lacks of the exchange's history.

    Fills and their separately booked fees are one event on the exchange, so all that is known under an id is added up; but for
    what is the same kind of event with another key, since an exchange may give one id to fills of two symbols.
    Differences within a step are rounding, not a missing movement. Pending entries are never missing. Entries without an id
    are left out where `unnamed` does not say how they meet the book.
    """
    settled = [one for one in movements if not one.pending and one.wallet in wallets]
    without_id = _unmatched([one for one in settled if one.id is None], unnamed)
    found = [Missing(one, value_of(one.effects)) for one in without_id if has_value(one.effects) and not included(one)]
    for movement in settled:
        if movement.id is None:
            continue
        booked = [one for one in known(movement.id) if _may_tell_of(one, movement)]
        lacking = _lacking(movement.effects, booked, tolerance)
        # what a statement had included when its report came is known by id, with no effects of its own
        if lacking and not (not any(has_value(one.effects) for one in booked) and included(movement)):
            found.append(Missing(movement, lacking, partly_known=bool(booked)))
    return tuple(found)


def _unmatched(listed: Sequence[Movement], unnamed: Unnamed | None) -> list[Movement]:
    """Those of the entries without an id that no recorded one accounts for; each accounts for one."""
    if not listed or unnamed is None:
        return []
    kinds = {likeness(one) for one in listed}
    free = [one for one in unnamed.recorded() if likeness(one) in kinds]
    lacking = []
    for movement in sorted(listed, key=lambda one: one.occurred_at or 0):
        near = [one for one in free if likeness(one) == likeness(movement)]
        match = min(near, key=lambda one: apart_us(one, movement), default=None)
        if match is not None and apart_us(match, movement) <= unnamed.within_us:
            free.remove(match)
        elif not unnamed.may_have_forgotten(movement.occurred_at):
            lacking.append(movement)
    return lacking


def _may_tell_of(recorded: Movement, listed: Movement) -> bool:
    return recorded.type is not listed.type or same_key(recorded, listed)


def _lacking(listed: Effects, booked: Sequence[Movement], tolerance: Callable[[Leg], Decimal]) -> dict[Leg, Decimal]:
    if not booked:
        return value_of(listed)
    rest = dict(listed)
    for one in booked:
        for leg, amount in one.effects.items():
            rest[leg] = money.subtract(rest.get(leg, money.ZERO), amount)
    return {leg: amount for leg, amount in value_of(rest).items() if money.EXACT.abs(amount) > tolerance(leg)}


def cause_of(missing: Sequence[Missing], leg: Leg) -> str:
    """The cause's name for one leg: that of the largest share."""
    largest = max(missing, key=lambda one: money.EXACT.abs(one.effects.get(leg, money.ZERO)))
    if largest.partly_known:
        return "differing_movement"
    match largest.movement.type:
        case MovementType.TRANSFER:
            return "missed_deposit" if largest.effects.get(leg, money.ZERO) > 0 else "missed_withdrawal"
        case MovementType.ADJUSTMENT | MovementType.STATEMENT | MovementType.ORDER:
            return "exchange_adjustment"
        case _:
            return f"missed_{largest.movement.type}"


def by_leg(missing: Iterable[Missing]) -> Mapping[Leg, tuple[Missing, ...]]:
    """The missing movements of each leg that they touch."""
    legs: dict[Leg, list[Missing]] = {}
    for one in missing:
        for leg in one.effects:
            legs.setdefault(leg, []).append(one)
    return {leg: tuple(many) for leg, many in legs.items()}
