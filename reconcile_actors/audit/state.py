"""Where a writer stands: the tree's right edge and the last leaf. Read back cheaply, O(log n), after a start.

Before a writer signs anything new, the state is set against the newest checkpoint: nobody should put the log's signature
on top of rows that no longer add up.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from reconcile_actors.audit.errors import LeafError, LogStateError, NoteError
from reconcile_actors.audit.keys import VerifierKey
from reconcile_actors.audit.leaf import ZERO_HASH, leaf_hash, parse_leaf
from reconcile_actors.audit.merkle import Frontier, peak_positions
from reconcile_actors.audit.note import verify_checkpoint

Query: TypeAlias = Callable[[str, tuple[int, ...]], Iterable[Sequence[object]]]
"""Runs one SELECT with positional parameters and gives its rows: `sqlite3.Connection.execute` is one."""


@dataclass(frozen=True, slots=True)
class LogState:
    """State after `size` leaves: hashes at `peak_positions(size)`, hash and time of the last leaf."""

    size: int
    peaks: tuple[bytes, ...]
    last_hash: bytes
    last_at: datetime | None

    @classmethod
    def empty(cls) -> "LogState":
        """Before the first leaf."""
        return cls(0, (), ZERO_HASH, None)


def restore_state(*, size: int, last_leaf: bytes, peaks: Sequence[bytes], note: bytes, key: VerifierKey) -> LogState:
    """State of a log of `size` leaves (at least 1) from rows that the caller has read.

    `last_leaf` is leaf `size - 1`, `peaks` the hashes at `peak_positions(size)` (level 0 from `log.leaf_hash`), `note` the
    newest checkpoint. Raises `LogStateError` unless the last leaf is sound and `key` signed exactly this size and root.
    """
    try:
        record = parse_leaf(last_leaf)
        checkpoint = verify_checkpoint(note, [key])
    except (LeafError, NoteError) as error:
        raise LogStateError(f"last leaf or newest checkpoint: {error}") from error
    frontier = Frontier(size, peaks)
    last_hash = leaf_hash(last_leaf)
    if record.seq != size - 1 or (size & 1 and peaks[-1] != last_hash):
        raise LogStateError("the last leaf is not the one that the tree holds")
    if checkpoint.origin != key.name or (checkpoint.size, checkpoint.root) != (size, frontier.root()):
        raise LogStateError("the newest checkpoint is not of this log at this size")
    return LogState(size, frontier.peaks, last_hash, record.at)


def load_state(query: Query, key: VerifierKey) -> LogState:
    """State of the log behind `query`, empty where no table of it has a row. Raises `LogStateError`."""
    last = _row(query, "SELECT seq, leaf FROM log ORDER BY seq DESC LIMIT 1")
    newest = _row(query, "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")
    if last is None and newest is None:
        return LogState.empty()
    if last is None or newest is None:
        raise LogStateError("leaves without a checkpoint, or a checkpoint without leaves")
    seq, leaf, note = last[0], last[1], newest[1]
    if not isinstance(seq, int) or seq < 0 or not isinstance(leaf, bytes) or not isinstance(note, bytes):
        raise LogStateError("a row has a value of the wrong type")
    peaks = [_hash_at(query, level, index) for level, index in peak_positions(seq + 1)]
    return restore_state(size=seq + 1, last_leaf=leaf, peaks=peaks, note=note, key=key)


def _hash_at(query: Query, level: int, index: int) -> bytes:
    if level == 0:
        row = _row(query, "SELECT leaf_hash FROM log WHERE seq = ?", index)
    else:
        row = _row(query, "SELECT hash FROM node WHERE level = ? AND idx = ?", level, index)
    if row is None or not isinstance(row[0], bytes):
        raise LogStateError("a node of the tree is missing")
    return row[0]


def _row(query: Query, sql: str, *parameters: int) -> Sequence[object] | None:
    return next(iter(query(sql, parameters)), None)
