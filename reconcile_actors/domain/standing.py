"""What stands against an account: the register, what history names, and losses whose size is not known."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing, by_leg
from reconcile_actors.domain.comparison import Amounts, Question
from reconcile_actors.domain.discrepancy import Kind, State
from reconcile_actors.domain.doubts import Finding
from reconcile_actors.domain.movements import merge
from reconcile_actors.domain.naming import Named
from reconcile_actors.domain.register import Change, Register
from reconcile_actors.domain.snapshot import Snapshot

VALUE_FIELDS = frozenset({Field.TOTAL, Field.BORROWED, Field.POSITION})


@dataclass(slots=True)
class Standing:
    """Turns what reads and history say into changes of the register."""

    register: Register
    named: Named = field(default_factory=Named)
    _vague: set[Leg] = field(default_factory=set)

    @property
    def vague_legs(self) -> frozenset[Leg]:
        """Where something is lost, and how much is not known."""
        return frozenset(self._vague)

    @property
    def vague(self) -> dict[Leg, Decimal]:
        """All that stands, where the size of some of it is not known."""
        return self.losses() if self._vague else {}

    def losses(self) -> dict[Leg, Decimal]:
        """The differences of value that are past doubt, or ignored."""
        return {
            leg: one.difference
            for leg, one in self.register.open.items()
            if leg.field in VALUE_FIELDS and one.is_expected
        }

    def expected(self, *, by_history_alone: bool = False) -> list[dict[Leg, Decimal]]:
        """What would explain a read, the likeliest first: what stands as history has moved it since, then as it stands.

        A loss of unknown size explains no read.
        """
        stands = {} if self._vague else self.losses()
        shift = self.named.shift()
        moved = [merge(stands, shift)] if shift else []
        return moved if by_history_alone or not stands else [*moved, stands]

    def is_loss(self, leg: Leg) -> bool:
        """Whether a loss stands on the leg, be it ignored."""
        one = self.register.open.get(leg)
        return one is not None and one.is_expected

    def is_told(self, leg: Leg) -> bool:
        """Whether a loss stands on the leg for all to see."""
        one = self.register.open.get(leg)
        return one is not None and one.is_loss

    def agree(self, expected: Amounts, amounts: Amounts, question: Question, now_at: int) -> list[Change]:
        """A read agrees but for what was expected, up to rounding: nothing else stands, and what stands does not drift."""
        self._vague.clear()
        changes = self._prove(expected, question, now_at)
        for leg in [leg for leg in self.register.open if leg.field in VALUE_FIELDS and leg not in amounts]:
            changes += self.register.close(leg, now_at)
        for leg, amount in amounts.items():
            changes += self._observe(leg, expected.get(leg, amount), question, now_at, confirmed=True)
        return changes + self.note_apart(now_at)

    def apply(self, findings: Iterable[Finding], question: Question, now_at: int) -> list[Change]:
        """What a decided read says, leg by leg. A guess at its size does not change a difference that is open."""
        findings = list(findings)
        certain = {one.leg: one.difference for one in findings if one.confirmed and one.difference is not None}
        changes = self._prove(certain, question, now_at)
        for leg, difference, confirmed, vague in findings:
            self._vague.discard(leg)
            if difference is None:
                changes += self.register.close(leg, now_at)
            elif confirmed or not self._is_doubted(leg):
                if confirmed and vague:
                    self._vague.add(leg)
                changes += self._observe(leg, difference, question, now_at, confirmed=confirmed)
        return changes

    def _prove(self, shown: Amounts, question: Question, now_at: int) -> list[Change]:
        """A repair has worked, too, where all that differs now is what history names: that is another loss, not the one repaired."""
        repairing = [leg for leg, one in self.register.open.items() if one.state is State.REPAIRING and leg in shown]
        if not repairing:
            return []
        named = merge(*(one.effects for one in self.named.missing if one not in self.named.apart))
        changes: list[Change] = []
        for leg in repairing:
            if leg in named and question.tolerances.allow(leg, money.subtract(shown[leg], named[leg])):
                changes += self.register.close(leg, now_at)
        return changes

    def explain(self, now_at: int) -> list[Change]:
        """A newer history: losses get the causes that it names, ids that stand by themselves come and go."""
        changes: list[Change] = []
        for leg, missing in by_leg(self.named.missing).items():
            one = self.register.open.get(leg)
            if one is not None and one.is_loss:
                changes += self.register.observe(
                    leg,
                    local=one.local,
                    exchange_value=one.exchange_value,
                    difference=one.difference,
                    tolerance=one.tolerance,
                    now_at=now_at,
                    confirmed=True,
                    missing=missing,
                )
        return changes + self.note_apart(now_at)

    def note_apart(self, now_at: int) -> list[Change]:
        """Ids that the book lacks although balances agree: each currency's are one discrepancy of their own."""
        changes: list[Change] = []
        apart = {leg: missing for leg, missing in by_leg(self.named.apart).items() if not self.is_loss(leg)}
        legs = {_movement_leg(leg) for leg in apart}
        over = [leg for leg in self.register.open if leg.field is Field.MOVEMENT and leg not in legs]
        for own in over if self.named.seen else ():
            changes += self.register.close(own, now_at)
        for leg, missing in apart.items():
            own = _movement_leg(leg)
            amount = merge(*(one.effects for one in missing)).get(leg, money.ZERO)
            changes += self.register.observe(
                own,
                local=None,
                exchange_value=amount,
                difference=amount,
                tolerance=money.ZERO,
                now_at=now_at,
                confirmed=True,
                missing=tuple(Missing(one.movement, {own: one.effects[leg]}, one.partly_known) for one in missing),
            )
        return changes

    def _observe(
        self, leg: Leg, difference: Decimal, question: Question, now_at: int, *, confirmed: bool
    ) -> list[Change]:
        exchange = value_of(leg, question.snapshot) or money.ZERO
        changes = self.register.observe(
            leg,
            local=money.subtract(exchange, difference),
            exchange_value=exchange,
            difference=difference,
            tolerance=question.tolerances.of(leg),
            now_at=now_at,
            confirmed=confirmed,
            missing=self.named.causes(leg),
            shown_us=question.snapshot.bracket.requested_us,
        )
        if self.is_loss(leg) and leg.field in VALUE_FIELDS:
            changes += self.register.close(_movement_leg(leg), now_at)  # one cause is one discrepancy
        return changes

    def _is_doubted(self, leg: Leg) -> bool:
        one = self.register.open.get(leg)
        return one is not None and one.kind is not Kind.PRECISION


def _movement_leg(leg: Leg) -> Leg:
    return Leg(leg.wallet, leg.currency, Field.MOVEMENT)


def value_of(leg: Leg, snapshot: Snapshot) -> Decimal | None:
    """What the exchange states of a leg."""
    if leg.field is Field.POSITION:
        position = snapshot.positions.get((leg.wallet, leg.currency))
        return position.quantity if position else None
    balance = snapshot.balances.get((leg.wallet, leg.currency))
    if balance is None:
        return None
    return {Field.TOTAL: balance.total, Field.LOCKED: balance.locked, Field.BORROWED: balance.borrowed}.get(leg.field)
