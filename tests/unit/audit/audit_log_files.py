"""Log files for tests: honest ones, written as storage writes them, and the moves of somebody who alters them."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconcile_actors.audit.canonical import canonical_bytes, parse_canonical
from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.leaf import ZERO_HASH, leaf_hash
from reconcile_actors.audit.merkle import Frontier
from reconcile_actors.audit.note import Checkpoint, sign_checkpoint
from reconcile_actors.audit.state import LogState
from reconcile_actors.audit.tables import AUDIT_TABLES
from reconcile_actors.audit.verdict import VerifyResult
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.audit.writer import Batch, Entry, LogWriter, Payload

ORIGIN = "example.org/reconcile/test"
KEY = SigningKey(ORIGIN, bytes(range(32)))
ATTACKER = SigningKey(ORIGIN, bytes(range(32, 64)))
START = datetime(2026, 1, 31, 12, tzinfo=UTC)


@dataclass(frozen=True)
class LogFile:
    """A log on disk and the newest checkpoint, as it was kept elsewhere."""

    path: Path
    head: bytes

    def verify(self, *, head: bytes | None = None, key: SigningKey = KEY) -> VerifyResult:
        """Verify with the true key, against the kept head unless another is given."""
        return verify_log(self.path, keys=[key.verifier], trusted_head=self.head if head is None else head)

    def verify_alone(self) -> VerifyResult:
        """Verify without any trusted head."""
        return verify_log(self.path, keys=[KEY.verifier])


def entry(number: int) -> Entry:
    """A made-up entry; every third one has a payload."""
    payload = Payload(bytes([number % 256]) * 32, b"state %d" % number) if number % 3 == 0 else None
    body = {"amount": f"{number}.5", "note": "é\n"}
    return Entry("movement.recorded", body, account="kraken-main", correlation=f"c{number}", payload=payload)


@contextmanager
def editing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose changes are committed and closed at the end."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def write_batch(connection: sqlite3.Connection, batch: Batch) -> None:
    """What storage does inside its transaction."""
    connection.executemany("INSERT INTO log VALUES (?, ?, ?)", [(x.seq, x.data, x.hash) for x in batch.leaves])
    connection.executemany("INSERT INTO node VALUES (?, ?, ?)", batch.nodes)
    row = batch.checkpoint
    connection.execute("INSERT INTO checkpoint VALUES (?, ?, ?)", (row.size, row.note, row.at))
    connection.executemany("INSERT INTO payload VALUES (?, ?, ?)", [(x.seq, x.salt, x.body) for x in batch.payloads])


def create(path: Path) -> None:
    """An empty database with the log's tables."""
    with editing(path) as connection:
        for statement in AUDIT_TABLES:
            connection.execute(statement)


def grow(path: Path, writer: LogWriter, sizes: Sequence[int]) -> bytes:
    """Append batches of these sizes a second apart (the genesis first, where it lacks); returns the newest note."""
    note = b""
    with editing(path) as connection:
        if not writer.state.size:
            first = writer.start(START)
            write_batch(connection, first)
            writer.commit(first)
            note = first.checkpoint.note
        for size in sizes:
            base = writer.state.size
            at = START + timedelta(seconds=base)
            batch = writer.append([entry(number) for number in range(base, base + size)], at)
            write_batch(connection, batch)
            writer.commit(batch)
            note = batch.checkpoint.note
    return note


def build(path: Path, sizes: Sequence[int], key: SigningKey = KEY) -> LogFile:
    """An honest log: the genesis in a batch of its own, then batches of these sizes."""
    create(path)
    return LogFile(path, grow(path, LogWriter(LogState.empty(), key, key.name), sizes))


def edit_body(connection: sqlite3.Connection, seq: int) -> bytes:
    """Change an amount in a leaf, leaving its hash column; returns the new bytes."""
    leaf = connection.execute("SELECT leaf FROM log WHERE seq = ?", (seq,)).fetchone()[0]
    value = parse_canonical(leaf)
    assert isinstance(value, dict)
    altered = canonical_bytes(value | {"body": {"amount": "0.1"}})
    connection.execute("UPDATE log SET leaf = ? WHERE seq = ?", (altered, seq))
    return altered


def rehash(connection: sqlite3.Connection, *, nodes: bool = True, key: SigningKey | None = None) -> None:
    """Make chain, hash column and (by choice) nodes agree with the leaves again; with a key, sign the heads again."""
    prev, frontier, heads = ZERO_HASH, Frontier(), {}
    rows = connection.execute("SELECT leaf FROM log ORDER BY seq").fetchall()
    connection.execute("DELETE FROM log")
    if nodes:
        connection.execute("DELETE FROM node")
    for seq, (leaf,) in enumerate(rows):
        value = parse_canonical(leaf)
        assert isinstance(value, dict)
        data = canonical_bytes(value | {"seq": seq, "prev": prev.hex()})
        prev = leaf_hash(data)
        connection.execute("INSERT INTO log VALUES (?, ?, ?)", (seq, data, prev))
        completed = frontier.append(prev)
        if nodes:
            connection.executemany("INSERT INTO node VALUES (?, ?, ?)", completed)
        heads[seq + 1] = frontier.root()
    if key is not None:
        for (size,) in connection.execute("SELECT size FROM checkpoint").fetchall():
            note = sign_checkpoint(Checkpoint(ORIGIN, size, heads[size]), key)
            connection.execute("UPDATE checkpoint SET note = ? WHERE size = ?", (note, size))


def head_of(path: Path, size: int) -> bytes:
    """The stored checkpoint of one size."""
    with editing(path) as connection:
        note: bytes = connection.execute("SELECT note FROM checkpoint WHERE size = ?", (size,)).fetchone()[0]
    return note
