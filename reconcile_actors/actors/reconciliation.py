"""The reconciliation actor of one account: reads the exchange, sets it against the book, and says what it finds.

It only routes. Its rooms: exchange_reads reads, comparing judges (by the domain's tracker), looking_back asks the
exchange's history, recovering decides about repairs and repairs sees them through, resolving takes a person's decisions,
passing makes reports, halting asks that trading stop, journal records. After each message, what is due next is planned anew.
"""

from functools import partial
from typing import Final

from reconcile_actors.actors import (
    comparing,
    evidence,
    exchange_reads,
    halt_orders,
    halting,
    looking_back,
    passing,
    recovering,
    repairs,
    resolving,
    unknown_watch,
)
from reconcile_actors.actors.account import Account, Preparer
from reconcile_actors.actors.desk import Desk, correlation_of, us
from reconcile_actors.actors.exchange_reads import ReadPlan
from reconcile_actors.actors.failures import is_permanent
from reconcile_actors.actors.halt_watch import HaltReader, HaltWatch
from reconcile_actors.actors.journal import Journal, JournalDue
from reconcile_actors.actors.judging import Judging
from reconcile_actors.actors.looking_back import HistoryWatch
from reconcile_actors.actors.passes import FullStates
from reconcile_actors.actors.protocol import CommitResult, DescribeAccount, HistoryChecked, PostingAnswered, WindowIs
from reconcile_actors.actors.recovery_state import Recovery
from reconcile_actors.actors.ticks import (
    CheckDue,
    DoubtRaised,
    EvidenceRead,
    GatewayClosed,
    HaltsDue,
    HaltsRead,
    HistoryDue,
    HistoryRead,
    OpeningDue,
    OrderDue,
    PassDeadline,
    PassDue,
    PostingDue,
    PricesRead,
    ReadDone,
    ReadDue,
    Ready,
    SettleDue,
)
from reconcile_actors.actors.unknown_watch import UnknownWatch
from reconcile_actors.domain.ledger import AuditEntry, UnitOfWork
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import CredentialsError, ReconcileError, StoreError
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.kernel.behaviour import Behaviour, Context, Failure
from reconcile_actors.kernel.envelope import ReplyTo
from reconcile_actors.kernel.signals import BreakerChanged
from reconcile_actors.logger import logger
from reconcile_actors.messages import (
    AcknowledgeHalt,
    ApproveResolution,
    GetProposals,
    IgnoreDiscrepancy,
    OverrideResolution,
    PauseExchange,
    ReconcileNow,
    Recorded,
    RejectResolution,
    ReleaseHalt,
    ResumeExchange,
)

OPENING_RETRY_SECONDS: Final = 5.0


class ReconciliationActor(Behaviour):
    """One incarnation. Streaks and waiting reads die with it; discrepancies and episodes are read back from the store."""

    def __init__(self, account: Account, prepare: Preparer, read_halts: HaltReader) -> None:
        self._prepare = prepare
        self._desk = Desk(account, Journal(account.name))
        self._reads = ReadPlan()
        self._history = HistoryWatch()
        self._halts = HaltWatch(read_halts)
        self._recovery = Recovery()
        self._states = FullStates()
        self._unknown = UnknownWatch()
        self._preparing = False
        self._switched = False

    def started(self, context: Context) -> None:
        """Opens the gateway and reads back what was open."""
        self._desk.started_us = us(context)
        if not self._desk.account.enabled:
            self._desk.reason = UnknownReason.DISABLED
        self._unknown.told = context.epoch > 1  # by the incarnation before, perhaps
        halting.begin(context, self._halts)
        self._open(context)

    def _open(self, context: Context) -> None:
        desk = self._desk
        # an opening may call the exchange: an open breaker holds it back, a half-open one lets one through as its probe
        held = self._preparing or desk.ending or (desk.quiet and not self._reads.probing)
        if desk.account.enabled and desk.gateway is None and not held:
            self._preparing = True
            context.run(self._prepare, Ready)

    def receive(self, context: Context, message: object) -> None:
        """Commands, the answers of other actors, and its own ticks; then what is due next."""
        if not self._take_from_others(context, message):
            self._take_own(context, message)
        halting.follow(self._desk, context, self._halts, self._history)
        recovering.follow(self._desk, context, self._recovery, self._history)
        passing.finish_if_decided(self._desk, context, self._states, self._history.through_at)
        exchange_reads.plan(self._desk, context, self._reads)
        unknown_watch.look(self._desk, context, self._unknown)
        self._end_if_done(context)

    def _take_from_others(self, context: Context, message: object) -> bool:
        desk = self._desk
        match message:
            case ReconcileNow():
                self._begin_pass(context, asked=True)
            case PauseExchange() | ResumeExchange():
                self._switch(context, message)
            case AcknowledgeHalt() | ReleaseHalt():
                halt_orders.take(desk, context, self._halts, message)
            case ApproveResolution() | RejectResolution() | OverrideResolution() | IgnoreDiscrepancy():
                resolving.take(desk, context, self._recovery, self._history, message)
            case PostingAnswered():
                repairs.take_answer(desk, context, self._recovery, message)
            case GetProposals() | DescribeAccount():
                context.reply(self._told(context, message))
            case BreakerChanged():
                exchange_reads.on_breaker(desk, self._reads, message)
                self._open(context)
                if message.state == "closed":
                    looking_back.begin(desk, context, self._history)
            case WindowIs():
                comparing.take_window(desk, context, message)
            case HistoryChecked():
                looking_back.take_checked(desk, context, self._history, message)
            case CommitResult():
                desk.journal.on_result(context, message)
            case _:
                return False
        return True

    def _told(self, context: Context, question: GetProposals | DescribeAccount) -> object:
        if isinstance(question, DescribeAccount):
            return self._desk.state(context, self._halts.standing)
        return recovering.proposals_of(self._desk, self._recovery, self._history)

    def _take_own(self, context: Context, message: object) -> None:
        desk = self._desk
        match message:
            case ReadDue():
                exchange_reads.begin(desk, context, self._reads)
            case ReadDone():
                exchange_reads.take(desk, context, self._reads, message)
            case SettleDue():
                comparing.settle_next(desk, context)
            case DoubtRaised():
                looking_back.follow_doubt(desk, context, self._history)
            case HistoryDue():
                looking_back.begin(desk, context, self._history)
            case HistoryRead():
                looking_back.take(desk, context, self._history, message)
            case EvidenceRead():
                evidence.take(desk, context, message)
            case PricesRead():
                comparing.take_prices(desk, context, message)
            case PassDue():
                self._begin_pass(context, asked=False)
            case PassDeadline():
                passing.on_deadline(desk, context, message)
            case JournalDue():
                desk.journal.on_due(context, message)
            case _:
                self._take_rare(context, message)

    def _take_rare(self, context: Context, message: object) -> None:
        match message:
            case Ready():
                self._preparing = False
                self._on_ready(context, message)
            case CheckDue():
                looking_back.check_again(self._desk, context, self._history)
            case OpeningDue():
                self._open(context)
            case PostingDue():
                repairs.on_posting_due(self._recovery, message)
            case OrderDue():
                repairs.on_order_due(self._recovery, message)
            case HaltsRead():
                halting.take_read(self._desk, context, self._halts, message)
            case HaltsDue():
                halting.repeat(self._desk, context, self._halts)
            case GatewayClosed():
                self._desk.gateway = None
            case _:
                pass  # nothing else is said to this role

    def _on_ready(self, context: Context, ready: Ready) -> None:
        if isinstance(ready.outcome, Failure):
            error = ready.outcome.error
            if not isinstance(error, ReconcileError):
                raise RuntimeError(f"opening failed: {ready.outcome.error_type}")  # noqa: TRY004 a defect, not a type
            self._on_opening_failed(context, error)
            return
        desk, prepared = self._desk, ready.outcome.value
        if desk.ending:
            return  # whoever opened it closes it
        desk.gateway = prepared.gateway
        if not self._switched:  # what a person said meanwhile is newer than what was read
            desk.paused = prepared.paused
        if desk.judging is None:
            desk.judging = Judging.of(desk.account, prepared, desk.started_us)
            self._recovery.notes = dict(prepared.notes)
        if desk.paused:
            desk.set_reason(UnknownReason.PAUSED)
            if desk.current is not None:
                desk.current.failed = UnknownReason.PAUSED
        self._begin_pass(context, asked=False)
        looking_back.share(self._desk, context, self._history)

    def _on_opening_failed(self, context: Context, error: ReconcileError) -> None:
        if isinstance(error, StoreError):  # no fault of the exchange: no concern of its breaker
            self._desk.later(context, OPENING_RETRY_SECONDS, OpeningDue())
            return
        failure = _failure_of(error)
        if is_permanent(failure):  # a person must mend it, and status has room for a word alone
            logger.bind(exchange=self._desk.account.name, problem=str(error)).error("an account cannot be opened")
        exchange_reads.fail(self._desk, context, failure, type(error).__name__)
        if not is_permanent(failure):
            self._desk.later(context, OPENING_RETRY_SECONDS, OpeningDue())

    def _begin_pass(self, context: Context, *, asked: bool) -> None:
        asker = context.take_reply() if asked else None
        if passing.begin(self._desk, context, asker):
            self._reads.burst = 0
            looking_back.share(self._desk, context, self._history)

    def _switch(self, context: Context, command: PauseExchange | ResumeExchange) -> None:
        desk, reply = self._desk, context.take_reply()
        desk.paused, self._switched = isinstance(command, PauseExchange), True
        if desk.account.enabled:
            desk.set_reason(UnknownReason.PAUSED if desk.paused else UnknownReason.NOT_READ)
        entry = AuditEntry(
            kind="exchange.paused" if desk.paused else "exchange.resumed",
            exchange=desk.account.name,
            body={"actor": command.actor, "claimed_by": command.claimed_by, "reason": command.reason},
            correlation_id=correlation_of(context),
        )
        control = ((f"paused:{desk.account.name}", (command.reason or "paused") if desk.paused else None),)
        unit = UnitOfWork(entries=(entry,), exchange=desk.account.name, control=control)
        desk.journal.write(context, unit, partial(_answer_switch, reply, desk.journal))
        if desk.paused and desk.current is not None:
            desk.current.failed = UnknownReason.PAUSED
        elif not desk.paused and desk.account.enabled:
            self._open(context)
            self._begin_pass(context, asked=False)

    def stop_requested(self, context: Context) -> bool:
        """Asked to stop: the pass ends, what was found is recorded, the gateway is closed."""
        desk = self._desk
        if desk.ending:
            return False
        desk.ending = True
        if desk.current is not None:
            desk.current.failed = desk.current.failed or UnknownReason.STOPPING
        passing.finish_if_decided(desk, context, self._states, self._history.through_at)
        comparing.write_fold(desk, context)
        if desk.gateway is not None:
            context.run(desk.gateway.close, GatewayClosed, timeout_seconds=1.0)
        self._end_if_done(context)
        return False

    def _end_if_done(self, context: Context) -> None:
        desk = self._desk
        if desk.ending and desk.gateway is None and (desk.journal.is_empty or not desk.journal.store_ok):
            context.stop()


def _answer_switch(reply: ReplyTo, journal: Journal) -> None:
    """A switch that could not be made durable holds for this process, and is tried again; `recorded` would say more (I8)."""
    recorded = journal.trouble is None
    reply.send(Recorded(status="recorded" if recorded else "refused", reason=journal.trouble))


def _failure_of(error: ReconcileError) -> FailureClass:
    if isinstance(error, ExchangeFailureError):
        return error.failure
    return FailureClass.CREDENTIALS if isinstance(error, CredentialsError) else FailureClass.CONFIGURATION
