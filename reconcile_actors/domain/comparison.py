"""One read against the book: does it show a state that the book may rightly have had?

The result is a value: matched, provisional, lagging, busy, undecided, or different with every difference that is possible.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Balance, Field, Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.cuts import Cut, CutMark, TooManyCutsError, admissible_cuts, older_cuts, time_of
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.domain.tolerance import Tolerances
from reconcile_actors.domain.window import BookWindow

# Locks follow from orders, which carry no own time and are told apart from fills: they are judged leg by leg.
_VALUE_FIELDS = frozenset({Field.TOTAL, Field.BORROWED, Field.POSITION})


@dataclass(frozen=True, slots=True)
class Matched:
    """One admissible cut agrees. `exact` legs agreed to the last digit, `within` differ by no more than their tolerance."""

    mark: CutMark
    exact: tuple[Leg, ...] = ()
    within: Mapping[Leg, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lagging:
    """The read shows an earlier state although later movements are older than R: lag until shown to be loss.

    `since_at` is the own time of the first movement that it lacks (UTC us). `sets` are as in Different.
    """

    since_at: int
    sets: Mapping[Leg, frozenset[Decimal]]


@dataclass(frozen=True, slots=True)
class Undecided:
    """The read says nothing either way: `reason` is `behind`, `busy` or `too_many_cuts`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Different:
    """No admissible cut agrees. `sets` holds, leg by leg, every difference (exchange - local) to an admissible cut.

    A leg whose set holds a tolerable difference may be right. `joint` are the differences of all legs together, cut by cut.
    `untimed` says that a movement without an own time lies near the read.
    """

    sets: Mapping[Leg, frozenset[Decimal]]
    joint: frozenset[frozenset[tuple[Leg, Decimal]]]
    untimed: bool
    tolerances: Tolerances


Evaluation: TypeAlias = Matched | Lagging | Undecided | Different


def comparable(
    window: BookWindow, snapshot: Snapshot, authoritative: frozenset[Field]
) -> Iterator[tuple[Leg, Decimal, Decimal]]:
    """Each leg that both sides state, with the newest local value and the exchange's."""
    totals: set[tuple[str, str]] = set()
    for key, balance in snapshot.balances.items():
        wallet, currency = key
        if wallet not in window.balance_wallets:
            continue
        if balance.total is not None:
            totals.add(key)
            leg = Leg(wallet, currency, Field.TOTAL)
            yield leg, window.legs.get(leg, money.ZERO), balance.total
        yield from _stated(window, wallet, currency, balance, authoritative)
    for leg, local in window.legs.items():
        if (
            (
                leg.field is Field.TOTAL
                and leg.wallet in window.balance_wallets
                and (leg.wallet, leg.currency) not in snapshot.balances
            )
            or (
                leg.field is Field.LOCKED
                and Field.LOCKED in authoritative
                and (leg.wallet, leg.currency) not in snapshot.balances
            )
            or (leg.field is Field.POSITION and (leg.wallet, leg.currency) not in snapshot.positions)
        ):
            yield leg, local, money.ZERO
    for (wallet, symbol), position in snapshot.positions.items():
        if wallet in window.position_wallets:
            leg = Leg(wallet, symbol, Field.POSITION)
            yield leg, window.legs.get(leg, money.ZERO), position.quantity


def _stated(
    window: BookWindow, wallet: str, currency: str, balance: Balance, authoritative: frozenset[Field]
) -> Iterator[tuple[Leg, Decimal, Decimal]]:
    for name, value in ((Field.LOCKED, balance.locked), (Field.BORROWED, balance.borrowed)):
        leg = Leg(wallet, currency, name)
        local = window.legs.get(leg)
        if name in authoritative and value is not None and local is not None:
            yield leg, local, value


def evaluate(
    window: BookWindow,
    snapshot: Snapshot,
    bounds: Bounds,
    *,
    authoritative: frozenset[Field],
    fee_reserve: Decimal = money.ZERO,
    floor: CutMark | None = None,
) -> Evaluation:
    """Compares one read with every admissible cut of the book. A match may be declared at once, everything else only once settled."""
    tolerances = Tolerances(snapshot.steps, window.operations, window.reserves, fee_reserve)
    base: dict[Leg, Decimal] = {}
    compared: set[Leg] = set()
    for leg, local, exchange in comparable(window, snapshot, authoritative):
        compared.add(leg)
        if local != exchange:
            base[leg] = money.subtract(exchange, local)
    try:
        cuts = admissible_cuts(window, snapshot.bracket, bounds)
    except TooManyCutsError:
        return Undecided("too_many_cuts")
    differences = [_difference(base, cut, compared) for cut in cuts]
    agreeing = [
        (cut, difference)
        for cut, difference in zip(cuts, differences, strict=True)
        if all(
            _tolerable(amount, tolerances.of(leg)) for leg, amount in difference.items() if leg.field in _VALUE_FIELDS
        )
    ]
    sets = _sets(differences)
    locks_agree = all(_holds_tolerable(sets[leg], tolerances.of(leg)) for leg in sets if leg.field not in _VALUE_FIELDS)
    if agreeing and locks_agree:
        return _matched(agreeing, compared, window.version, floor)
    near = snapshot.bracket.requested_us - bounds.exchange_lag_us - bounds.skew_us
    nearby = [one for one in window.entries if one.recorded_us > near]
    if any(one.restates for one in nearby):
        return Undecided("busy")  # between two statements that no movement explains, the book is not known
    for first, cut in older_cuts(window, snapshot.bracket, bounds):
        older = _difference(base, cut, compared)
        if all(_tolerable(amount, tolerances.of(leg)) for leg, amount in older.items()):
            return Lagging(time_of(first, snapshot.bracket), sets)
    untimed = any(one.occurred_at is None and one.effects for one in nearby)
    return Different(sets, frozenset(frozenset(one.items()) for one in differences), untimed, tolerances)


def _matched(
    agreeing: list[tuple[Cut, dict[Leg, Decimal]]], compared: set[Leg], version: int, floor: CutMark | None
) -> Matched | Undecided:
    ahead = [pair for pair in agreeing if floor is None or not floor.is_behind(pair[0], version)]
    if not ahead:
        return Undecided("behind")
    oldest, difference = max(ahead, key=lambda pair: len(pair[0].excluded))
    within = {leg: amount for leg, amount in difference.items() if leg.field in _VALUE_FIELDS}
    return Matched(CutMark(version, oldest.excluded), tuple(leg for leg in compared if leg not in difference), within)


def _difference(base: Mapping[Leg, Decimal], cut: Cut, compared: set[Leg]) -> dict[Leg, Decimal]:
    """snapshot - cut, where it is not zero: what the cut leaves out of the newest book comes on top."""
    if not cut.effects:
        return dict(base)
    difference = dict(base)
    for leg, amount in cut.effects:
        if leg in compared:
            difference[leg] = money.add(difference.get(leg, money.ZERO), amount)
    return {leg: amount for leg, amount in difference.items() if amount}


def _sets(differences: list[dict[Leg, Decimal]]) -> dict[Leg, frozenset[Decimal]]:
    legs = {leg for one in differences for leg in one}
    return {leg: frozenset(one.get(leg, money.ZERO) for one in differences) for leg in legs}


def _tolerable(amount: Decimal, tolerance: Decimal) -> bool:
    return money.EXACT.abs(amount) <= tolerance


def _holds_tolerable(amounts: frozenset[Decimal], tolerance: Decimal) -> bool:
    return any(_tolerable(amount, tolerance) for amount in amounts)
