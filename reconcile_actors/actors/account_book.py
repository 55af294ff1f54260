"""One account's book with the reports that wait for it: builds units of work and says what became of each report.

Pure but for the book it holds: the portfolio actor owns it and does the telling.
"""

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconcile_actors.actors import adjusting
from reconcile_actors.actors.book_state import from_state, to_state
from reconcile_actors.actors.draft import Draft
from reconcile_actors.actors.protocol import PostAdjustment, PostingAnswered
from reconcile_actors.actors.stored_forms import posting_of
from reconcile_actors.actors.translation import to_change
from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.book import Book, Duplicate, Recording, Refusal
from reconcile_actors.domain.changes import Change
from reconcile_actors.domain.changes import Record as BookRecord
from reconcile_actors.domain.ledger import AuditEntry, BookRow, BookState, Json, StoredBook, UnitOfWork
from reconcile_actors.domain.movements import Movement
from reconcile_actors.errors import StoreError
from reconcile_actors.kernel.envelope import ReplyTo
from reconcile_actors.messages import LocalWatermark, Recorded
from reconcile_actors.messages.records import AnyRecord
from reconcile_actors.messages.wire import parse_message, to_json, to_us

BATCH_MAX: Final = 500
STATE_EVERY: Final = 1_000
# How far the trading process's clock may be ahead: past it a watermark would settle what it cannot know.
AHEAD_US: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report in the queue, or a repair: when it was told, on both clocks, and who waits to hear of it."""

    record: AnyRecord | PostAdjustment
    told_us: int
    told_at: int
    reply_to: ReplyTo | None
    correlation_id: str | None


@dataclass(slots=True)
class AccountBook:
    """`batch` is what the next unit takes from the queue; `in_hand` are the reports of the unit being written, each with
    the answer that holds if it commits.

    `readers` wait until the book is at rest, so that nobody ever sees what is not durable. `adjusted` is what the unit posts;
    `may_post` whether the trading process keeps up with such news.
    """

    book: Book
    queue: deque[Waiting] = field(default_factory=deque)
    batch: list[Waiting] = field(default_factory=list)
    in_hand: list[tuple[Waiting, Recorded | PostingAnswered]] = field(default_factory=list)
    adjusted: list[Adjustment] = field(default_factory=list)
    may_post: bool = True
    readers: list[Callable[[Book], object]] = field(default_factory=list)
    busy: bool = False
    state_version: int = 0
    state_due: bool = False
    gap_noted: bool = False
    loaded: bool = False

    def take_over(self, fresh: Book, now_us: int) -> None:
        """Goes on with a book read anew from the store. What was refused between is a gap, and recent versions are unknown."""
        if self.loaded:
            fresh.forget_recent(now_us)
        fresh.first_message_us = self.book.first_message_us
        fresh.watermark_at = self.book.watermark_at
        self._keep_doubts(fresh)
        self.book, self.loaded = fresh, True
        self.mark_gap()

    def _keep_doubts(self, fresh: Book) -> None:
        """A hole or a conflict that could not be written stands all the same: forgetting it would make unknown a match (I1)."""
        if (self.book.gap and not fresh.gap) or (self.book.conflict and not fresh.conflict):
            fresh.gap, fresh.conflict = fresh.gap or self.book.gap, fresh.conflict or self.book.conflict
            self.state_due = True

    def mark_gap(self) -> None:
        """Puts a noted gap into the book; the next unit makes it durable."""
        if self.gap_noted:
            self.gap_noted = False
            self.book.gap = self.state_due = True

    @property
    def has_work(self) -> bool:
        """Whether there is something to write: reports, or a doubt that is not durable yet."""
        return bool(self.queue) or self.state_due

    def begin_batch(self) -> list[str]:
        """Takes the next batch from the queue; gives those of its ids that only the store can tell of."""
        self.batch = [self.queue.popleft() for _ in range(min(len(self.queue), BATCH_MAX))]
        return sorted({one for waiting in self.batch for one in _ids_of(waiting) if self.book.lacks(one)})

    def next_unit(self, found: Sequence[Movement]) -> UnitOfWork | None:
        """Takes the batch into hand; None where nothing of it needs writing. `found` is what the store holds of its ids."""
        draft = Draft(self.book.exchange, self.book.version)
        known = self._known(found)
        for waiting in self.batch:
            for movement in (one for id_ in _ids_of(waiting) for one in known.get(id_, ())):
                if movement not in self.book.known(movement.id or ""):
                    self.book.remember(movement)  # forgotten since, for the batch's own ids
            self.in_hand.append((waiting, self._answer(waiting, draft)))
        self.batch = []
        self.adjusted = draft.adjusted
        state = self._state_if_due()
        return draft.unit(state, self._state_entry()) if draft.entries or state is not None else None

    def _known(self, found: Sequence[Movement]) -> dict[str, list[Movement]]:
        """What is recorded under the batch's ids: memory may be too small to keep it while the batch is taken."""
        known = {one: list(self.book.known(one)) for waiting in self.batch for one in _ids_of(waiting)}
        for movement in found:
            known.setdefault(movement.id or "", []).append(movement)
        return known

    def final_unit(self) -> UnitOfWork | None:
        """The state to leave behind at an orderly stop."""
        if self.book.version == self.state_version and not self.state_due:
            return None
        self.state_due = True
        state = self._state_if_due()
        return UnitOfWork(
            entries=(self._state_entry(),), exchange=self.book.exchange, expected_version=self.book.version, state=state
        )

    def _answer(self, waiting: Waiting, draft: Draft) -> Recorded | PostingAnswered:
        now = adjusting.Now(waiting.told_us, waiting.told_at, waiting.correlation_id)
        if isinstance(waiting.record, PostAdjustment):
            return adjusting.post(self.book, draft, waiting.record, now, has_room=self.may_post)
        return self._take(waiting.record, waiting, draft, now)

    def _take(self, record: AnyRecord, waiting: Waiting, draft: Draft, now: adjusting.Now) -> Recorded:
        book = self.book
        if book.first_message_us is None:
            book.first_message_us = waiting.told_us
        if isinstance(record, LocalWatermark):
            through = to_us(record.through)
            if through > waiting.told_at + AHEAD_US:
                return Recorded(status="refused", reason="in_the_future")
            book.watermark_at = through if book.watermark_at is None else max(book.watermark_at, through)
            return Recorded(status="recorded")
        change = to_change(record, book.wallets[0], waiting.told_at, book.settlement)
        assert change is not None, "every other record asks for a change"
        proposal = book.propose(change, waiting.told_at)
        message = to_json(record)
        match proposal:
            case Recording():
                book.apply(proposal, waiting.told_us)
                draft.rows.append(BookRow(proposal.version, proposal.movement, waiting.told_at, json.dumps(message)))
                draft.entries.append(self._entry(waiting, proposal.movement.type, {"version": proposal.version}))
                if isinstance(change, BookRecord):
                    adjusting.net(book, draft, proposal.movement, now)
                return Recorded(status="recorded")
            case Duplicate():
                return Recorded(status="duplicate")
            case Refusal():
                if proposal.conflict and not book.conflict:
                    book.conflict = self.state_due = True
                draft.entries.append(self._entry(waiting, "refused", {"reason": proposal.reason}))
                return Recorded(status="refused", reason=proposal.reason)

    def _entry(self, waiting: Waiting, what: str, body: dict[str, Json]) -> AuditEntry:
        record = waiting.record
        names: dict[str, Json] = {"message": type(record).__name__, "id": getattr(record, "id", None), **body}
        return AuditEntry(
            kind=f"book.{what}",
            exchange=self.book.exchange,
            body=names,
            payload={"message": to_json(record)},
            correlation_id=waiting.correlation_id,
        )

    def _state_entry(self) -> AuditEntry:
        return AuditEntry(kind="book.state", exchange=self.book.exchange, body={"version": self.book.version})

    def _state_if_due(self) -> BookState | None:
        if not self.state_due and self.book.version - self.state_version < STATE_EVERY:
            return None
        self.state_due = False
        self.state_version = self.book.version
        return BookState(self.book.exchange, self.book.version, to_state(self.book))


def _ids_of(waiting: Waiting) -> tuple[str, ...]:
    """The exchange's ids that it speaks of."""
    if isinstance(waiting.record, PostAdjustment):
        return tuple(one.movement.id for one in waiting.record.backfill if one.movement.id is not None)
    own: str | None = getattr(waiting.record, "id", None)
    return () if own is None else (own,)


def _reported(book: Book, row: BookRow) -> Change | None:
    record = parse_message(row.message)
    if not isinstance(record, AnyRecord):
        return None
    return to_change(record, book.wallets[0], row.recorded_at, book.settlement)


def restore(book: Book, stored: StoredBook) -> int:
    """Rebuilds a book from what the store holds; returns the version of the stored state. Raises StoreError where they disagree."""
    state_version = 0
    if stored.state is not None:
        from_state(book, stored.state.version, stored.state.body)
        state_version = stored.state.version
    for movement in stored.recent:
        if movement.id is not None:
            book.remember(movement)
    if len(stored.recent) >= book.remembered_ids:
        book.ids_complete = False
    for row in stored.rows:
        change = posting_of(row.message) or _reported(book, row)
        if change is None or row.version != book.version + 1:
            break
        book.replay(row.movement, change, row.recorded_at)
    if book.version != stored.version:
        raise StoreError(
            f"the book of {book.exchange} cannot be rebuilt: a version is missing or unreadable; restore a backup"
        )
    return state_version
