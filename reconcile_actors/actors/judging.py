"""The reads of one account that wait for their judgement, and the tracker that judges them."""

from dataclasses import dataclass, field

from reconcile_actors.actors.account import Account, Prepared
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.cuts import Reach
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.lock_check import stated_locks
from reconcile_actors.domain.register import Change, Register
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.domain.tracking import Declared, Tracker
from reconcile_actors.domain.window import BookWindow

PENDING_MAX = 16


@dataclass(slots=True)
class Judging:
    """A match counts at once and makes older waiting reads moot; a difference waits until no report can be late any more."""

    tracker: Tracker
    started_us: int
    pending: list[Snapshot] = field(default_factory=list)
    _halves: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, account: Account, prepared: Prepared, started_us: int) -> "Judging":
        """For a new incarnation: what was open stays open, streaks begin anew."""
        facts = prepared.gateway.facts
        bounds: Bounds = account.bounds(facts)
        register = Register(
            exchange=account.name,
            threshold_usd=account.threshold_usd,
            episodes=dict(prepared.episodes),
            open={one.leg: one for one in prepared.open},
            prices=dict(account.prices),
        )
        return cls(Tracker(register, bounds, Declared(facts.authoritative, facts.fee_reserve)), started_us)

    def preview(self, window: BookWindow, snapshot: Snapshot, now_at: int) -> tuple[bool, list[Change]]:
        """A fresh read: whether it matched, and what changed."""
        before = self.tracker.last_match
        done, changes = self.tracker.judge(window, snapshot, settled=False, now_at=now_at)
        self.tracker.remember(snapshot)
        matched = self.tracker.last_match is not before
        if done:
            self._forget_until(snapshot)
        else:
            # beyond the bound the newest gives way: the oldest are the first that may count
            self.pending = [*self.pending[: PENDING_MAX - 1], snapshot]
            self._halves &= {one.bracket.requested_us for one in self.pending}
            if matched:
                self._halves.add(snapshot.bracket.requested_us)
        return matched, changes

    def waits(self, snapshot: Snapshot) -> bool:
        """Whether a read is still to be settled: one that agreed in what is held may differ in what is locked."""
        return any(one is snapshot for one in self.pending)

    def locks_unknown(self, window: BookWindow, snapshot: Snapshot) -> bool:
        """Whether a read reaches back behind the start and locks other amounts than the book: a later one must tell."""
        if Reach.of(snapshot.bracket, self.tracker.bounds).earliest_us >= self.started_us:
            return False
        return any(stated != window.legs[leg] for leg, stated in stated_locks(window, snapshot))

    def is_decided(self, snapshot: Snapshot) -> bool:
        """Whether a settled read was decided, now or, in what is held, when it came."""
        bracket = snapshot.bracket
        return self.tracker.last_decided_us == bracket.received_us or bracket.requested_us in self._halves

    def due_us(self, window: BookWindow, snapshot: Snapshot) -> int:
        """When a waiting read may be settled (monotonic us)."""
        return self.tracker.settles_at_us(snapshot.bracket, window, self.started_us)

    def settle(self, window: BookWindow, snapshot: Snapshot, now_at: int) -> tuple[bool, list[Change]]:
        """The oldest waiting read, for good: whether it matched after all, and what changed."""
        before = self.tracker.last_match
        _, changes = self.tracker.judge(window, snapshot, settled=True, now_at=now_at)
        self.pending = [one for one in self.pending if one is not snapshot]
        return self.tracker.last_match is not before, changes

    def _forget_until(self, snapshot: Snapshot) -> None:
        self.pending = [one for one in self.pending if one.bracket.requested_us > snapshot.bracket.requested_us]

    @property
    def in_doubt(self) -> bool:
        """Whether a difference waits for more evidence."""
        return bool(self.pending) or any(one.state is State.CANDIDATE for one in self.tracker.register.open.values())
