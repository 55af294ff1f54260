"""One read against the book: does it show a state that the book may rightly have had?

The result is a value: agreed (with the book, or with a difference that is known already), lagging, undecided, or different
with every difference that is possible. What orders lock is judged apart (`lock_check`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.cuts import (
    CutMark,
    Difference,
    Reach,
    TooManyCutsError,
    admissible_cuts,
    is_exhaustive,
    older_cuts,
    recorded_after,
    untimed_near,
)
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.domain.tolerance import Tolerances
from reconcile_actors.domain.window import BookWindow, Entry

Amounts: TypeAlias = Mapping[Leg, Decimal]
Vector: TypeAlias = frozenset[tuple[Leg, Decimal]]


@dataclass(frozen=True, slots=True)
class Agreed:
    """One admissible cut agrees, up to `expected`: the differences that are known already, none for a match.

    `amounts` is what differs from that cut: the expected, and what tolerance allows. `exact` are legs that were rounded
    since they last agreed to the last digit, and do so now.
    """

    expected: Amounts
    amounts: Amounts
    mark: CutMark
    exact: tuple[Leg, ...] = ()


@dataclass(frozen=True, slots=True)
class Lagging:
    """The read shows an earlier state although later movements are older than R: lag until shown to be loss.

    `amounts` is the difference to the newest book.
    """

    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Undecided:
    """The read says nothing either way: `unsettled`, `behind`, `ambiguous`, `busy`, `too_many_cuts` or `untimed`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Different:
    """No admissible cut agrees. `sets` holds, leg by leg, every difference (exchange - local) to an admissible cut.

    A leg whose set holds a tolerable difference may be right. `joint` are the differences of all legs together, cut by cut,
    `newest` those to the newest book.
    `untimed` says that a movement without an own time lies near the read: then a set holds the ends of what is possible.
    `complete` is False where recordings from before a start may be missing: then it shows a candidate and counts for nothing.
    """

    sets: Mapping[Leg, frozenset[Decimal]]
    joint: frozenset[Vector]
    newest: Amounts
    untimed: bool
    complete: bool = True


Evaluation: TypeAlias = Agreed | Lagging | Undecided | Different


@dataclass(frozen=True, slots=True)
class Question:
    """One read, the book at the time of judging, and what decides between them.

    `expected` are differences that would explain the read, the likeliest first. Cuts before `floor` are provisional.
    Recordings from before `since_us` (monotonic) may be missing. `doubted`: settled reads have differed since the last agreement.
    `vague` is what stands while its size is not known.
    """

    window: BookWindow
    snapshot: Snapshot
    bounds: Bounds
    authoritative: frozenset[Field]
    tolerances: Tolerances
    expected: Sequence[Amounts] = ()
    floor: CutMark | None = None
    since_us: int | None = None
    doubted: bool = False
    vague: Amounts = field(default_factory=dict)

    @property
    def reach(self) -> Reach:
        """The instants that the read may show."""
        return Reach.of(self.snapshot.bracket, self.bounds)

    @property
    def is_complete(self) -> bool:
        """Whether every recording is known that the read may or may not show."""
        return self.knows_since(self.reach.earliest_us)

    def knows_since(self, instant_us: int) -> bool:
        """Whether every recording made after an instant is known."""
        return all(one is None or one <= instant_us for one in (self.window.complete_from_us, self.since_us))

    @property
    def lacks_positions(self) -> bool:
        """Whether a side holds positions in a wallet of which the trading process has never stated any: nobody compares them."""
        if Field.POSITION not in self.authoritative:
            return False
        local = {leg.wallet for leg, amount in self.window.legs.items() if leg.field is Field.POSITION and amount}
        stated = {wallet for wallet, _ in self.snapshot.positions}
        return not local | stated <= self.window.position_wallets

    @property
    def told_late(self) -> tuple[Entry, ...]:
        """What was told so late that an admissible version lacks it, although it had happened by then, or at a time nobody told."""
        recent = recorded_after(self.window.entries, self.reach.earliest_us)
        first_at = self.reach.first_at
        return tuple(one for one in recent if one.effects and (one.occurred_at is None or one.occurred_at <= first_at))

    @property
    def is_restated(self) -> bool:
        """Whether the book was restated around the read: between two statements that no movement explains it is not known."""
        return any(one.restates for one in recorded_after(self.window.entries, self.reach.earliest_us))


def evaluate(question: Question, *, settled: bool) -> Evaluation:
    """Compares one read with every admissible cut of the book. An agreement may be declared at once, everything else only once settled.

    That nothing differs any more, although something stands, is named or is doubted, is no plain agreement: with reports
    still to come it may be chance.
    """
    difference = newest_difference(question)
    plain = settled or not (question.expected or question.doubted)
    hypotheses = [*question.expected, {}] if plain else question.expected
    seekers = [_Seeker(one, question) for one in hypotheses]
    vague = _Seeker(question.vague, question)
    joint: set[Vector] = set()
    overflow = False
    try:
        for _ in admissible_cuts(question.window, question.reach, question.bounds, difference):
            for one in (*seekers, vague):
                one.look(difference)
            if settled:
                joint.add(frozenset(difference.amounts.items()))
    except TooManyCutsError:
        overflow = True
    for one in seekers:
        if one.found is not None:
            is_ambiguous = question.vague and not one.expected and vague.found is not None
            return Undecided("ambiguous") if is_ambiguous else one.found
        if one.behind:
            return Undecided("behind")
    if not settled:
        return Undecided("unsettled")
    if overflow:
        return Undecided("too_many_cuts")
    if question.is_restated:
        return Undecided("busy")
    return _unexplained(question, frozenset(joint))


@dataclass(slots=True)
class _Seeker:
    """Looks for a cut that agrees but for what is expected; of several the oldest is taken, so that the mark stays careful."""

    expected: Amounts
    question: Question
    found: Agreed | None = None
    behind: bool = False
    _size: int = -1
    _floor: frozenset[int] | None = field(default=None)

    def look(self, difference: Difference) -> None:
        """One more cut."""
        if len(difference.excluded) <= self._size or not explains(
            self.expected, difference.amounts, self.question.tolerances
        ):
            return
        window, floor = self.question.window, self.question.floor
        if floor is not None:
            if self._floor is None:
                self._floor = floor.reached(window)
            if self._floor < difference.versions():
                self.behind = True
                return
        self._size = len(difference.excluded)
        self.found = Agreed(
            expected=self.expected,
            amounts=dict(difference.amounts),
            mark=CutMark(window.version, difference.versions()),
            exact=self._exact(difference),
        )

    def _exact(self, difference: Difference) -> tuple[Leg, ...]:
        pending = {leg for one in difference.excluded for leg in one.effects}
        return tuple(
            leg
            for leg in self.question.window.operations
            if leg not in difference.amounts and leg not in pending and difference.compares(leg)
        )


def explains(expected: Amounts, amounts: Amounts, tolerances: Tolerances) -> bool:
    """Whether what differs is what was expected to differ, up to rounding."""
    for leg, amount in amounts.items():
        if not tolerances.allow(leg, money.subtract(amount, expected.get(leg, money.ZERO))):
            return False
    return all(leg in amounts or tolerances.allow(leg, amount) for leg, amount in expected.items())


def _unexplained(question: Question, joint: frozenset[Vector]) -> Lagging | Undecided | Different:
    newest = newest_difference(question)
    amounts = dict(newest.amounts)
    for _ in older_cuts(question.window, question.reach, newest):
        if any(explains(one, newest.amounts, question.tolerances) for one in (*question.expected, {})):
            return Lagging(amounts)
    legs = {leg for vector in joint for leg, _ in vector}
    sets = {leg: frozenset(dict(vector).get(leg, money.ZERO) for vector in joint) for leg in legs}
    untimed = untimed_near(question.window, question.reach, question.bounds)
    if not untimed or is_exhaustive(question.window, question.reach, question.bounds):
        return Different(sets, joint, amounts, untimed=False, complete=question.is_complete)
    sets = _widened(sets, untimed, newest.compares)
    if any(_spans(sets, one, question.tolerances) for one in (*question.expected, {})):
        return Undecided("untimed")
    return Different(sets, frozenset(), amounts, untimed=True, complete=question.is_complete)


def _spans(sets: Mapping[Leg, frozenset[Decimal]], expected: Amounts, tolerances: Tolerances) -> bool:
    """Whether what was expected to differ lies within what is possible, leg by leg."""
    for leg in {*sets, *expected}:
        amounts, wanted = sets.get(leg, frozenset({money.ZERO})), expected.get(leg, money.ZERO)
        inside = min(amounts) <= wanted <= max(amounts)
        if not inside and not any(tolerances.allow(leg, money.subtract(one, wanted)) for one in amounts):
            return False
    return True


def _widened(
    sets: Mapping[Leg, frozenset[Decimal]], untimed: Sequence[Entry], compares: Callable[[Leg], bool]
) -> dict[Leg, frozenset[Decimal]]:
    """The ends of what is possible, leg by leg, where movements without own time may have happened in any order."""
    slack: dict[Leg, Decimal] = {}
    for one in untimed:
        for leg, amount in one.effects.items():
            if compares(leg):
                slack[leg] = money.add(slack.get(leg, money.ZERO), money.EXACT.abs(amount))
    wide: dict[Leg, frozenset[Decimal]] = {}
    for leg in {*sets, *slack}:
        amounts = sets.get(leg, frozenset({money.ZERO}))
        low = money.subtract(min(amounts), slack.get(leg, money.ZERO))
        high = money.add(max(amounts), slack.get(leg, money.ZERO))
        wide[leg] = frozenset({low, high, money.ZERO} if low <= 0 <= high else {low, high})
    return wide


def newest_difference(question: Question) -> Difference:
    """exchange - local for the newest book, over every leg that both sides state."""
    window, snapshot = question.window, question.snapshot
    compares = _comparer(question)
    amounts: dict[Leg, Decimal] = {}
    for (wallet, currency), balance in snapshot.balances.items():
        for name, value in ((Field.TOTAL, balance.total), (Field.BORROWED, balance.borrowed)):
            if value is not None:
                _note(amounts, Leg(wallet, currency, name), value, window, compares)
    for (wallet, symbol), position in snapshot.positions.items():
        _note(amounts, Leg(wallet, symbol, Field.POSITION), position.quantity, window, compares)
    for leg, local in window.legs.items():
        if local:
            rows = snapshot.positions if leg.field is Field.POSITION else snapshot.balances
            if (leg.wallet, leg.currency) not in rows and compares(leg):
                amounts[leg] = money.negate(local)
    return Difference(amounts, compares)


def _note(
    amounts: dict[Leg, Decimal], leg: Leg, value: Decimal, window: BookWindow, compares: Callable[[Leg], bool]
) -> None:
    local = window.legs.get(leg, money.ZERO)
    if local != value and compares(leg):
        amounts[leg] = money.subtract(value, local)


def _comparer(question: Question) -> Callable[[Leg], bool]:
    """Tells of a leg whether both sides state it. A row that the exchange leaves out is zero there; an unstated field is not."""
    window, snapshot, authoritative = question.window, question.snapshot, question.authoritative

    def compares(leg: Leg) -> bool:
        wallet, currency, name = leg
        if name is Field.POSITION:
            return Field.POSITION in authoritative and wallet in window.position_wallets
        if wallet not in window.balance_wallets:
            return False
        balance = snapshot.balances.get((wallet, currency))
        if name is Field.TOTAL:
            return balance is None or balance.total is not None
        if name is Field.BORROWED:
            stated = balance is None or balance.borrowed is not None
            return stated and leg in window.legs and Field.BORROWED in authoritative
        return False

    return compares
