"""The reconciliation actor of one account: reads the exchange, sets it against the book, and says what it finds.

It only routes: the gateway reads, the tracker (domain) judges, the journal records. While watching, a read follows a read
at the spacing that the exchange allows; a difference is read again at once; history runs beside as a detector of its own.
"""

from collections.abc import Callable
from typing import Final

from reconcile_actors.actors.account import Account, Preparer
from reconcile_actors.actors.exchange_reads import ReadPlan
from reconcile_actors.actors.failures import REASONS, is_permanent
from reconcile_actors.actors.history_watch import FOLLOW_SECONDS, RETRY_SECONDS, HistoryWatch
from reconcile_actors.actors.journal import Journal, JournalDue
from reconcile_actors.actors.judging import Judging
from reconcile_actors.actors.passes import FullStates, Pass, make_report
from reconcile_actors.actors.protocol import (
    PORTFOLIO,
    AccountState,
    CheckHistory,
    CommitResult,
    DescribeAccount,
    GetWindow,
    HistoryChecked,
    LegsExact,
    WindowIs,
)
from reconcile_actors.actors.ticks import (
    GatewayClosed,
    HistoryDue,
    HistoryRead,
    PassDeadline,
    PassDue,
    PricesRead,
    ReadDone,
    ReadDue,
    Ready,
    SettleDue,
)
from reconcile_actors.actors.watch_fold import WatchFold
from reconcile_actors.domain.ledger import AuditEntry, UnitOfWork
from reconcile_actors.domain.register import Change
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.domain.window import BookWindow
from reconcile_actors.errors import ReconcileError
from reconcile_actors.exchanges.port import ExchangeFailureError, ExchangeGateway, FailureClass
from reconcile_actors.kernel.behaviour import Behaviour, Context, Failure, Success, Timer
from reconcile_actors.kernel.signals import BreakerChanged, Healthy, Unhealthy
from reconcile_actors.messages import PauseExchange, ReconcileNow, ReconciliationCompleted, Recorded, ResumeExchange
from reconcile_actors.messages.wire import to_json, to_us

RETRY_UNREADABLE_SECONDS: Final = 0.5
SAFETY_SECONDS: Final = 2.0


class ReconciliationActor(Behaviour):
    """One incarnation. Streaks and waiting reads die with it; discrepancies and episodes are read back from the store."""

    def __init__(self, account: Account, prepare: Preparer) -> None:
        self._account = account
        self._prepare = prepare
        self._journal = Journal(account.name)
        self._fold = WatchFold()
        self._states = FullStates()
        self._plan = ReadPlan()
        self._history = HistoryWatch()
        self._gateway: ExchangeGateway | None = None
        self._judging: Judging | None = None
        self._pass: Pass | None = None
        self._windows: dict[int, Callable[[BookWindow], None]] = {}
        self._last_token = 0
        self._timers: dict[type, Timer] = {}
        self._reason: UnknownReason | None = UnknownReason.NOT_READ if account.enabled else UnknownReason.DISABLED
        self._opening_at: int | None = None
        self._pricing = False
        self._priced_at = -1e9
        self._paused = False
        self._quiet = False
        self._probing = False
        self._healthy = False
        self._ending = False
        self._last_read_at: int | None = None
        self._last_pass_at: int | None = None
        self._started_us = 0

    # -- life --------------------------------------------------------------------------------------------------------

    def started(self, context: Context) -> None:
        """Opens the gateway and reads back what was open."""
        self._started_us = _us(context)
        if self._account.enabled:
            context.run(self._prepare, Ready)

    def receive(self, context: Context, message: object) -> None:
        """Commands, the answers of other actors, and its own ticks."""
        match message:
            case ReconcileNow():
                self._begin_pass(context, asked=True)
            case PauseExchange() | ResumeExchange():
                self._switch(context, message)
            case DescribeAccount():
                context.reply(self._state(context))
            case BreakerChanged():
                self._on_breaker(context, message)
            case WindowIs(token=token, window=window):
                handle = self._windows.pop(token, None)
                if handle is not None:
                    handle(window)
            case HistoryChecked():
                self._on_history_checked(context, message)
            case CommitResult():
                self._journal.on_result(context, message)
                self._end_if_done(context)
            case JournalDue():
                self._journal.on_due(context, message)
            case _:
                self._receive_tick(context, message)

    def _receive_tick(self, context: Context, message: object) -> None:
        match message:
            case Ready():
                self._on_ready(context, message)
            case ReadDue():
                self._read(context)
            case ReadDone():
                self._on_read(context, message)
            case SettleDue():
                self._settle_next(context)
            case HistoryDue():
                self._look_back(context)
            case HistoryRead():
                self._on_history(context, message)
            case PricesRead():
                self._on_prices(context, message)
            case PassDue():
                self._begin_pass(context, asked=False)
            case PassDeadline(started_us=started_us):
                self._on_pass_deadline(context, started_us)
            case GatewayClosed():
                self._gateway = None
                self._end_if_done(context)
            case _:
                pass  # nothing else is said to this role

    def _on_ready(self, context: Context, ready: Ready) -> None:
        if isinstance(ready.outcome, Failure):
            error = ready.outcome.error
            if not isinstance(error, ReconcileError):
                raise RuntimeError(f"opening failed: {ready.outcome.error_type}")
            failure = error.failure if isinstance(error, ExchangeFailureError) else FailureClass.CREDENTIALS
            self._fail(context, failure, type(error).__name__)
            return
        prepared = ready.outcome.value
        self._gateway = prepared.gateway
        self._paused = prepared.paused
        self._judging = Judging.of(self._account, prepared, self._started_us)
        self._begin_pass(context, asked=False)

    def stop_requested(self, context: Context) -> bool:
        """Asked to stop: passes end, what was found is recorded, the gateway is closed."""
        self._ending = True
        if self._pass is not None:
            self._pass.failed = self._pass.failed or UnknownReason.TIMEOUT
            self._finish_pass(context)
        self._write_fold(context)
        gateway = self._gateway
        if gateway is not None:
            context.run(gateway.close, GatewayClosed, timeout_seconds=1.0)
        self._end_if_done(context)
        return False

    def _end_if_done(self, context: Context) -> None:
        if self._ending and self._gateway is None and (self._journal.is_empty or not self._journal.store_ok):
            context.stop()

    # -- reading -----------------------------------------------------------------------------------------------------

    def _plan_read(self, context: Context) -> None:
        """Sets the timer of the next read, where there is one to come."""
        judging = self._judging
        if judging is None or self._gateway is None or self._plan.in_flight or self._ending or self._paused:
            return
        if self._quiet and not self._probing:
            return
        if not (self._account.watch or self._pass is not None or judging.in_doubt):
            return
        hurried = self._probing or (self._pass is not None and self._pass.wants_read)
        in_doubt = judging.in_doubt or judging.tracker.names_unseen
        poll_seconds = self._gateway.facts.poll_seconds
        delay = self._plan.delay_seconds(context.monotonic(), poll_seconds, hurried=hurried, in_doubt=in_doubt)
        if self._pass is not None and self._pass.tries and hurried:
            delay = RETRY_UNREADABLE_SECONDS
        self._later(context, delay, ReadDue())

    def _read(self, context: Context) -> None:
        gateway, judging = self._gateway, self._judging
        if gateway is None or judging is None or self._plan.in_flight or not self._journal.has_room:
            return
        self._plan.in_flight, self._probing = True, False
        self._plan.started = context.monotonic()
        fresh = judging.tracker.wants_fresh_connection
        confirming = judging.in_doubt or self._pass is not None
        deadline = min(self._account.timeout_seconds, 2 * self._account.detection_target_seconds)
        context.run(
            lambda: gateway.read(timeout_seconds=deadline, fresh=fresh, confirming=confirming),
            ReadDone,
            timeout_seconds=deadline + SAFETY_SECONDS,
        )

    def _on_read(self, context: Context, done: ReadDone) -> None:
        self._plan.in_flight = False
        outcome = done.outcome
        if isinstance(outcome, Failure):
            self._on_failed_read(context, outcome)
        elif isinstance(outcome.value, Unreadable):
            self._on_unreadable(context, outcome.value)
        else:
            snapshot = outcome.value
            self._say_healthy(context)
            self._last_read_at = snapshot.bracket.received_at
            self._ask_window(context, lambda window: self._preview(context, window, snapshot))
            return
        self._plan_read(context)
        self._finish_pass_if_decided(context)

    def _on_failed_read(self, context: Context, outcome: Failure) -> None:
        error = outcome.error
        if isinstance(error, ExchangeFailureError):
            self._journal.note(
                context,
                "read.failed",
                {"failure": error.failure, "code": error.code, "http_status": error.http_status},
            )
            self._fail(context, error.failure, error.code, error.retry_after_seconds)
        elif isinstance(error, TimeoutError):
            self._journal.note(context, "read.failed", {"failure": FailureClass.TRANSIENT, "code": "timeout"})
            self._fail(context, FailureClass.TRANSIENT, "timeout")
        else:
            raise RuntimeError(f"reading failed: {outcome.error_type}")

    def _fail(self, context: Context, failure: FailureClass, code: str, retry_after: float | None = None) -> None:
        self._healthy = False
        self._set_reason(REASONS[failure])
        self._to_parent(context, Unhealthy(code, retry_after, permanent=is_permanent(failure)))
        if self._pass is not None:
            self._pass.note_failure(REASONS[failure], code, final=failure is not FailureClass.RATE_LIMIT)

    def _on_unreadable(self, context: Context, unreadable: Unreadable) -> None:
        self._journal.note(context, "read.unknown", {"reason": unreadable.reason, "detail": unreadable.detail})
        self._set_reason(unreadable.reason)
        if self._quiet:
            self._to_parent(context, Unhealthy(unreadable.reason))
        if self._pass is not None:
            last = self._pass.tries >= self._account.retry_count
            self._pass.note_failure(unreadable.reason, unreadable.detail, final=last)

    def _say_healthy(self, context: Context) -> None:
        if not self._healthy or self._quiet:
            self._healthy = True
            self._to_parent(context, Healthy())

    def _to_parent(self, context: Context, signal: Healthy | Unhealthy) -> None:
        if context.parent is not None:
            context.tell(context.parent, signal)

    def _on_breaker(self, context: Context, change: BreakerChanged) -> None:
        self._quiet = change.state != "closed"
        self._probing = change.state == "half_open"
        if change.state == "open" and self._pass is not None:
            self._pass.note_failure(self._reason or UnknownReason.BREAKER_OPEN, "", final=True)
            self._finish_pass_if_decided(context)
        self._plan_read(context)

    # -- judging -----------------------------------------------------------------------------------------------------

    def _ask_window(self, context: Context, handle: Callable[[BookWindow], None]) -> None:
        self._last_token += 1
        self._windows[self._last_token] = handle
        context.tell(PORTFOLIO, GetWindow(self._account.name, self._last_token))

    def _preview(self, context: Context, window: BookWindow, snapshot: Snapshot) -> None:
        judging = self._judging
        if judging is None:
            return
        self._opening_at = window.since_at
        if self._pass is not None and snapshot.bracket.requested_us >= self._pass.started_us:
            self._pass.snapshot, self._pass.window = snapshot, window
        if window.unknown is not None:
            self._set_reason(window.unknown)
            if self._pass is not None and self._pass.snapshot is snapshot:
                self._pass.failed = window.unknown
        else:
            matched, changes = judging.preview(window, snapshot, _at(context))
            self._note(context, changes)
            if matched:
                self._on_match(context, window, snapshot)
            else:
                self._await_settling(context, window)
                if context.monotonic() - self._history.last_started > FOLLOW_SECONDS:
                    self._look_back(context)
        self._plan_read(context)
        self._finish_pass_if_decided(context)

    def _on_match(self, context: Context, window: BookWindow, snapshot: Snapshot) -> None:
        judging = self._judging
        assert judging is not None, "only a judged read matches"
        self._reason = None
        self._plan.burst = 0
        self._fold.add(snapshot.digest, snapshot.bracket.received_at)
        if self._fold.is_due(snapshot.bracket.received_at):
            self._write_fold(context)
        exact = tuple(leg for leg in judging.tracker.exact if leg in window.operations)
        if exact:
            context.tell(PORTFOLIO, LegsExact(self._account.name, window.version, exact))

    def _write_fold(self, context: Context) -> None:
        if self._fold.count:
            self._journal.note(context, "watch.matched", dict(self._fold.take()))

    def _await_settling(self, context: Context, window: BookWindow) -> None:
        judging = self._judging
        if judging is not None and judging.pending:
            due_us = judging.due_us(window, judging.pending[0])
            self._later(context, max(0.0, (due_us - _us(context)) / 1_000_000), SettleDue())

    def _settle_next(self, context: Context) -> None:
        if self._judging is not None and self._judging.pending:
            snapshot = self._judging.pending[0]
            self._ask_window(context, lambda window: self._settle(context, window, snapshot))

    def _settle(self, context: Context, window: BookWindow, snapshot: Snapshot) -> None:
        judging = self._judging
        if judging is None or snapshot not in judging.pending:
            return
        if window.unknown is not None:
            judging.pending.clear()
            self._set_reason(window.unknown)
        elif judging.due_us(window, snapshot) <= _us(context):
            matched, changes = judging.settle(window, snapshot, _at(context))
            self._note(context, changes)
            if matched:
                self._on_match(context, window, snapshot)
            else:
                self._reason = judging.tracker.reason
        self._await_settling(context, window)
        if not self._plan.in_flight:
            self._plan_read(context)
        self._finish_pass_if_decided(context)

    def _note(self, context: Context, changes: list[Change]) -> None:
        self._journal.note_changes(context, changes)
        judging = self._judging
        if judging is None or self._pricing or not self._account.tickers:
            return
        wanted = sorted(judging.tracker.register.unpriced())
        gateway = self._gateway
        age = context.monotonic() - self._priced_at
        if wanted and gateway is not None and age > SAFETY_SECONDS:
            self._pricing, self._priced_at = True, context.monotonic()
            context.run(lambda: gateway.prices(wanted, timeout_seconds=2.0), PricesRead, timeout_seconds=3.0)

    def _on_prices(self, context: Context, read: PricesRead) -> None:
        self._pricing = False
        judging = self._judging
        if judging is not None and isinstance(read.outcome, Success):
            prices = {**judging.tracker.register.prices, **read.outcome.value}
            self._journal.note_changes(context, judging.tracker.register.revalue(prices))
        self._finish_pass_if_decided(context)

    # -- history -----------------------------------------------------------------------------------------------------

    def _look_back(self, context: Context) -> None:
        gateway = self._gateway
        if gateway is None or self._ending or self._paused or self._quiet:
            return
        if self._history.running:
            self._history.again = True
            return
        self._history.running, self._history.last_started = True, context.monotonic()
        since_at = self._history.since_at(_at(context), self._opening_at)
        deadline = min(self._account.timeout_seconds, 10.0)
        context.run(
            lambda: gateway.history(since_at, timeout_seconds=deadline),
            HistoryRead,
            timeout_seconds=deadline + SAFETY_SECONDS,
        )

    def _on_history(self, context: Context, read: HistoryRead) -> None:
        if isinstance(read.outcome, Success):
            history = read.outcome.value
            self._history.succeed(history)
            self._last_token += 1
            steps = {}
            if self._pass is not None and self._pass.snapshot is not None:
                steps = dict(self._pass.snapshot.steps)
            context.tell(PORTFOLIO, CheckHistory(self._account.name, self._last_token, history.movements, steps))
            return
        if not isinstance(read.outcome.error, ExchangeFailureError | TimeoutError):
            raise RuntimeError(f"history failed: {read.outcome.error_type}")
        self._history.fail()
        self._history.running = False
        self._journal.note(context, "history.failed", {"code": getattr(read.outcome.error, "code", "timeout")})
        self._after_history(context, RETRY_SECONDS)

    def _on_history_checked(self, context: Context, checked: HistoryChecked) -> None:
        judging, self._history.running = self._judging, False
        self._history.checked(checked.missing)
        if judging is None:
            return
        self._note(context, judging.tracker.take_history(checked.missing, _at(context)))
        named_young = len(checked.missing) > len(judging.tracker.named)
        if judging.tracker.names_unseen:
            self._later(context, 0.0, ReadDue())
        again = self._history.again or named_young
        spacing = self._gateway.facts.history_seconds if self._gateway is not None else RETRY_SECONDS
        self._after_history(context, self._account.local_lag_seconds if again else spacing)

    def _after_history(self, context: Context, delay_seconds: float) -> None:
        self._history.again = False
        if self._pass is not None:
            self._pass.history_done = True
        if self._account.watch:
            self._later(context, delay_seconds, HistoryDue())
        self._finish_pass_if_decided(context)

    # -- passes ------------------------------------------------------------------------------------------------------

    def _begin_pass(self, context: Context, *, asked: bool) -> None:
        asker = context.take_reply() if asked else None
        if self._pass is None:
            now_us = _us(context)
            self._pass = Pass(now_us, now_us + int(self._account.timeout_seconds * 1_000_000))
            context.schedule(self._account.timeout_seconds, PassDeadline(now_us))
            hindrance = self._hindrance()
            if hindrance is not None:
                self._pass.failed = hindrance
            else:
                self._plan.burst = 0
                self._look_back(context)
                self._plan_read(context)
        if asker is not None:
            self._pass.askers.append(asker)
        self._finish_pass_if_decided(context)

    def _hindrance(self) -> UnknownReason | None:
        """Why no pass can begin now."""
        if not self._account.enabled:
            return UnknownReason.DISABLED
        if self._paused:
            return UnknownReason.PAUSED
        if self._quiet:
            return self._reason or UnknownReason.BREAKER_OPEN
        if self._judging is None and self._reason not in {None, UnknownReason.NOT_READ}:
            return self._reason
        return None

    def _finish_pass_if_decided(self, context: Context) -> None:
        if self._pass is None:
            return
        judging = self._judging
        waiting = (len(judging.pending) if judging else 0) + self._pricing
        if self._pass.is_decided(judging.tracker.register.all_open() if judging else (), waiting=waiting):
            self._finish_pass(context)

    def _on_pass_deadline(self, context: Context, started_us: int) -> None:
        if self._pass is None or self._pass.started_us != started_us:
            return
        if self._pass.failed is None:
            in_doubt = self._judging is not None and self._judging.in_doubt
            self._pass.failed = self._reason or (UnknownReason.UNDECIDED if in_doubt else UnknownReason.TIMEOUT)
        self._finish_pass(context)

    def _finish_pass(self, context: Context) -> None:
        one, self._pass = self._pass, None
        assert one is not None, "only a pass in progress ends"
        report = make_report(
            one,
            self._account.name,
            self._judging.tracker.register.all_open() if self._judging else (),
            one.failed or self._current_reason(context),
            now_us=_us(context),
            now_at=_at(context),
            history_through=self._history.through_at,
        )
        self._last_pass_at = report.timestamp
        self._record_pass(context, report, one)
        if not self._account.standalone and self._account.enabled and not self._ending:
            self._later(context, self._account.interval_seconds, PassDue())
        self._plan_read(context)

    def _record_pass(self, context: Context, report: ReconciliationReport, one: Pass) -> None:
        full = self._states.due(report)
        body = {
            "status": report.status,
            "unknown_reason": report.unknown_reason,
            "book_version": report.book_version,
            "snapshot_digest": report.snapshot_digest,
            "raw_digest": report.raw_digest,
            "duration_us": report.duration_us,
            "open": [each.id for each in report.discrepancies],
        }
        correlation = context.envelope.correlation_id if context.envelope is not None else None
        entry = AuditEntry(
            kind="pass.completed",
            exchange=self._account.name,
            body=to_json(body),
            payload={"report": to_json(report)} if full else None,
            correlation_id=correlation,
        )
        unit = UnitOfWork(entries=(entry,), exchange=self._account.name, report=report, full_states=full)
        event = ReconciliationCompleted(report=report, at=context.utc(), correlation_id=correlation)
        replies = [lambda asker=asker: asker.send(report) for asker in one.askers]
        self._journal.write(context, unit, lambda: context.publish(event), *replies)

    # -- switches and status -----------------------------------------------------------------------------------------

    def _switch(self, context: Context, command: PauseExchange | ResumeExchange) -> None:
        reply = context.take_reply()
        self._paused = isinstance(command, PauseExchange)
        self._set_reason(UnknownReason.PAUSED if self._paused else UnknownReason.NOT_READ)
        correlation = context.envelope.correlation_id if context.envelope is not None else None
        entry = AuditEntry(
            kind="exchange.paused" if self._paused else "exchange.resumed",
            exchange=self._account.name,
            body={"actor": command.actor, "claimed_by": command.claimed_by, "reason": command.reason},
            correlation_id=correlation,
        )
        control = ((f"paused:{self._account.name}", command.reason or "paused" if self._paused else None),)
        unit = UnitOfWork(entries=(entry,), exchange=self._account.name, control=control)
        self._journal.write(context, unit, lambda: reply.send(Recorded(status="recorded")))
        if self._paused and self._pass is not None:
            self._pass.failed = UnknownReason.PAUSED
            self._finish_pass(context)
        elif not self._paused and self._account.enabled:
            if self._judging is None:
                context.run(self._prepare, Ready)
            self._begin_pass(context, asked=False)

    def _set_reason(self, reason: UnknownReason) -> None:
        self._reason = reason
        if self._judging is not None:
            self._judging.tracker.reason = reason

    def _current_reason(self, context: Context) -> UnknownReason | None:
        if self._reason is not None or self._judging is None or not self._account.watch:
            return self._reason
        decided_us = self._judging.tracker.last_decided_us or self._started_us
        late = _us(context) - decided_us > self._account.undecided_us
        return UnknownReason.UNDECIDED if late else None

    def _state(self, context: Context) -> AccountState:
        facts = self._gateway.facts if self._gateway is not None else None
        tracker = self._judging.tracker if self._judging is not None else None
        open_ones = tracker.register.all_open() if tracker is not None else ()
        return AccountState(
            exchange=self._account.name,
            open=open_ones,
            reason=self._current_reason(context),
            paused=self._paused,
            last_read_at=self._last_read_at,
            last_decided_us=tracker.last_decided_us if tracker is not None else None,
            last_pass_at=self._last_pass_at,
            facts=facts,
            now_us=_us(context),
            now_at=_at(context),
        )

    def _later(self, context: Context, delay_seconds: float, tick: object) -> None:
        """One timer a kind: a new one replaces the old."""
        old = self._timers.pop(type(tick), None)
        if old is not None:
            old.cancel()
        self._timers[type(tick)] = context.schedule(delay_seconds, tick)


def _us(context: Context) -> int:
    return int(context.monotonic() * 1_000_000)


def _at(context: Context) -> int:
    return to_us(context.utc())
