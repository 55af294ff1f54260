"""The portfolio state actor: what the trading process believes, account by account.

Reports are gathered while one unit of work is being written and go into the next. A book is shown only at rest, when all
of it is durable; a unit that was refused is forgotten by reading the book anew from the store.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from reconcile_actors.actors.account_book import AccountBook, Waiting, restore
from reconcile_actors.actors.adjusting import ADJUSTMENT, refused_posting
from reconcile_actors.actors.announcing import Announcements, AnnouncementsRead, ReadAnnouncements, RepeatDue
from reconcile_actors.actors.book_reading import BookReader, Found, Loaded, LookUp, ReloadDue, Unanswered, lacking
from reconcile_actors.actors.portfolio_views import account_view
from reconcile_actors.actors.protocol import (
    AUDIT,
    CheckHistory,
    Commit,
    CommitResult,
    GetWindow,
    HistoryChecked,
    LegsExact,
    NoteGap,
    PostAdjustment,
    PostingAnswered,
    WindowIs,
)
from reconcile_actors.domain.book import Book
from reconcile_actors.domain.ledger import Refused, UnitOfWork
from reconcile_actors.domain.movements import Movement
from reconcile_actors.kernel.behaviour import Behaviour, Context, Success, Timer
from reconcile_actors.kernel.errors import DeadlineExceeded
from reconcile_actors.messages import AcknowledgeAdjustment, GetPortfolio, LocalWatermark, Recorded
from reconcile_actors.messages.records import AnyRecord
from reconcile_actors.messages.views import AccountPortfolio, PortfolioView
from reconcile_actors.messages.wire import to_us

COMMIT_SECONDS: Final = 15.0
RELOAD_SECONDS: Final = 1.0
UNANSWERED: Final = "unanswered"


class PortfolioStateActor(Behaviour):
    """Takes every record of the public messages; answers GetWindow, CheckHistory and GetPortfolio."""

    def __init__(self, reader: BookReader, new_books: Sequence[Callable[[], Book]]) -> None:
        self._reader = reader
        self._new = {make().exchange: make for make in new_books}
        self._accounts = {name: AccountBook(make(), busy=True) for name, make in self._new.items()}
        self._tokens: dict[int, str] = {}
        self._timers: dict[str, Timer] = {}
        self._announcements = Announcements()
        self._next_token = 0
        self._ending = False

    def started(self, context: Context) -> None:
        """Reads every book from the store; reports that come meanwhile wait."""
        self._read_announcements(context)
        for name in self._accounts:
            self._load(context, name)

    def _read_announcements(self, context: Context) -> None:
        context.run(lambda: self._reader.unacknowledged(ADJUSTMENT), AnnouncementsRead)

    def receive(self, context: Context, message: object) -> None:
        """Records, queries, and the answers of the store and the audit actor."""
        if isinstance(message, AnyRecord):
            self._take_record(context, message)
            return
        match message:
            case CommitResult():
                self._on_result(context, message)
            case GetWindow():
                self._show_window(context, message)
            case CheckHistory():
                self._check_history(context, message)
            case LegsExact(exchange=exchange, version=version, legs=legs):
                if self._accounts[exchange].book.version == version:
                    self._accounts[exchange].book.exact(legs)
            case NoteGap(exchange=exchange):
                self._note_gap(context, exchange)
            case PostAdjustment():
                self._queue(context, message)
            case AcknowledgeAdjustment():
                self._acknowledge(context, message)
            case GetPortfolio():
                self._show(context, message)
            case _:
                self._receive_own(context, message)

    def _receive_own(self, context: Context, message: object) -> None:
        match message:
            case Loaded():
                self._on_loaded(context, message)
            case LookUp():
                self._look_up(context, message)
            case Found():
                self._on_found(context, message)
            case Unanswered(exchange=exchange, token=token):
                if self._tokens.get(token) == exchange:
                    self._on_result(context, CommitResult(token, Refused(UNANSWERED)))
            case ReloadDue(exchange=exchange):
                self._load(context, exchange)
            case AnnouncementsRead():
                self._announcements.take_read(context, message)
            case ReadAnnouncements():
                self._read_announcements(context)
            case RepeatDue():
                self._announcements.repeat(context)
            case _:
                pass  # nothing else is said to this role

    # -- reports -----------------------------------------------------------------------------------------------------

    def _take_record(self, context: Context, record: AnyRecord) -> None:
        envelope = context.envelope
        asked = envelope is not None and envelope.reply_to is not None
        account = self._accounts.get(record.exchange)
        if account is None:
            if asked:
                context.reply(Recorded(status="refused", reason="unknown_exchange"))
            return
        self._queue(context, record, asked=asked)

    def _queue(self, context: Context, record: AnyRecord | PostAdjustment, *, asked: bool = True) -> None:
        waiting = Waiting(
            record=record,
            told_us=int(context.monotonic() * 1_000_000),
            told_at=to_us(context.utc()),
            reply_to=context.take_reply() if asked else None,
            correlation_id=context.envelope.correlation_id if context.envelope is not None else None,
        )
        self._accounts[record.exchange].queue.append(waiting)
        self._work(context, record.exchange)

    def _acknowledge(self, context: Context, command: AcknowledgeAdjustment) -> None:
        account = self._accounts.get(command.exchange)
        is_known = account is not None and command.id in account.book.postings.adjustments
        self._next_token += 1
        self._announcements.acknowledge(context, command, self._next_token, is_known=is_known)

    def _work(self, context: Context, exchange: str) -> None:
        """At rest: shows the book to who waits, then takes the next batch into hand."""
        account = self._accounts[exchange]
        if account.busy:
            return
        readers, account.readers = account.readers, []
        for read in readers:
            read(account.book)
        if account.has_work:
            account.busy = True
            ids = account.begin_batch()
            if ids:
                self._look_up(context, LookUp(exchange, ids, partial(self._write, context, exchange)))
            else:
                self._write(context, exchange, ())
        elif self._ending:
            self._leave(context)

    def _write(self, context: Context, exchange: str, found: Sequence[Movement]) -> None:
        account = self._accounts[exchange]
        account.may_post = self._announcements.has_room
        unit = account.next_unit(found)
        if unit is None:
            self._settle(account, None)
            account.busy = False
            self._work(context, exchange)
        else:
            self._commit(context, exchange, unit)

    def _commit(self, context: Context, exchange: str, unit: UnitOfWork) -> None:
        self._next_token += 1
        self._tokens[self._next_token] = exchange
        context.tell(AUDIT, Commit(self._next_token, unit))
        self._timers[exchange] = context.schedule(COMMIT_SECONDS, Unanswered(exchange, self._next_token))

    def _on_result(self, context: Context, result: CommitResult) -> None:
        if self._announcements.on_result(result):
            return
        exchange = self._tokens.pop(result.token, None)
        if exchange is None:
            return  # given up before: the book was read anew since
        self._timers.pop(exchange).cancel()
        account = self._accounts[exchange]
        if isinstance(result.result, Refused):
            self._settle(account, result.result.reason)
            self._read_announcements(context)  # a unit that nobody answered for may have been written
            if self._ending:
                context.stop()  # what was refused has been told; a failing store must not hold the process
            elif account.book.gap or account.book.conflict:
                context.schedule(
                    RELOAD_SECONDS, ReloadDue(exchange)
                )  # it is tried again without a report to set the pace
            else:
                self._load(context, exchange)
            return
        self._settle(account, None)
        self._announcements.add(context, account.adjusted)
        account.busy = False
        self._work(context, exchange)

    @staticmethod
    def _settle(account: AccountBook, refused: str | None) -> None:
        """Tells each reporter what became of its report. One that nobody waits for, and was refused, leaves a gap."""
        in_hand, account.in_hand = account.in_hand, []
        for waiting, answer in in_hand:
            if isinstance(answer, PostingAnswered):
                if waiting.reply_to is not None:
                    waiting.reply_to.send(answer if refused is None else refused_posting(answer, refused))
                continue
            # a duplicate too: what it repeats may stand in the very unit that was refused (I8)
            lost = refused is not None and answer.status != "refused"
            final = Recorded(status="refused", reason=refused) if lost else answer
            if waiting.reply_to is not None and lost and refused == UNANSWERED:
                waiting.reply_to.fail(DeadlineExceeded(AUDIT))  # it may have been written: `refused` would say too much
            elif waiting.reply_to is not None:
                waiting.reply_to.send(final)
            elif lost and answer.status == "recorded" and not isinstance(waiting.record, LocalWatermark):
                account.gap_noted = True

    # -- the store ---------------------------------------------------------------------------------------------------

    def _load(self, context: Context, exchange: str) -> None:
        account = self._accounts[exchange]
        account.busy = True
        limit = account.book.remembered_ids
        context.run(lambda: self._reader.load_book(exchange, limit), lambda outcome: Loaded(exchange, outcome))

    def _on_loaded(self, context: Context, loaded: Loaded) -> None:
        account = self._accounts[loaded.exchange]
        if not isinstance(loaded.outcome, Success):
            context.schedule(RELOAD_SECONDS, ReloadDue(loaded.exchange))
            return
        fresh = self._new[loaded.exchange]()
        account.state_version = restore(fresh, loaded.outcome.value)
        account.take_over(fresh, int(context.monotonic() * 1_000_000))
        account.busy = False
        self._work(context, loaded.exchange)

    def _look_up(self, context: Context, asked: LookUp) -> None:
        context.run(lambda: self._reader.find_ids(asked.exchange, asked.ids), lambda outcome: Found(asked, outcome))

    def _on_found(self, context: Context, found: Found) -> None:
        if isinstance(found.outcome, Success):
            found.asked.then(found.outcome.value)
        else:  # not to know is not to lack: a movement counted twice, or called missing, would be the price (I1)
            context.schedule(RELOAD_SECONDS, found.asked)

    # -- questions ---------------------------------------------------------------------------------------------------

    def _read(self, context: Context, exchange: str, read: Callable[[Book], object]) -> None:
        account = self._accounts[exchange]
        account.readers.append(read)
        self._work(context, exchange)

    def _show_window(self, context: Context, asked: GetWindow) -> None:
        reply = context.take_reply()

        def answer(book: Book) -> bool:
            return reply.send(
                WindowIs(asked.token, book.window(), lacking(book, asked.named, asked.steps, within_us=asked.within_us))
            )

        self._read(context, asked.exchange, answer)

    def _check_history(self, context: Context, check: CheckHistory) -> None:
        reply = context.take_reply()
        book = self._accounts[check.exchange].book
        ids = sorted({one.id for one in check.movements if one.id is not None and book.lacks(one.id)})

        def answer(stored: Sequence[Movement], book: Book) -> bool:
            missing = lacking(book, check.movements, check.steps, stored, within_us=check.within_us)
            return reply.send(HistoryChecked(check.token, missing))

        def read(stored: Sequence[Movement]) -> None:
            self._read(context, check.exchange, partial(answer, stored))

        if ids:
            self._look_up(context, LookUp(check.exchange, ids, read))
        else:
            read(())

    def _note_gap(self, context: Context, exchange: str) -> None:
        account = self._accounts.get(exchange)
        if account is not None:
            account.gap_noted = True
            self._read(context, exchange, lambda _: account.mark_gap())

    def _show(self, context: Context, query: GetPortfolio) -> None:
        names = [name for name in self._accounts if query.exchange in {None, name}]
        reply = context.take_reply()
        seen: dict[str, AccountPortfolio] = {}

        def look(book: Book) -> None:
            seen[book.exchange] = account_view(book)
            if len(seen) == len(names):
                reply.send(PortfolioView(tuple(seen[name] for name in names)))

        if not names:
            reply.send(PortfolioView(()))
        for name in names:
            self._read(context, name, look)

    # -- the end -----------------------------------------------------------------------------------------------------

    def stop_requested(self, context: Context) -> bool:
        """Asked to stop: what was told is written first, and each book's state with it."""
        self._ending = True
        self._leave(context)
        return False

    def _leave(self, context: Context) -> None:
        if any(account.busy or account.queue for account in self._accounts.values()):
            return
        for name, account in self._accounts.items():
            unit = account.final_unit()
            if unit is not None:
                account.busy = True
                self._commit(context, name, unit)
                return
        context.stop()
