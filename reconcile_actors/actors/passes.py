"""A full pass of one account: from the request to its report, with as many reads as a decision needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconcile_actors.actors.portfolio_views import local_balances, local_positions
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.report import ReconciliationReport, status_of
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason
from reconcile_actors.domain.window import BookWindow
from reconcile_actors.kernel.envelope import ReplyTo

LOOKS_MAX = 3
HOUR_US = 3_600_000_000


@dataclass(slots=True)
class Pass:
    """One pass in progress. Only reads asked for after `started_us` count for it; `judged` tells whether one was decided.

    `snapshot` and `window` are those of the read that was decided, before that of the newest one.
    """

    started_us: int
    askers: list[ReplyTo] = field(default_factory=list)
    tries: int = 0
    snapshot: Snapshot | None = None
    window: BookWindow | None = None
    history_done: bool = False
    looks_again: int = 0
    judged: bool = False
    failed: UnknownReason | None = None
    detail: str = ""

    def may_be_explained(self, open_ones: Sequence[BalanceDiscrepancy], history_through: int | None) -> bool:
        """Whether a loss has no cause yet and history has not been seen up to the read that showed it."""
        if self.failed is not None or self.snapshot is None or history_through is None or self.looks_again >= LOOKS_MAX:
            return False
        unseen = history_through < self.snapshot.bracket.received_at
        return unseen and any(one.cause == "unexplained" for one in open_ones)

    @property
    def wants_read(self) -> bool:
        """Whether it has no answer of the exchange yet."""
        return self.snapshot is None and self.failed is None

    def note_failure(self, reason: UnknownReason, detail: str, *, final: bool) -> None:
        """A read gave nothing; with `final` the pass ends with that."""
        self.tries += 1
        self.detail = detail
        if final:
            self.failed = reason

    def take(self, snapshot: Snapshot, window: BookWindow, *, judged: bool) -> None:
        """A read met the book; `judged` where it was decided by that."""
        if snapshot.bracket.requested_us >= self.started_us and not self.judged:
            self.snapshot, self.window, self.judged = snapshot, window, judged

    def is_decided(self, open_ones: Sequence[BalanceDiscrepancy], *, pricing: bool, growing: bool) -> bool:
        """Whether nothing is left to find out: a read was decided, no difference is in doubt, none that stands may be larger by
        now (`growing`), no price is awaited.

        Later reads may still wait to settle: while a discrepancy stands there is always one that does.
        """
        if self.failed is not None:
            return True
        in_doubt = any(one.state is State.CANDIDATE for one in open_ones)
        return self.judged and self.history_done and not (pricing or in_doubt or growing)


def make_report(
    one: Pass,
    exchange: str,
    open_ones: tuple[BalanceDiscrepancy, ...],
    unknown: UnknownReason | None,
    *,
    now_us: int,
    now_at: int,
    history_through: int | None,
) -> ReconciliationReport:
    """The report of a pass that ends now."""
    status = status_of(open_ones, unknown)
    named = unknown if status.value == "unknown" else None
    window, snapshot = one.window, one.snapshot
    return ReconciliationReport(
        exchange=exchange,
        timestamp=now_at,
        status=status,
        local_balances=local_balances(window) if window else (),
        exchange_balances=tuple(snapshot.balances[key] for key in sorted(snapshot.balances)) if snapshot else (),
        local_positions=local_positions(window) if window else (),
        exchange_positions=tuple(snapshot.positions[key] for key in sorted(snapshot.positions)) if snapshot else (),
        discrepancies=open_ones,
        unknown_reason=named,
        unknown_detail=one.detail if named else "",
        book_version=window.version if window else 0,
        snapshot_digest=snapshot.digest if snapshot else None,
        raw_digest=snapshot.raw_digest if snapshot else None,
        duration_us=now_us - one.started_us,
        history_through=history_through,
    )


@dataclass(slots=True)
class FullStates:
    """When to keep both sides in full: on a change, on a discrepancy, and hourly. Growth is bounded by this."""

    last: tuple[str | None, int, bool] | None = None
    last_at: int = 0

    def due(self, report: ReconciliationReport) -> bool:
        """Whether this report keeps its states; remembers what it answered for."""
        state = (report.snapshot_digest, report.book_version, bool(report.discrepancies))
        if state == self.last and report.timestamp - self.last_at < HOUR_US:
            return False
        self.last, self.last_at = state, report.timestamp
        return True
