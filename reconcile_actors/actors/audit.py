"""The audit actor: owns the ledger writer. Units of work that wait while one transaction is written go into the next (group commit)."""

from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from reconcile_actors.actors.alert_protocol import ALERTS, AlertsWritten, StoreChanged
from reconcile_actors.actors.protocol import AuditStatus, Commit, CommitResult, DescribeAudit
from reconcile_actors.domain.ledger import Committed, Refused, UnitOfWork
from reconcile_actors.kernel.behaviour import Behaviour, Context, Outcome, Success
from reconcile_actors.kernel.envelope import ReplyTo

UNITS_A_COMMIT: Final = 256


class LedgerWriter(Protocol):
    """The part of the repository that this actor needs."""

    def commit(self, units: Sequence[UnitOfWork]) -> Awaitable[Sequence[Committed | Refused]]:
        """One transaction for all; runs on the io loop."""
        ...

    def audit_size(self) -> Awaitable[int]:
        """Entries in the log."""
        ...


class _Written:
    """The transaction in hand ended."""

    def __init__(self, outcome: Outcome[Sequence[Committed | Refused]]) -> None:
        self.outcome = outcome


class _Counted:
    """The log's size at the start."""

    def __init__(self, outcome: Outcome[int]) -> None:
        self.outcome = outcome


class AuditActor(Behaviour):
    """One transaction at a time. Every Commit is answered, also when the store fails: with Refused."""

    def __init__(self, ledger: LedgerWriter, *, waiting_max: int = 10_000) -> None:
        self._ledger = ledger
        self._waiting_max = waiting_max
        self._waiting: list[tuple[Commit, ReplyTo]] = []
        self._in_hand: list[tuple[Commit, ReplyTo]] = []
        self._trouble = ""
        self._ending = False
        self._size = 0

    def started(self, context: Context) -> None:
        """Learns where the log stands."""
        context.run(self._ledger.audit_size, _Counted)

    def receive(self, context: Context, message: object) -> None:
        """Commit, DescribeAudit."""
        match message:
            case Commit():
                self._take(context, message)
            case _Written():
                self._finish(context, message.outcome)
            case _Counted(outcome=Success(value=size)):
                self._size = max(self._size, size)
            case DescribeAudit():
                waiting = len(self._waiting) + len(self._in_hand)
                context.reply(AuditStatus(self._size, not self._trouble, self._trouble, waiting))
            case _:
                pass  # nothing else is said to this role

    def _take(self, context: Context, commit: Commit) -> None:
        if len(self._waiting) >= self._waiting_max:
            context.reply(CommitResult(commit.token, Refused("overloaded")))
            return
        self._waiting.append((commit, context.take_reply()))
        self._write(context)

    def _write(self, context: Context) -> None:
        if self._in_hand or not self._waiting:
            return
        self._in_hand, self._waiting = self._waiting[:UNITS_A_COMMIT], self._waiting[UNITS_A_COMMIT:]
        units = [commit.unit for commit, _ in self._in_hand]
        context.run(lambda: self._ledger.commit(units), _Written)

    def _finish(self, context: Context, outcome: Outcome[Sequence[Committed | Refused]]) -> None:
        failed: list[Committed | Refused] = [Refused("store_failed") for _ in self._in_hand]
        results = list(outcome.value) if isinstance(outcome, Success) else failed
        refused = [one.reason for one in results if isinstance(one, Refused) and one.reason.startswith("store")]
        before, self._trouble = self._trouble, refused[0] if refused else ""
        if bool(before) != bool(self._trouble):
            context.tell(ALERTS, StoreChanged(self._trouble))
        self._size = max([self._size, *(one.last_seq + 1 for one in results if isinstance(one, Committed))])
        for (commit, reply_to), result in zip(self._in_hand, results, strict=True):
            reply_to.send(CommitResult(commit.token, result))
        written = zip(self._in_hand, results, strict=True)
        if any(one.unit.outbox and isinstance(result, Committed) for (one, _), result in written):
            context.tell(ALERTS, AlertsWritten())
        self._in_hand = []
        if self._waiting:
            self._write(context)
        else:
            self._end_if_asked(context)

    def stop_requested(self, context: Context) -> bool:  # noqa: ARG002 the hook's own shape
        """Asked to stop: what waits is written first."""
        self._ending = bool(self._in_hand)
        return not self._ending

    def _end_if_asked(self, context: Context) -> None:
        if self._ending:
            context.stop()
