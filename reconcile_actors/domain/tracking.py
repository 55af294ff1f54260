"""The state machine of one account: reads and history go in, discrepancies and a status come out.

A read may match at once. One that does not is judged again when it is settled: when received + L has passed, or the
trading process says that it has reported past it. Only then does it count (docs/comparison.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import Missing, by_leg
from reconcile_actors.domain.comparison import Different, Evaluation, Lagging, Matched, evaluate
from reconcile_actors.domain.confirmation import Evidence, Observed, begin, extend, is_confirmed
from reconcile_actors.domain.cuts import CutMark, time_of
from reconcile_actors.domain.register import Change, Register
from reconcile_actors.domain.snapshot import Bracket, Snapshot, UnknownReason
from reconcile_actors.domain.tolerance import Tolerances
from reconcile_actors.domain.window import BookWindow

_SEEN_MAX = 64
Sets = Mapping[Leg, frozenset[Decimal]]


@dataclass(frozen=True, slots=True)
class Declared:
    """What the adapter declares that a comparison needs."""

    authoritative: frozenset[Field]
    fee_reserve: Decimal = money.ZERO


@dataclass(slots=True)
class Tracker:
    """One account. No streak survives a restart; open discrepancies and episodes do, in the register."""

    register: Register
    bounds: Bounds
    declared: Declared
    reason: UnknownReason | None = UnknownReason.NOT_READ
    last_decided_us: int | None = None
    exact: tuple[Leg, ...] = ()
    _streaks: dict[Leg, Evidence] = field(default_factory=dict)
    _joint: frozenset[frozenset[tuple[Leg, Decimal]]] = frozenset()
    _joint_reads: int = 0
    _named: tuple[Missing, ...] = ()
    _floor: CutMark | None = None
    _matched: Bracket | None = None
    _lag: Evidence | None = None
    _lag_version: int = 0
    _seen: dict[str, int] = field(default_factory=dict)
    _held: frozenset[Leg] = frozenset()

    # -- what the reconciliation actor should do next ------------------------------------------------------------------

    @property
    def wants_confirming_read(self) -> bool:
        """Whether a difference waits for another read."""
        return bool(self._streaks) or self._lag is not None

    @property
    def wants_fresh_connection(self) -> bool:
        """Whether only a read on a new connection can tell loss from a bad or stale answer."""
        return self._lag is not None or any(one.vanished for one in self._streaks.values())

    def settles_at_us(self, bracket: Bracket, window: BookWindow, started_us: int) -> int:
        """When a read may count (monotonic us); 0 when a watermark is past it already.

        After a start L runs from the trading process's first message, or from the grace at the latest.
        """
        watermark = window.watermark_at
        if watermark is not None:
            if watermark >= bracket.received_at:
                return 0
            return bracket.received_us + self.bounds.watermark_wait_us
        speaks_us = started_us + self.bounds.start_grace_us
        if window.first_message_us is not None:
            speaks_us = min(speaks_us, window.first_message_us)
        return max(bracket.received_us, speaks_us) + self.bounds.local_lag_us

    @property
    def last_match(self) -> Bracket | None:
        """The bracket of the last read that matched."""
        return self._matched

    # -- reads ---------------------------------------------------------------------------------------------------------

    def judge(
        self, window: BookWindow, snapshot: Snapshot, *, settled: bool, now_at: int | None = None
    ) -> tuple[bool, list[Change]]:
        """One read against the book as it is known now. The first value tells whether the read is done with.

        `now_at` is when it is judged (UTC us), which stands in what it finds; by default when the answer was there.

        Unsettled, only a match, or a difference whose cause history names, has a consequence.
        """
        evaluation = self._evaluate(window, snapshot)
        now_at = snapshot.bracket.received_at if now_at is None else now_at
        if isinstance(evaluation, Matched):
            return True, self._take_match(evaluation, snapshot, window, now_at)
        if isinstance(evaluation, Lagging | Different):
            changes = self._confirm_named(evaluation.sets, snapshot, window, now_at)
            if settled:
                changes += self._settle(evaluation, snapshot, window, now_at)
            return settled, changes
        if settled and evaluation.reason == "busy":
            self.reason = UnknownReason.BUSY
        return settled, []

    def _evaluate(self, window: BookWindow, snapshot: Snapshot) -> Evaluation:
        evaluation = evaluate(
            window,
            snapshot,
            self.bounds,
            authoritative=self.declared.authoritative,
            fee_reserve=self.declared.fee_reserve,
            floor=self._floor,
        )
        if not isinstance(evaluation, Different):
            return evaluation
        since_at = self._repeats(window, snapshot)
        return evaluation if since_at is None else Lagging(since_at, evaluation.sets)

    def _repeats(self, window: BookWindow, snapshot: Snapshot) -> int | None:
        """The first movement that must have changed the answer since the same answer was last given, if there is one."""
        seen_at = self._seen.get(snapshot.digest)
        if seen_at is None:
            return None
        visible_by = snapshot.bracket.requested_at - self.bounds.exchange_lag_us - self.bounds.skew_us
        between = (time_of(one, snapshot.bracket) for one in window.entries if one.effects and not one.restates)
        return min((at for at in between if seen_at < at <= visible_by), default=None)

    def _take_match(self, matched: Matched, snapshot: Snapshot, window: BookWindow, now_at: int) -> list[Change]:
        self._floor, self._matched, self._lag = matched.mark, snapshot.bracket, None
        self._streaks.clear()
        self._joint_reads = 0
        self.exact = matched.exact
        self._decided(snapshot)
        self.reason = None
        self._held = frozenset(
            Leg(wallet, currency, Field.TOTAL) for (wallet, currency), one in snapshot.balances.items() if one.total
        )
        changes: list[Change] = []
        tolerances = self._tolerances(window, snapshot)
        for leg in [leg for leg in self.register.open if leg.field is not Field.MOVEMENT and leg not in matched.within]:
            changes += self.register.close(leg, now_at)
        for leg, difference in matched.within.items():
            changes += self._observe(leg, difference, snapshot, tolerances.of(leg), now_at, confirmed=True)
        return changes + self._note_movements(now_at)

    def _settle(
        self, evaluation: Lagging | Different, snapshot: Snapshot, window: BookWindow, now_at: int
    ) -> list[Change]:
        if isinstance(evaluation, Lagging):
            return self._take_lag(evaluation, snapshot, window, now_at)
        self._lag = None
        self._decided(snapshot)
        changes: list[Change] = []
        for leg in [leg for leg in (*self._streaks, *self.register.open) if leg not in evaluation.sets]:
            self._streaks.pop(leg, None)
            if leg.field is not Field.MOVEMENT:
                changes += self.register.close(leg, now_at)
        together = self._jointly(evaluation)
        for leg in evaluation.sets:
            changes += self._weigh(leg, evaluation, snapshot, together.get(leg), now_at)
        if any(one.vanished and not self._is_confirmed(leg) for leg, one in self._streaks.items()):
            self.reason = UnknownReason.SUDDEN_DISAPPEARANCE
        elif all(self._is_confirmed(leg) for leg in self._streaks):
            self.reason = None
        return changes

    def _weigh(
        self, leg: Leg, evaluation: Different, snapshot: Snapshot, together: Decimal | None, now_at: int
    ) -> list[Change]:
        differences = evaluation.sets[leg]
        tolerance = evaluation.tolerances.of(leg)
        possible = any(money.EXACT.abs(one) <= tolerance for one in differences)
        if possible and together is None:
            self._streaks.pop(leg, None)
            return [] if len(differences) > 1 or leg not in self.register.open else self.register.close(leg, now_at)
        vanished = leg in self._held and not _value_of(leg, snapshot)
        read = Observed(snapshot.bracket, differences, snapshot.connection, evaluation.untimed, vanished)
        before = self._streaks.get(leg)
        streak = begin(read) if before is None else extend(before, read, tolerance)
        self._streaks[leg] = streak
        confirmed = is_confirmed(streak, self.bounds, tolerance) or (together is not None and not vanished)
        difference = together if together is not None else streak.best
        return self._observe(leg, difference, snapshot, tolerance, now_at, confirmed=confirmed)

    def _jointly(self, evaluation: Different) -> dict[Leg, Decimal]:
        """The differences of all legs together, once a single combination survives k reads: it may show what no leg shows alone."""
        self._joint = (self._joint & evaluation.joint) if self._joint_reads else evaluation.joint
        self._joint_reads += 1
        if not self._joint:
            self._joint, self._joint_reads = evaluation.joint, 1
        if len(self._joint) != 1 or self._joint_reads < self.bounds.reads or evaluation.untimed:
            return {}
        (only,) = self._joint
        return {leg: amount for leg, amount in only if money.EXACT.abs(amount) > evaluation.tolerances.of(leg)}

    def _take_lag(self, lagging: Lagging, snapshot: Snapshot, window: BookWindow, now_at: int) -> list[Change]:
        same_book = self._lag is not None and self._lag_version == window.version
        read = Observed(snapshot.bracket, frozenset({Decimal(1)}), snapshot.connection)
        self._lag = extend(self._lag, read, money.ZERO) if self._lag is not None and same_book else begin(read)
        self._lag_version = window.version
        self.reason = UnknownReason.STALE
        span_us = self._lag.last.received_us - self._lag.first.requested_us
        if span_us < self.bounds.stale_us or len(self._lag.connections) < 2:
            return []
        self._decided(snapshot)
        self.reason = None
        changes: list[Change] = []
        tolerances = self._tolerances(window, snapshot)
        for leg, differences in lagging.sets.items():
            smallest = min(differences, key=money.EXACT.abs)
            if money.EXACT.abs(smallest) > tolerances.of(leg):
                changes += self._observe(leg, smallest, snapshot, tolerances.of(leg), now_at, confirmed=True)
        return changes

    def remember(self, snapshot: Snapshot) -> None:
        """Keeps what the answer looked like, so that the same answer after later movements is known for lag."""
        self._seen.pop(snapshot.digest, None)
        self._seen[snapshot.digest] = snapshot.bracket.requested_at
        if len(self._seen) > _SEEN_MAX:
            del self._seen[next(iter(self._seen))]

    # -- history -------------------------------------------------------------------------------------------------------

    def take_history(self, missing: Iterable[Missing], now_at: int) -> list[Change]:
        """What the exchange's history names and the book lacks, as of now; replaces what was named before."""
        old_enough = now_at - self.bounds.local_lag_us
        self._named = tuple(one for one in missing if (one.movement.occurred_at or 0) <= old_enough)
        changes: list[Change] = []
        still = {Leg(leg.wallet, leg.currency, Field.MOVEMENT) for leg in by_leg(self._named)}
        for leg in [leg for leg in self.register.open if leg.field is Field.MOVEMENT and leg not in still]:
            changes += self.register.close(leg, now_at)
        for leg, named in by_leg(self._named).items():
            one = self.register.open.get(leg)
            if one is not None:
                changes += self.register.observe(
                    leg,
                    local=one.local,
                    exchange_value=one.exchange_value,
                    difference=one.difference,
                    tolerance=one.tolerance,
                    now_at=now_at,
                    confirmed=True,
                    missing=named,
                )
        return changes + self._note_movements(now_at)

    @property
    def named(self) -> tuple[Missing, ...]:
        """What history names and the book lacks, past any lateness of the trading process."""
        return self._named

    @property
    def names_unseen(self) -> bool:
        """Whether history names what no read since has shown either way."""
        return any(
            leg not in self.register.open and not self._agrees_after(named)
            for leg, named in by_leg(self._named).items()
        )

    def _agrees_after(self, named: Iterable[Missing]) -> bool:
        if self._matched is None:
            return False
        visible = self._matched.requested_at - self.bounds.exchange_lag_us - self.bounds.skew_us
        return all((one.movement.occurred_at or 0) <= visible for one in named)

    def _note_movements(self, now_at: int) -> list[Change]:
        """Ids that the book lacks although balances agree: each currency's are one discrepancy of their own."""
        changes: list[Change] = []
        for leg, named in by_leg(self._named).items():
            own = Leg(leg.wallet, leg.currency, Field.MOVEMENT)
            if leg in self.register.open or not self._agrees_after(named):
                continue
            amount = money.ZERO
            for one in named:
                amount = money.add(amount, one.effects[leg])
            moved = tuple(Missing(one.movement, {own: one.effects[leg]}, one.partly_known) for one in named)
            changes += self.register.observe(
                own,
                local=None,
                exchange_value=amount,
                difference=amount,
                tolerance=money.ZERO,
                now_at=now_at,
                confirmed=True,
                missing=moved,
            )
        return changes

    def _confirm_named(self, sets: Sets, snapshot: Snapshot, window: BookWindow, now_at: int) -> list[Change]:
        """A difference whose cause the exchange itself names needs no second read."""
        changes: list[Change] = []
        tolerances = self._tolerances(window, snapshot)
        for leg, named in by_leg(self._named).items():
            differences = sets.get(leg, frozenset())
            if not differences or any(money.EXACT.abs(one) <= tolerances.of(leg) for one in differences):
                continue
            expected = money.ZERO
            for one in named:
                expected = money.add(expected, one.effects[leg])
            nearest = min(differences, key=lambda one: money.EXACT.abs(money.subtract(one, expected)))
            changes += self._observe(leg, nearest, snapshot, tolerances.of(leg), now_at, confirmed=True)
            changes += self.register.close(Leg(leg.wallet, leg.currency, Field.MOVEMENT), now_at)
            self.reason = None
        return changes

    # -- shared --------------------------------------------------------------------------------------------------------

    def _observe(
        self, leg: Leg, difference: Decimal, snapshot: Snapshot, tolerance: Decimal, now_at: int, *, confirmed: bool
    ) -> list[Change]:
        exchange = _value_of(leg, snapshot) or money.ZERO
        return self.register.observe(
            leg,
            local=money.subtract(exchange, difference),
            exchange_value=exchange,
            difference=difference,
            tolerance=tolerance,
            now_at=now_at,
            confirmed=confirmed,
            missing=by_leg(self._named).get(leg, ()),
        )

    def _is_confirmed(self, leg: Leg) -> bool:
        one = self.register.open.get(leg)
        return one is not None and one.state.is_confirmed

    def _tolerances(self, window: BookWindow, snapshot: Snapshot) -> Tolerances:
        return Tolerances(snapshot.steps, window.operations, window.reserves, self.declared.fee_reserve)

    def _decided(self, snapshot: Snapshot) -> None:
        self.last_decided_us = snapshot.bracket.received_us


def _value_of(leg: Leg, snapshot: Snapshot) -> Decimal | None:
    if leg.field is Field.POSITION:
        position = snapshot.positions.get((leg.wallet, leg.currency))
        return position.quantity if position else None
    balance = snapshot.balances.get((leg.wallet, leg.currency))
    if balance is None:
        return None
    return {Field.TOTAL: balance.total, Field.LOCKED: balance.locked, Field.BORROWED: balance.borrowed}.get(leg.field)
