"""The state machine of one account: reads and history go in, discrepancies and a status come out.

A read may agree at once. One that does not is judged again when it is settled: when received + L has passed, or the
trading process says that it has reported past it. Only then does it count (docs/comparison.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import Missing, by_leg
from reconcile_actors.domain.comparison import (
    Agreed,
    Amounts,
    Different,
    Evaluation,
    Lagging,
    Question,
    Undecided,
    evaluate,
    explains,
)
from reconcile_actors.domain.cuts import CutMark, recorded_after
from reconcile_actors.domain.doubts import Doubts, Known
from reconcile_actors.domain.lock_check import lock_gaps
from reconcile_actors.domain.movements import merge
from reconcile_actors.domain.naming import has_happened, is_shown
from reconcile_actors.domain.register import Change, Register
from reconcile_actors.domain.repeats import Answers
from reconcile_actors.domain.snapshot import Bracket, Snapshot, UnknownReason
from reconcile_actors.domain.standing import Standing, value_of
from reconcile_actors.domain.tolerance import Tolerances
from reconcile_actors.domain.window import BookWindow

_UNDATED_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Declared:
    """What the adapter declares that a comparison needs."""

    authoritative: frozenset[Field]
    fee_reserve: Decimal = money.ZERO


class Decided(NamedTuple):
    """A read that was decided, and the version of the book that decided it.

    `is_current`: all that the book knew of the time before the read was counted. Else what was told late may be part of the
    difference and of the book.
    """

    bracket: Bracket
    version: int
    is_current: bool


@dataclass(slots=True)
class Tracker:
    """One account. No streak survives a restart; open discrepancies and episodes do, in the register.

    `exact` are legs that the last read agreed with to the last digit (for `Book.exact`, with its window's version).
    """

    register: Register
    bounds: Bounds
    declared: Declared
    reason: UnknownReason | None = UnknownReason.NOT_READ
    last_decided_us: int | None = None
    decided: Decided | None = None
    exact: tuple[Leg, ...] = ()
    _doubts: Doubts = field(init=False)
    _standing: Standing = field(init=False)
    _answers: Answers = field(default_factory=Answers)
    _floor: CutMark | None = None
    _agreed: Bracket | None = None
    _held: Snapshot | None = None
    _undated: list[Snapshot] = field(default_factory=list)
    _since_us: int | None = None
    _speaks_at: int | None = None
    _looked_at: int | None = None

    def __post_init__(self) -> None:
        self._doubts = Doubts(self.bounds)
        self._standing = Standing(self.register)

    # -- what the reconciliation actor should do next ------------------------------------------------------------------

    @property
    def wants_confirming_read(self) -> bool:
        """Whether a difference waits for another read."""
        return bool(self._doubts)

    @property
    def wants_fresh_connection(self) -> bool:
        """Whether only a read on a new connection can tell loss from a bad or stale answer."""
        return self._doubts.want_fresh_connection

    @property
    def names_unseen(self) -> bool:
        """Whether history names what no read since has shown either way."""
        return bool(self._standing.named.new)

    @property
    def named(self) -> tuple[Missing, ...]:
        """What history names and the book lacks, past any lateness of the trading process."""
        return self._standing.named.missing

    @property
    def placed(self) -> tuple[Missing, ...]:
        """Of what history names, that which reads have shown to be part of a difference or none."""
        return self._standing.named.placed

    @property
    def loose(self) -> tuple[Missing, ...]:
        """Of what history names, the rest."""
        return self._standing.named.loose

    @property
    def gone(self) -> tuple[Missing, ...]:
        """What was part of a difference and has come into the book since, as far as no read has shown that yet."""
        return self._standing.named.gone

    @property
    def doubts_value(self) -> bool:
        """Whether the last reads differ from what is known to differ."""
        return self._doubts.of_value

    @property
    def may_have_grown(self) -> bool:
        """Whether reads differ by more or less than what stands, and more of them will tell by how much."""
        return self._doubts.of_value and not self._standing.vague_legs

    @property
    def moved_legs(self) -> frozenset[Leg]:
        """Where the difference should be another than the one that stands, by history or by what has come into the book since."""
        return frozenset(self._standing.named.shift())

    @property
    def vague_legs(self) -> frozenset[Leg]:
        """Where something is lost, and how much is not known."""
        return self._standing.vague_legs

    @property
    def last_match(self) -> Bracket | None:
        """The bracket of the last read that agreed with the book, but for the discrepancies that stand."""
        return self._agreed

    def settles_at_us(self, bracket: Bracket, window: BookWindow, started_us: int) -> int:
        """When a read may count (monotonic us); 0 when a watermark is past it already.

        After a start L runs from the trading process's first message, or from the grace at the latest.
        """
        speaks_us = started_us + self.bounds.start_grace_us
        if window.first_message_us is not None:
            speaks_us = min(speaks_us, window.first_message_us)
        self._since_us = started_us
        self._speaks_at = speaks_us + bracket.requested_at - bracket.requested_us
        if window.watermark_at is None:
            return max(bracket.received_us, speaks_us) + self.bounds.local_lag_us
        # the trading process may go by the exchange's clock
        is_past = window.watermark_at >= bracket.received_at + self.bounds.skew_us
        return 0 if is_past else bracket.received_us + self.bounds.watermark_wait_us

    # -- reads ---------------------------------------------------------------------------------------------------------

    def judge(
        self, window: BookWindow, snapshot: Snapshot, *, settled: bool, now_at: int | None = None
    ) -> tuple[bool, list[Change]]:
        """One read against the book as it is known now. The first value tells whether the read is done with.

        `now_at` is when it is judged (UTC us), which stands in what it finds; by default when the answer was there.
        Unsettled, a read that agrees (with the book, with what stands, or with what history names) has a consequence,
        and any other waits. What a newer read agreed with is not doubted for an older one.
        """
        now_at = snapshot.bracket.received_at if now_at is None else now_at
        if window.unknown is not None:
            self.reason = window.unknown
            self._doubts = Doubts(self.bounds)
            return True, []
        self._note_told(window, snapshot.bracket)
        changes = self._judge_undated(window, snapshot, now_at) if settled else []
        question = self._question(window, snapshot, settled=settled)
        verdict, moved = self._judge_value(question, now_at, settled=settled)
        changes += moved
        done = settled or verdict is None or isinstance(verdict, Agreed)
        if isinstance(verdict, Lagging) or verdict == Undecided("behind"):
            return done, changes
        gaps = lock_gaps(question, self.declared.fee_reserve, settled=settled)
        if settled:
            return True, changes + self._standing.apply(self._doubts.weigh_locks(gaps, question), question, now_at)
        agreeing = {leg: None for leg, gap in gaps.items() if gap is None}
        changes += self._standing.apply(self._doubts.weigh_locks(agreeing, question), question, now_at)
        return done and len(agreeing) == len(gaps), changes

    def _judge_value(self, question: Question, now_at: int, *, settled: bool) -> tuple[Evaluation | None, list[Change]]:
        if self._agreed is not None and question.snapshot.bracket.requested_us < self._agreed.requested_us:
            return None, []
        verdict = evaluate(question, settled=settled)
        if isinstance(verdict, Different) and self._answers.is_repeated(question, verdict.joint):
            verdict = Lagging(verdict.newest)
        return verdict, self._take(verdict, question, now_at)

    def _judge_undated(self, window: BookWindow, newest: Snapshot, now_at: int) -> list[Change]:
        """Reads that only own times could decide: history may have told these since."""
        waiting, self._undated = self._undated, []
        oldest_us = newest.bracket.received_us - self.bounds.undecided_us
        changes: list[Change] = []
        for one in waiting:
            if one.bracket.received_us >= oldest_us:
                changes += self._judge_value(self._question(window, one, settled=True), now_at, settled=True)[1]
        return changes

    def remember(self, snapshot: Snapshot) -> None:
        """Keeps what the answer looked like, so that the same answer after later movements is known for lag."""
        self._answers.remember(snapshot)

    def _question(self, window: BookWindow, snapshot: Snapshot, *, settled: bool) -> Question:
        doubted = bool(self._doubts)
        return Question(
            window=window,
            snapshot=snapshot,
            bounds=self.bounds,
            authoritative=self.declared.authoritative,
            tolerances=Tolerances(snapshot.steps, window.operations, window.open_orders),
            # once a settled read differs, that an unsettled one shows what stands may be chance
            expected=self._standing.expected(by_history_alone=doubted and not settled),
            floor=self._floor,
            since_us=self._since_us,
            doubted=doubted,
            vague=self._standing.vague,
        )

    def _take(self, verdict: Evaluation, question: Question, now_at: int) -> list[Change]:
        match verdict:
            case Agreed():
                return self._agree(verdict, question, now_at)
            case Lagging(amounts=amounts):
                return self._lag(question, amounts, now_at)
            case Different():
                return self._differ(verdict, question, now_at)
            case Undecided(reason="unsettled"):
                watermark_at = question.window.watermark_at
                oldest_at = question.snapshot.bracket.received_at - self.bounds.local_lag_us
                if watermark_at is not None and watermark_at < oldest_at:
                    self.reason = UnknownReason.LOCAL_STALE
                return []
            case Undecided(reason=reason):
                if reason == "busy":
                    self.reason = UnknownReason.BUSY
                if reason == "untimed":
                    self._undated = [*self._undated[1 - _UNDATED_MAX :], question.snapshot]
                return [] if reason == "behind" else self._name_alone(question, now_at)

    def _agree(self, agreed: Agreed, question: Question, now_at: int) -> list[Change]:
        snapshot = question.snapshot
        self._floor, self._agreed, self.exact = agreed.mark, snapshot.bracket, agreed.exact
        self._doubts.clear()
        self._answers.refresh(snapshot)
        self._decide(question, agreed.mark)
        self._held = snapshot
        self._take_named(agreed, question)
        return self._standing.agree(agreed.expected, agreed.amounts, question, now_at)

    def _lag(self, question: Question, amounts: Amounts, now_at: int) -> list[Change]:
        self.reason = UnknownReason.STALE
        findings = self._doubts.take_lag(question, amounts)
        if findings:
            self._decide(question)
        return self._standing.apply(findings, question, now_at) or self._name_alone(question, now_at)

    def _differ(self, different: Different, question: Question, now_at: int) -> list[Change]:
        stands, named = self._standing.losses(), by_leg(self._shown(question))
        expected = merge(stands, self._standing.named.shift())
        known = Known(
            stands=stands,
            named={leg: expected.get(leg, money.ZERO) for leg in named},
            vanished=lambda leg: self._has_vanished(leg, question.snapshot),
        )
        findings = self._doubts.weigh(different, question, known)
        changes = self._standing.apply(findings, question, now_at)
        # who ignores a difference has not been told of another one on the same leg
        doubtful = [leg for leg in self._doubts.streaks if not self._standing.is_told(leg)]
        if any(self._doubts.streaks[leg].newest.vanished for leg in doubtful):
            self.reason = UnknownReason.SUDDEN_DISAPPEARANCE
        elif self._doubts.streaks and not doubtful:
            self._decide(question)
        self._standing.named.account(one for leg in named if self._standing.is_loss(leg) for one in named[leg])
        if self._doubts.survivors.reads > 2 * self.bounds.reads:
            changes += self._name_alone(question, now_at)
        stands = {} if self._standing.vague else self._standing.losses()
        if stands and any(explains(stands, dict(vector), question.tolerances) for vector in different.joint):
            self._doubts.clear()  # all of it stands now
        return changes

    def _has_vanished(self, leg: Leg, snapshot: Snapshot) -> bool:
        """Whether what the exchange held at the last agreement is gone whole; before the first one, what the book holds."""
        if leg.field is not Field.TOTAL or value_of(leg, snapshot):
            return False
        return self._held is None or bool(value_of(leg, self._held))

    def _decide(self, question: Question, mark: CutMark | None = None) -> None:
        self.last_decided_us = question.snapshot.bracket.received_us
        left_out = {one.version for one in question.told_late}
        is_current = left_out.isdisjoint(mark.excluded if mark is not None else left_out)
        self.decided = Decided(question.snapshot.bracket, question.window.version, is_current)
        self.reason = UnknownReason.NO_OPENING if question.window.unopened or question.lacks_positions else None

    # -- history -------------------------------------------------------------------------------------------------------

    def take_history(self, missing: Iterable[Missing], now_at: int) -> list[Change]:
        """What the exchange's history names and the book lacks, as of now (UTC us); replaces what was named before.

        Only what the trading process must have reported by now counts: nothing, as long as it may not have spoken yet.
        """
        if not self._has_spoken(now_at):
            return []
        through_at = now_at - self.bounds.local_lag_us
        late = [one for one in missing if has_happened(one, through_at)]
        self._standing.named.take(late, through_at - self.bounds.skew_us)
        self._looked_at = now_at
        return self._standing.explain(now_at)

    # -- repairs -------------------------------------------------------------------------------------------------------

    def take_posted(self, posted: Iterable[Missing], ids: Iterable[str], now_us: int) -> None:
        """These came into the book as the repair of discrepancies (their ids): a read from now on, less R, shows whether it worked."""
        self._standing.named.account(posted)
        proves_us = now_us + self.bounds.exchange_lag_us + self.bounds.skew_us
        self.register.proves_us.update(dict.fromkeys(ids, proves_us))

    def drop_posted(self, posted: Iterable[Missing]) -> None:
        """Their repair has failed."""
        self._standing.named.drop(posted)

    def _note_told(self, window: BookWindow, bracket: Bracket) -> None:
        named = self._standing.named
        if named.missing and self._looked_at is not None:
            looked_us = self._looked_at - bracket.requested_at + bracket.requested_us
            named.book(one.id for one in recorded_after(window.entries, looked_us))

    def _has_spoken(self, now_at: int) -> bool:
        if self._speaks_at is None:
            return self._agreed is not None
        return now_at >= self._speaks_at + self.bounds.local_lag_us

    def _shown(self, question: Question) -> list[Missing]:
        """What history names, that no read has shown either way, and that this one must show."""
        return [one for one in self._standing.named.new if is_shown(one, question.snapshot.bracket, self.bounds)]

    def _take_named(self, agreed: Agreed, question: Question) -> None:
        """What history names is part of the difference that stands, or balances agree without it."""
        named = self._standing.named
        if named.shift() and agreed.expected is question.expected[0]:
            named.account_all()
            return
        if agreed.expected:
            since_us = question.reach.earliest_us
            named.drop_gone({one.id for one in recorded_after(question.window.entries, since_us)})
        else:
            named.settle()
        shown = self._shown(question)
        named.account(one for one in shown if not agreed.expected.keys().isdisjoint(one.effects))
        named.set_apart(one for one in shown if agreed.expected.keys().isdisjoint(one.effects))

    def _name_alone(self, question: Question, now_at: int) -> list[Change]:
        """Where reads cannot decide, what history names stands by itself: the id is missing, whatever the balances look like."""
        self._standing.named.set_apart(self._shown(question))
        return self._standing.note_apart(now_at)
