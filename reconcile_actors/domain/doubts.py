"""What the reads of one account have shown so far that does not agree, and when that is past doubt. Nothing of it survives a restart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.comparison import Amounts, Different, Question
from reconcile_actors.domain.confirmation import Evidence, Observed, Survivors
from reconcile_actors.domain.cuts import recorded_after
from reconcile_actors.domain.lock_check import LockGap


class Finding(NamedTuple):
    """What a decided read says of one leg: a difference, or None where it certainly agrees.

    `vague`: that it differs is past doubt, by how much is not.
    """

    leg: Leg
    difference: Decimal | None
    confirmed: bool = False
    vague: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What stands already, what history explains on top of it, and how to tell that value is gone from a leg."""

    stands: Amounts
    named: Amounts
    vanished: Callable[[Leg], bool]


@dataclass(slots=True)
class Doubts:
    """Streaks of reads that cannot be right: leg by leg, of all legs together, of what is locked, and of answers that lag."""

    bounds: Bounds
    streaks: dict[Leg, Evidence] = field(default_factory=dict)
    locks: dict[Leg, Evidence] = field(default_factory=dict)
    survivors: Survivors = field(default_factory=Survivors)
    lag: Evidence | None = None

    def __bool__(self) -> bool:
        """Whether a difference waits for another read."""
        return self.of_value or bool(self.locks)

    @property
    def of_value(self) -> bool:
        """Whether what is held is in doubt, and not only what is locked."""
        return bool(self.streaks or self.survivors.reads) or self.lag is not None

    @property
    def want_fresh_connection(self) -> bool:
        """Whether only a read on a new connection can tell loss from a bad or stale answer."""
        doubtful = (*self.streaks.values(), *self.locks.values())
        return self.lag is not None or any(one.newest.vanished or one.newest.lagging for one in doubtful)

    def clear(self) -> None:
        """A read agreed: what was doubted of values before it is over. Locks are doubted apart."""
        self.streaks.clear()
        self.survivors, self.lag = Survivors(), None

    def weigh(self, different: Different, question: Question, known: Known) -> list[Finding]:
        """One more read that no admissible cut explains."""
        self.lag = None
        if not different.complete:
            return self._candidates(different, question)
        only = None
        if not different.untimed:
            self.survivors = self.survivors.narrowed(different.joint, question.tolerances)
            only = self.survivors.only(self.bounds, question.tolerances)
        legs = {*different.sets, *self.streaks, *known.stands, *(only or {})}
        findings = (self._weigh_leg(leg, only, different, question, known) for leg in sorted(legs))
        return [one for one in findings if one is not None]

    def _candidates(self, different: Different, question: Question) -> list[Finding]:
        """Legs that differ from all that is known since a start: not enough is known yet to count on it."""
        return [
            Finding(leg, min(amounts, key=money.EXACT.abs))
            for leg, amounts in sorted(different.sets.items())
            if not _may_agree(leg, amounts, question)
        ]

    def _weigh_leg(
        self, leg: Leg, only: Amounts | None, different: Different, question: Question, known: Known
    ) -> Finding | None:
        amounts = different.sets.get(leg, frozenset({money.ZERO}))
        tolerances = question.tolerances
        if only is not None:
            amounts = frozenset({only.get(leg, money.ZERO)})
        if all(tolerances.allow(leg, one) for one in amounts):
            self.streaks.pop(leg, None)
            return Finding(leg, None)
        if _may_agree(leg, amounts, question):
            self.streaks.pop(leg, None)
            return None
        snapshot, tolerance = question.snapshot, tolerances.of(leg)
        vanished = known.vanished(leg)
        read = Observed(snapshot.bracket, amounts, snapshot.connection, different.untimed, vanished=vanished)
        before = self.streaks.get(leg)
        streak = Evidence.begin(read) if before is None else before.extend(read, tolerance)
        self.streaks[leg] = streak
        # a difference that the exchange's own history names needs no second read
        confirmed = leg in known.named or streak.is_confirmed(self.bounds, tolerance)
        confirmed = confirmed or (only is not None and not vanished)
        vague = only is None and not streak.is_single(self.bounds, tolerance)
        return Finding(leg, _claim(leg, streak, question, known), confirmed=confirmed, vague=vague)

    def take_lag(self, question: Question, amounts: Amounts) -> list[Finding]:
        """One more answer that shows an earlier state. It is a loss once fresh connections agree for long enough without new movements."""
        snapshot, lag = question.snapshot, self.lag
        read = Observed(snapshot.bracket, frozenset({Decimal(1)}), snapshot.connection, lagging=True)
        if lag is not None and self._is_quiet_since(lag.first.requested_us, question):
            self.lag = lag.extend(read, money.ZERO)
        else:
            self.lag = Evidence.begin(read)
        if not self.lag.is_confirmed(self.bounds, money.ZERO):
            return []
        return [Finding(leg, amount, confirmed=True) for leg, amount in sorted(amounts.items())]

    @staticmethod
    def _is_quiet_since(instant_us: int, question: Question) -> bool:
        return not any(one.effects for one in recorded_after(question.window.entries, instant_us))

    def weigh_locks(self, gaps: Mapping[Leg, LockGap | None], question: Question) -> list[Finding]:
        """What the exchange locks, leg by leg, where it is known."""
        snapshot = question.snapshot
        findings = []
        for leg, gap in sorted(gaps.items()):
            if gap is None:
                self.locks.pop(leg, None)
                findings.append(Finding(leg, None))
                continue
            read = Observed(snapshot.bracket, gap.differences, snapshot.connection, lagging=gap.older)
            before, tolerance = self.locks.get(leg), question.tolerances.of(leg)
            streak = Evidence.begin(read) if before is None else before.extend(read, tolerance)
            self.locks[leg] = streak
            findings.append(Finding(leg, streak.best, confirmed=streak.is_confirmed(self.bounds, tolerance)))
        return findings


def _may_agree(leg: Leg, amounts: frozenset[Decimal], question: Question) -> bool:
    return any(question.tolerances.allow(leg, one) for one in amounts)


def _claim(leg: Leg, streak: Evidence, question: Question, known: Known) -> Decimal:
    """Of the differences that survive, the one that is known already, else the one next to what history explains, else the smallest."""
    stands = known.stands.get(leg)
    if stands is not None and any(
        question.tolerances.allow(leg, money.subtract(one, stands)) for one in streak.surviving
    ):
        return stands
    named = known.named.get(leg)
    if named is None:
        return streak.best
    return min(streak.surviving, key=lambda one: money.EXACT.abs(money.subtract(one, named)))
