"""What the service itself posts to a book: repairs, and the counter entries of what was adopted before it was told.

Everything of one repair goes into one unit of work: its rows, its audit entries with both sides, the discrepancies as they
stand then, and the message to the trading process (I3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Final

from reconcile_actors.actors.draft import Draft
from reconcile_actors.actors.protocol import PostAdjustment, PostingAnswered
from reconcile_actors.actors.stored_forms import Posting, adjustment_body, posting_text
from reconcile_actors.domain.adjustment import Action, Adjustment, AdjustmentLine
from reconcile_actors.domain.alerts import repair_alert
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.book import Book
from reconcile_actors.domain.changes import Compensation, Record
from reconcile_actors.domain.ledger import AuditEntry, BookRow, Json, OutboxRow
from reconcile_actors.domain.money import plain
from reconcile_actors.domain.movements import Effects, Movement, MovementType, same_key
from reconcile_actors.domain.proposals import Recording

ADJUSTMENT: Final = "adjustment"
"""The `kind` of an adjustment's row in the outbox."""
NAMED_MAX: Final = 100
"""Ids that an entry's leaf names; all of them stand in its payload."""


@dataclass(frozen=True, slots=True)
class Now:
    """When a posting is taken into the book: monotonic and UTC microseconds, and what set it off."""

    us: int
    at: int
    correlation_id: str | None = None


def post(book: Book, draft: Draft, asked: PostAdjustment, now: Now, *, has_room: bool) -> PostingAnswered:
    """Takes a repair into the book and the unit, as far as it still holds; the answer holds once the unit is committed."""
    if asked.adjustment.id in book.postings.adjustments:
        return PostingAnswered(asked.token, "posted")
    hindrance = _hindrance(book, asked, has_room=has_room)
    if hindrance is not None:
        return PostingAnswered(asked.token, "refused", hindrance)
    if book.has_moved_since(asked.version, asked.adopt, asked.cut_at if asked.adopt else None):
        return PostingAnswered(asked.token, "stale")
    fresh = [one for one in asked.backfill if not _is_known(book, one.movement)]
    if not fresh and not asked.adopt:
        return PostingAnswered(asked.token, "superseded")
    changes: list[Posting] = [*fresh, *_adoptions(asked)]
    if not all(isinstance(book.propose(one, now.at), Recording) for one in changes):
        return PostingAnswered(asked.token, "superseded")
    lines = [line for one in changes for line in _take(book, draft, one, now)]
    adjustment = replace(asked.adjustment, lines=tuple(lines), posted_at=now.at)
    draft.entries += [*asked.entries, _entry(adjustment, asked, now)]
    draft.discrepancies += asked.discrepancies
    draft.control += asked.control
    _tell(draft, adjustment)
    draft.outbox.append(repair_alert(adjustment))
    return PostingAnswered(asked.token, "posted", adjustment=adjustment)


def net(book: Book, draft: Draft, movement: Movement, now: Now) -> None:
    """What was just reported may be in the book already, adopted without its cause: then it is taken back, and that is told."""
    counter = _counter(book, movement)
    if counter is None:
        return
    lines = tuple(_take(book, draft, counter, now))
    adjustment = Adjustment(
        id=counter.adjustment,
        exchange=book.exchange,
        action=Action.ADOPT,
        discrepancies=(),
        lines=lines,
        reason="told_after_all",
        posted_at=now.at,
    )
    body: dict[str, Json] = {"id": adjustment.id, "reason": adjustment.reason, "movement": movement.id}
    payload = {"adjustment": adjustment_body(adjustment)}
    draft.entries.append(AuditEntry("suspense.netted", book.exchange, body, payload, now.correlation_id))
    _tell(draft, adjustment)


def refused_posting(answer: PostingAnswered, reason: str) -> PostingAnswered:
    """The answer where its unit was not written: what was to be posted is not."""
    return PostingAnswered(answer.token, "refused", reason) if answer.outcome == "posted" else answer


def _hindrance(book: Book, asked: PostAdjustment, *, has_room: bool) -> str | None:
    if book.unknown is not None:
        return book.unknown.value
    if not has_room:
        return "unacknowledged"
    return None if book.suspense.has_room_for(asked.adopt) else "suspense_full"


def _is_known(book: Book, movement: Movement) -> bool:
    return any(same_key(one, movement) for one in book.known(movement.id or ""))


def _adoptions(asked: PostAdjustment) -> list[Compensation]:
    by_wallet: dict[str, dict[Leg, Decimal]] = {}
    for leg, amount in asked.adopt.items():
        by_wallet.setdefault(leg.wallet, {})[leg] = amount
    id_ = asked.adjustment.id
    return [
        Compensation(_own(asked.exchange, wallet, id_, effects, asked.cut_at), id_, asked.cut_at)
        for wallet, effects in sorted(by_wallet.items())
    ]


def _own(exchange: str, wallet: str, id_: str, effects: Effects, at: int | None) -> Movement:
    return Movement(exchange, wallet, MovementType.ADJUSTMENT, id_, effects, occurred_at=at)


def _take(book: Book, draft: Draft, change: Posting, now: Now) -> Sequence[AdjustmentLine]:
    """Applies one posting and what must be taken back of it; gives what the legs of the book have gained by both."""
    lines = list(_apply(book, draft, change, now))
    counter = _counter(book, change.movement) if isinstance(change, Record) else None
    return [*lines, *_apply(book, draft, counter, now)] if counter is not None else lines


def _apply(book: Book, draft: Draft, change: Posting, now: Now) -> Sequence[AdjustmentLine]:
    recording = book.propose(change, now.at)
    assert isinstance(recording, Recording), "it was proposed before"
    book.apply(recording, now.us)
    draft.rows.append(BookRow(recording.version, recording.movement, now.at, posting_text(change)))
    one = change.movement
    id_ = one.id if isinstance(change, Record) else None
    return [
        AdjustmentLine(id_, one.type.value, leg.wallet, leg.currency, leg.field, amount, one.occurred_at)
        for leg, amount in sorted(one.effects.items())
    ]


def _counter(book: Book, movement: Movement) -> Compensation | None:
    amounts = book.counter_of(movement)
    if not amounts:
        return None
    newest = max((book.suspense.entries[leg] for leg in amounts), key=lambda one: (one.cut_at, one.leg))
    id_ = f"{newest.adjustment}:{sha256(movement.key_text().encode()).hexdigest()[:12]}"
    return Compensation(_own(book.exchange, movement.wallet, id_, amounts, movement.occurred_at), id_)


def _entry(adjustment: Adjustment, asked: PostAdjustment, now: Now) -> AuditEntry:
    ids = sorted({line.id for line in adjustment.lines if line.id is not None})
    body: dict[str, Json] = {
        "id": adjustment.id,
        "action": adjustment.action.value,
        "reason": adjustment.reason,
        "decided_by": adjustment.decided_by,
        "discrepancies": [*adjustment.discrepancies[:NAMED_MAX]],
        "movements": [*ids[:NAMED_MAX]],
        "movement_count": len(ids),
    }
    sides: list[Json] = [
        {
            "id": one.id,
            "local": _text(one.local),
            "exchange": _text(one.exchange_value),
            "difference": plain(one.difference),
        }
        for one in asked.discrepancies
    ]
    payload: Mapping[str, Json] = {"discrepancies": sides, "adjustment": adjustment_body(adjustment)}
    return AuditEntry("adjustment.posted", adjustment.exchange, body, payload, now.correlation_id)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def _tell(draft: Draft, adjustment: Adjustment) -> None:
    draft.outbox.append(OutboxRow(ADJUSTMENT, adjustment_body(adjustment)))
    draft.adjusted.append(adjustment)
