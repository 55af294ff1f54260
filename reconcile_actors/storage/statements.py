"""What one transaction runs, in order: the log first, because every other row refers to a leaf of it."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from reconcile_actors.audit.writer import Batch
from reconcile_actors.domain.deliveries import Delivery
from reconcile_actors.domain.ledger import Committed
from reconcile_actors.storage.admission import Admitted
from reconcile_actors.storage.connection import SqlValue

_LEAF: Final = "INSERT INTO log(seq, leaf, leaf_hash) VALUES (?, ?, ?)"
_NODE: Final = "INSERT INTO node(level, idx, hash) VALUES (?, ?, ?)"
_CHECKPOINT: Final = "INSERT INTO checkpoint(size, note, at) VALUES (?, ?, ?)"
_PAYLOAD: Final = "INSERT INTO payload(seq, salt, body) VALUES (?, ?, ?)"
_MOVEMENT: Final = (
    "INSERT INTO movement(exchange, version, wallet, type, id, instrument, order_id, side, effects, pending, occurred_at,"
    " recorded_at, message, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_BOOK_STATE: Final = (
    "INSERT INTO book_state(exchange, version, body, at) VALUES (?, ?, ?, ?) ON CONFLICT(exchange) DO UPDATE SET"
    " version=excluded.version, body=excluded.body, at=excluded.at"
)
_REPORT: Final = (
    "INSERT INTO report(exchange, at, status, unknown_reason, book_version, snapshot_digest, raw_digest, duration_us, body,"
    " seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# What identifies a discrepancy never changes: an id that comes with another leg or episode breaks the UNIQUE constraint.
_DISCREPANCY: Final = (
    "INSERT INTO discrepancy(id, exchange, wallet, currency, field, episode, kind, severity, local, exchange_value,"
    " difference, value_usd, tolerance, cause, state, detected_at, confirmed_at, resolved_at, evidence, price_source,"
    " price_at, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT(id) DO UPDATE SET kind=excluded.kind, severity=excluded.severity, local=excluded.local,"
    " exchange_value=excluded.exchange_value, difference=excluded.difference, value_usd=excluded.value_usd,"
    " tolerance=excluded.tolerance, cause=excluded.cause, state=excluded.state, detected_at=excluded.detected_at,"
    " confirmed_at=excluded.confirmed_at, resolved_at=excluded.resolved_at, evidence=excluded.evidence,"
    " price_source=excluded.price_source, price_at=excluded.price_at, seq=excluded.seq"
)
_OUTBOX: Final = "INSERT INTO outbox(kind, body, created_at) VALUES (?, ?, ?)"
_OUTBOX_DONE: Final = "UPDATE outbox SET done_at = ? WHERE id = ?"
_OUTBOX_ACKNOWLEDGED: Final = (
    "UPDATE outbox SET done_at = ? WHERE kind = ? AND json_extract(body, '$.id') = ? AND done_at IS NULL"
)
_OUTBOX_PRUNE: Final = "DELETE FROM outbox WHERE done_at < ?"
_DELIVERY: Final = (
    "INSERT INTO delivery(sink, key, event, outcome, said, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(sink, key) DO UPDATE SET"
    " event=excluded.event, outcome=excluded.outcome, said=excluded.said, at=excluded.at"
)
_DELIVERY_CLEAR: Final = "DELETE FROM delivery WHERE key = ?"
_CONTROL_CLEAR: Final = "DELETE FROM control WHERE key = ?"
_CONTROL_SET: Final = "INSERT INTO control(key, value) VALUES (?, ?)"

DONE_KEPT_US: Final = 7 * 86_400 * 1_000_000


class Statement(NamedTuple):
    """One statement, run once for each row of values."""

    sql: str
    rows: Sequence[tuple[SqlValue, ...]]


def outcomes(admitted: Sequence[Admitted], first_seq: int) -> dict[int, Committed]:
    """The sequence numbers that each unit gets, by its place in the group."""
    numbers: dict[int, Committed] = {}
    for one in admitted:
        numbers[one.place] = Committed(first_seq, first_seq + len(one.entries) - 1)
        first_seq += len(one.entries)
    return numbers


def statements(batch: Batch, admitted: Sequence[Admitted]) -> list[Statement]:
    """Everything between BEGIN and COMMIT; statements without rows are left out."""
    numbers = outcomes(admitted, batch.before.size)

    def rows(part: Callable[[Admitted], Sequence[tuple[SqlValue, ...]]]) -> list[tuple[SqlValue, ...]]:
        return [row for one in admitted for row in part(one)]

    def numbered(part: Callable[[Admitted], Sequence[tuple[SqlValue, ...]]]) -> list[tuple[SqlValue, ...]]:
        return [(*row, numbers[one.place].first_seq) for one in admitted for row in part(one)]

    # A group may set one switch several times: the last word counts.
    control = dict(pair for one in admitted for pair in one.control)
    checkpoint = batch.checkpoint
    every = (
        Statement(_LEAF, [(leaf.seq, leaf.data, leaf.hash) for leaf in batch.leaves]),
        Statement(_NODE, batch.nodes),
        Statement(_CHECKPOINT, [(checkpoint.size, checkpoint.note, checkpoint.at)]),
        Statement(_PAYLOAD, [(one.seq, one.salt, one.body) for one in batch.payloads]),
        Statement(_MOVEMENT, numbered(lambda one: one.movements)),
        Statement(_BOOK_STATE, rows(lambda one: one.states)),
        Statement(_REPORT, numbered(lambda one: one.reports)),
        Statement(_DISCREPANCY, numbered(lambda one: one.discrepancies)),
        Statement(_OUTBOX, rows(lambda one: one.outbox)),
        Statement(_OUTBOX_ACKNOWLEDGED, rows(lambda one: one.acknowledged)),
        Statement(_CONTROL_CLEAR, [(key,) for key in control]),
        Statement(_CONTROL_SET, [(key, value) for key, value in control.items() if value is not None]),
    )
    return [one for one in every if one.rows]


def settling(at: int, *, done: Sequence[int], deliveries: Sequence[Delivery], over: Sequence[str]) -> list[Statement]:
    """What became of messages of the outbox: `done` are ids with nothing left to say, `over` keys of conditions that ended.

    Deliveries of `over` are forgotten, done messages after a week.
    """
    told = [(one.sink, one.key, one.event, one.outcome.value, one.said, one.at) for one in deliveries]
    every = (
        Statement(_OUTBOX_DONE, [(at, id_) for id_ in done]),
        Statement(_DELIVERY_CLEAR, [(key,) for key in over]),  # first: a condition that ended may have begun anew
        Statement(_DELIVERY, told),
        Statement(_OUTBOX_PRUNE, [(at - DONE_KEPT_US,)]),
    )
    return [one for one in every if one.rows]
