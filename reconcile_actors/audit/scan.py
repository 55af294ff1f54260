"""One pass over all rows: leaves in order, and beside them nodes, checkpoints and payloads as they fall due.

Memory does not grow with the log. The scan only gathers evidence; what it amounts to is judged in `verdict`.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

from reconcile_actors.audit.errors import KeyFormatError, LeafError, NoteError, SignatureError
from reconcile_actors.audit.genesis import parse_genesis
from reconcile_actors.audit.keys import VerifierKey
from reconcile_actors.audit.leaf import (
    ZERO_HASH,
    LeafRecord,
    commit_payload,
    format_instant,
    leaf_hash,
    parse_leaf,
)
from reconcile_actors.audit.merkle import Frontier, Node
from reconcile_actors.audit.note import Checkpoint, verify_note
from reconcile_actors.audit.source import Row, SqliteSource
from reconcile_actors.audit.verdict import Evidence, Fault


class _Rows:
    """Rows in order, with the next one in sight."""

    __slots__ = ("_next", "_rows", "strays")

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next: Row | None = next(rows, None)
        self.strays = 0  # rows that stand before the first possible place, or at none

    def take(self) -> Row | None:
        """The next row, which is then past."""
        row = self._next
        if row is not None:
            self._next = next(self._rows, None)
        return row

    def take_at(self, place: int) -> Row | None:
        """The row whose first column is `place`, None where there is none; rows before it are strays."""
        while self._next is not None and not (isinstance(self._next[0], int) and self._next[0] >= place):
            self.take()
            self.strays += 1
        return self.take() if self._next is not None and self._next[0] == place else None


class LogScan:
    """Reads one log from start to end. Used once."""

    def __init__(self, source: SqliteSource, keys: Sequence[VerifierKey], head: Checkpoint | None) -> None:
        """Without `keys` the vkey of the genesis leaf is used. `head` is compared at its size, its signature is not."""
        self._source = source
        self._head = head
        self._evidence = Evidence(keys=tuple(keys))
        self._frontier = Frontier()
        self._prev = ZERO_HASH
        self._at: datetime | None = None
        self._signed_row = 0  # size of the last checkpoint row that was met, whatever it was worth
        self._nodes: dict[int, _Rows] = {}

    def run(self) -> Evidence:
        """Scan everything; a database error ends the scan and becomes part of the evidence."""
        try:
            self._leaves = _Rows(self._source.leaves())
            self._checkpoints = _Rows(self._source.checkpoints())
            self._payloads = _Rows(self._source.payloads())
            self._read_log()
        except sqlite3.Error as error:
            self._evidence.size = self._frontier.size
            self._evidence.unreadable = f"the database cannot be read: {error}"
        return self._evidence

    def _read_log(self) -> None:
        evidence = self._evidence
        while (row := self._leaves.take()) is not None:
            evidence.leaf = self._read_leaf(row)
            if evidence.leaf is not None:
                evidence.size = self._source.count()
                return
        evidence.size = self._frontier.size
        self._read_rest()

    def _read_leaf(self, row: Row) -> Fault | None:
        """Check one leaf and everything that falls due with it; a fault means that what follows tells nothing more."""
        here = self._frontier.size
        parsed = _parse_row(row, here)
        if isinstance(parsed, str):
            return Fault(here, here, parsed)
        record, digest = parsed
        if record.prev != self._prev:
            blamed = self._blame(here, digest)
            return Fault(blamed, blamed, "a leaf does not follow from its predecessor")
        if here == 0 and not self._open(record):
            return Fault(0, 0, "the first leaf is not a genesis of this format")
        if self._at not in (None, record.at) and self._signed_row != here:
            self._note_checkpoint_fault("a checkpoint is missing")
        self._accept(record, digest)
        return None

    def _blame(self, here: int, digest: bytes) -> int:
        """Which of two leaves that do not fit was altered: the successor of `here` may still remember it as it is."""
        if here == 0 or self._evidence.sound_size >= here:
            return here
        following = self._leaves.take()
        try:
            if following is not None and isinstance(following[1], bytes) and parse_leaf(following[1]).prev != digest:
                return here
        except LeafError:
            return here - 1
        return here - 1

    def _open(self, record: LeafRecord) -> bool:
        try:
            self._evidence.origin, own_key = parse_genesis(record)
        except (LeafError, KeyFormatError):
            return False
        self._evidence.keys = self._evidence.keys or (own_key,)
        return True

    def _accept(self, record: LeafRecord, digest: bytes) -> None:
        for node in self._frontier.append(digest):
            self._check_node(node)
        self._prev, self._at = digest, record.at
        self._check_payload(record)
        root = self._frontier.root() if self._head and self._head.size == self._frontier.size else None
        self._check_checkpoints(record.at)
        if root is not None and self._head is not None:
            self._evidence.head_agrees = root == self._head.root

    def _check_node(self, node: Node) -> None:
        rows = self._nodes.get(node.level)
        if rows is None:
            rows = self._nodes[node.level] = _Rows(self._source.nodes(node.level))
        row = rows.take_at(node.idx)
        if self._evidence.node is None and (row is None or row[1] != node.hash):
            first = node.idx << node.level
            reason = "a tree node is missing" if row is None else "a tree node does not follow from the leaves"
            self._evidence.node = Fault(first, first + (1 << node.level) - 1, reason)

    def _check_payload(self, record: LeafRecord) -> None:
        row = self._payloads.take_at(record.seq)
        if row is None or row[1:] == (None, None):
            self._evidence.payloads_erased += record.commit is not None
            return
        _, salt, body = row
        try:
            fits = isinstance(salt, bytes) and isinstance(body, bytes) and commit_payload(salt, body) == record.commit
        except LeafError:
            fits = False
        self._evidence.payloads_present += fits
        if not fits and self._evidence.payload is None:
            self._evidence.payload = Fault(record.seq, record.seq, "a payload is not the one that its leaf commits to")

    def _check_checkpoints(self, at: datetime) -> None:
        size = self._frontier.size
        row = self._checkpoints.take_at(size)
        if row is None:
            return
        self._signed_row = size
        checkpoint = self._read_checkpoint(row)
        if checkpoint is None:
            return
        if checkpoint != Checkpoint(self._evidence.origin or "", size, self._frontier.root()):
            self._note_checkpoint_fault("the leaves do not have the root that a checkpoint was signed for")
        elif row[2] != format_instant(at):
            self._note_checkpoint_fault("a checkpoint's time is not its batch's")
        else:
            self._evidence.sound_size = size

    def _read_checkpoint(self, row: Row) -> Checkpoint | None:
        """The checkpoint in a row, if a known key signed it; else the fault is noted."""
        data = row[1]
        try:
            if not isinstance(data, bytes):
                raise SignatureError("not bytes")
            note = verify_note(data, self._evidence.keys)
        except NoteError as error:
            if self._evidence.signature is None:
                first = self._evidence.sound_size
                last = max(first, self._frontier.size - 1)
                self._evidence.signature = Fault(first, last, f"a checkpoint is not signed by the key: {error}")
            return None
        try:
            checkpoint = Checkpoint.parse(note.text)
        except NoteError as error:
            self._note_checkpoint_fault(f"a note of the key is no checkpoint: {error}")
            return None
        if len(note.signatures) > 1:  # cosignatures are kept apart, so a second line was added by somebody else
            self._note_checkpoint_fault("a checkpoint has more than the log's signature")
        return checkpoint

    def _note_checkpoint_fault(self, reason: str) -> None:
        if self._evidence.checkpoint is None:
            first = self._evidence.sound_size
            self._evidence.checkpoint = Fault(first, max(first, self._frontier.size - 1), reason)

    def _read_rest(self) -> None:
        """Rows that no leaf has claimed: signs of a longer log, or of things slipped in."""
        evidence, size = self._evidence, self._frontier.size
        while (row := self._checkpoints.take()) is not None:
            checkpoint = self._read_checkpoint(row)
            if checkpoint is not None and checkpoint.size > size:
                evidence.longer_once = "a checkpoint was signed for a longer log"
            elif checkpoint is not None:
                self._note_checkpoint_fault("a checkpoint stands in another's place")
        if self._payloads.take() is not None:
            evidence.longer_once = evidence.longer_once or "there is a payload of an entry that the log lacks"
        if self._source.has_node_beyond(size):
            evidence.longer_once = evidence.longer_once or "there is a tree node of entries that the log lacks"
        if self._payloads.strays or self._checkpoints.strays or self._source.has_impossible_node():
            stray = Fault(size, size, "there is a row at a place that no log has")
            evidence.payload = evidence.payload or stray  # no entry is to blame, so any other fault comes first
        if size == 0:
            evidence.longer_once = evidence.longer_once or "the log has not even its genesis"
        elif self._signed_row != size:
            first = self._signed_row
            evidence.unsigned_tail = Fault(first, size - 1, "the last entries are under no checkpoint")


def _parse_row(row: Row, here: int) -> tuple[LeafRecord, bytes] | str:
    """The leaf in a row that should be number `here`, and its hash; or what is wrong with it."""
    seq, data, stored_hash = row
    if seq != here:
        return "an entry is missing or out of place"
    if not isinstance(data, bytes):
        return "a leaf is not bytes"
    try:
        record = parse_leaf(data)
    except LeafError as error:
        return f"a leaf is malformed: {error}"
    digest = leaf_hash(data)
    if record.seq != here or stored_hash != digest:
        return "a leaf is not the one that its number or its hash says"
    return record, digest
