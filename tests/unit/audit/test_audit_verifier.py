"""The verifier's edges: files that are none, heads that are none, a live writer, whose key is believed."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile_actors.audit import source
from reconcile_actors.audit.canonical import JsonValue
from reconcile_actors.audit.leaf import ZERO_HASH, build_leaf
from reconcile_actors.audit.merkle import EMPTY_ROOT, Frontier
from reconcile_actors.audit.note import Checkpoint, sign_checkpoint, sign_text
from reconcile_actors.audit.state import LogState
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.audit.writer import LogWriter
from tests.unit.audit.audit_log_files import (
    ATTACKER,
    KEY,
    ORIGIN,
    START,
    LogFile,
    build,
    create,
    editing,
    entry,
    head_of,
    write_batch,
)


@pytest.fixture
def log(tmp_path: Path) -> LogFile:
    return build(tmp_path / "log.db", (4, 3))


def test_the_verdicts_are_the_documented_exit_codes() -> None:
    """Scripts rely on these numbers."""
    assert {verdict.name: verdict.value for verdict in Verdict} == {
        "VERIFIED": 0, "TAMPERED": 1, "TRUNCATED": 3, "BAD_SIGNATURE": 4, "SPLIT_VIEW": 5, "CONSISTENT_ONLY": 6,
        "UNREADABLE": 7,
    }  # fmt: skip


def test_exactly_one_source_of_trust(log: LogFile) -> None:
    """Neither no key nor two sorts of trust at once is accepted."""
    with pytest.raises(ValueError, match="verifier keys"):
        verify_log(log.path)
    with pytest.raises(ValueError, match="verifier keys"):
        verify_log(log.path, keys=[KEY.verifier], trust_log_key=True)


def test_the_logs_own_key_proves_consistency_at_most(log: LogFile) -> None:
    """With the key out of the log even a fitting head gives 6; a forger's log passes just as well."""
    for head in (None, log.head):
        result = verify_log(log.path, trusted_head=head, trust_log_key=True)
        assert result.verdict is Verdict.CONSISTENT_ONLY
    forged = build(log.path.with_name("forged.db"), (2,), ATTACKER)
    assert verify_log(forged.path, trust_log_key=True).verdict is Verdict.CONSISTENT_ONLY
    assert verify_log(forged.path, trusted_head=log.head, trust_log_key=True).verdict is Verdict.BAD_SIGNATURE


def test_an_emptied_log_has_no_key_of_its_own(tmp_path: Path, log: LogFile) -> None:
    """Without a genesis there is no key to trust, and what is missing is the finding."""
    create(tmp_path / "empty.db")
    result = verify_log(tmp_path / "empty.db", trusted_head=log.head, trust_log_key=True)
    assert (result.verdict, result.first_bad_seq) == (Verdict.TRUNCATED, 0)


def test_several_keys_may_be_given(log: LogFile) -> None:
    """A second key, of before or after a change of keys, does no harm."""
    result = verify_log(log.path, keys=[ATTACKER.verifier, KEY.verifier], trusted_head=log.head)
    assert result.verdict is Verdict.VERIFIED


def test_the_wrong_key(log: LogFile) -> None:
    """Under another key nothing is signed, from the first entry on."""
    result = log.verify(key=ATTACKER)
    assert (result.verdict, result.first_bad_seq, result.sound_size) == (Verdict.BAD_SIGNATURE, 0, 0)


@pytest.mark.parametrize("content", [None, b"", b"no database at all, but long enough to be looked at" * 100])
def test_a_file_that_is_no_log(tmp_path: Path, content: bytes | None) -> None:
    """No file, an empty one and another format are unreadable, which is no proof of anything."""
    path = tmp_path / "log db?mode=rwc#.db"  # a name that would mean something in a URI
    if content is not None:
        path.write_bytes(content)
    result = verify_log(path, keys=[KEY.verifier])
    assert (result.verdict, result.size, result.first_bad_seq) == (Verdict.UNREADABLE, 0, None)
    assert path.exists() == (content is not None)


@pytest.mark.parametrize("table", ["log", "node", "checkpoint", "payload"])
def test_a_dropped_table(log: LogFile, table: str) -> None:
    """A missing table is unreadable rather than a guess."""
    with editing(log.path) as db:
        db.execute(f"DROP TABLE {table}")
    assert log.verify().verdict is Verdict.UNREADABLE


def test_a_damaged_page(log: LogFile) -> None:
    """Damage below the rows, in any table that the log consists of, is unreadable and never verifies."""
    with editing(log.path) as db:
        pages = db.execute("SELECT rootpage FROM sqlite_schema WHERE name <> 'anchor'").fetchall()
    data = log.path.read_bytes()
    for (page,) in pages:
        start = (page - 1) * 4096
        log.path.write_bytes(data[:start] + bytes(100) + data[start + 100 :])
        assert log.verify().verdict is Verdict.UNREADABLE
    assert len(pages) == 4


def test_values_of_other_types(tmp_path: Path, log: LogFile) -> None:
    """Tables rebuilt without types can hold anything; each wrong type is a finding."""
    for table, change, verdict in (
        ("log", "UPDATE log SET leaf = 'text' WHERE seq = 3", Verdict.TAMPERED),
        ("log", "UPDATE log SET leaf_hash = 5 WHERE seq = 3", Verdict.TAMPERED),
        ("log", "UPDATE log SET seq = 'x' WHERE seq = 3", Verdict.TAMPERED),
        ("checkpoint", "UPDATE checkpoint SET note = 'text' WHERE size = 5", Verdict.BAD_SIGNATURE),
        ("checkpoint", "UPDATE checkpoint SET at = CAST(x'ff' AS TEXT) WHERE size = 5", Verdict.TAMPERED),
        ("checkpoint", "INSERT INTO checkpoint VALUES (NULL, NULL, NULL)", Verdict.TAMPERED),
        ("payload", "UPDATE payload SET body = 7 WHERE seq = 3", Verdict.TAMPERED),
        ("payload", "UPDATE payload SET seq = NULL WHERE seq = 3", Verdict.TAMPERED),
        ("node", "UPDATE node SET hash = 'x' WHERE level = 2", Verdict.TAMPERED),
    ):
        copy = LogFile(tmp_path / "copy.db", log.head)
        copy.path.write_bytes(log.path.read_bytes())
        with editing(copy.path) as db:
            db.execute(f"CREATE TABLE loose AS SELECT * FROM {table}")
            db.execute(f"DROP TABLE {table}")
            db.execute(f"ALTER TABLE loose RENAME TO {table}")
        assert copy.verify().verdict is Verdict.VERIFIED
        with editing(copy.path) as db:
            db.execute(change)
        assert copy.verify().verdict is verdict, change


@pytest.mark.parametrize("head", [b"", b"torn", sign_text("no checkpoint\n", KEY)])
def test_a_head_that_is_none(log: LogFile, head: bytes) -> None:
    """A torn trusted head is unreadable, unless the log itself is seen to be altered."""
    assert (log.verify(head=head).verdict, log.verify(head=head).unanchored_tail) == (Verdict.UNREADABLE, 8)
    with editing(log.path) as db:
        db.execute("DELETE FROM log WHERE seq = 2")
    assert (log.verify(head=head).verdict, log.verify(head=head).first_bad_seq) == (Verdict.TAMPERED, 2)


def test_a_head_of_nothing_covers_nothing(log: LogFile) -> None:
    """A head of the empty tree is true of every log, so it verifies none."""
    head = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), KEY)
    result = log.verify(head=head)
    assert (result.verdict, result.unanchored_tail) == (Verdict.CONSISTENT_ONLY, 8)


def test_a_head_inside_a_batch(log: LogFile) -> None:
    """A head need not be a stored checkpoint: its root is compared at its size."""
    with editing(log.path) as db:
        frontier = Frontier()
        for (digest,) in db.execute("SELECT leaf_hash FROM log WHERE seq < 3 ORDER BY seq"):
            frontier.append(digest)
    result = log.verify(head=sign_checkpoint(Checkpoint(ORIGIN, 3, frontier.root()), KEY))
    assert (result.verdict, result.unanchored_tail) == (Verdict.VERIFIED, 5)


def test_a_head_vouches_below_a_later_alteration(log: LogFile) -> None:
    """What the head covers is sound even if something behind it is not."""
    with editing(log.path) as db:
        db.execute("DELETE FROM checkpoint WHERE size = 5")
        db.execute("UPDATE log SET leaf = x'00' WHERE seq = 6")
    head = LogFile(log.path, log.head)
    other = build(log.path.with_name("other.db"), (4, 3))
    result = head.verify(head=head_of(other.path, 5))
    assert (result.verdict, result.first_bad_seq, result.sound_size, result.size) == (Verdict.TAMPERED, 1, 5, 8)
    assert result.unanchored_tail == 3


@pytest.mark.parametrize("place", ["newest", "beyond"])
def test_a_signed_note_that_is_no_checkpoint(log: LogFile, place: str) -> None:
    """The key's signature over something else does not pass as a checkpoint."""
    with editing(log.path) as db:
        if place == "newest":
            db.execute("UPDATE checkpoint SET note = ? WHERE size = 8", (sign_text("no checkpoint\n", KEY),))
        else:
            db.execute("INSERT INTO checkpoint SELECT 99, note, at FROM checkpoint WHERE size = 5")
    result = log.verify()
    assert (result.verdict, result.sound_size) == (Verdict.TAMPERED, 8)


def test_an_unsigned_checkpoint_beyond_the_end(log: LogFile) -> None:
    """A made-up checkpoint of a longer log is a bad signature, not a truncation."""
    note = sign_checkpoint(Checkpoint(ORIGIN, 99, bytes(32)), ATTACKER)
    with editing(log.path) as db:
        db.execute("INSERT INTO checkpoint VALUES (99, ?, '')", (note,))
    assert (log.verify().verdict, log.verify().first_bad_seq) == (Verdict.BAD_SIGNATURE, 8)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"body": {}},
        {"body": {"origin": ORIGIN, "vkey": KEY.verifier.vkey, "format": "other/1"}},
        {"body": {"origin": "a b", "vkey": KEY.verifier.vkey, "format": "reconcile-actors/audit/1"}},
        {"body": {"origin": ORIGIN, "vkey": 5, "format": "reconcile-actors/audit/1"}},
        {"body": {"origin": ORIGIN, "vkey": "a+b+c", "format": "reconcile-actors/audit/1"}},
        {"prev": b"\1" * 32},
    ],
)
def test_a_first_leaf_that_is_no_genesis(tmp_path: Path, change: dict[str, JsonValue]) -> None:
    """A log opens with its genesis or it is not this format."""
    body = {"origin": ORIGIN, "vkey": KEY.verifier.vkey, "format": "reconcile-actors/audit/1"}
    fields = {"seq": 0, "prev": ZERO_HASH, "at": START, "kind": "log.genesis", "body": body}
    leaf = build_leaf(**(fields | change))  # type: ignore[arg-type]  # a dict of mixed values
    create(tmp_path / "log.db")
    with editing(tmp_path / "log.db") as db:
        db.execute("INSERT INTO log VALUES (0, ?, ?)", (leaf.data, leaf.hash))
        note = sign_checkpoint(Checkpoint(ORIGIN, 1, leaf.hash), KEY)
        db.execute("INSERT INTO checkpoint VALUES (1, ?, '2026-01-31T12:00:00.000000Z')", (note,))
    result = LogFile(tmp_path / "log.db", note).verify()
    assert (result.verdict, result.first_bad_seq) == (Verdict.TAMPERED, 0)


@pytest.mark.parametrize("follower", ["fits", "malformed", "text", "none"])
def test_which_of_two_leaves_is_blamed(tmp_path: Path, follower: str) -> None:
    """Where 3 does not follow from 2, the leaf after tells which was altered; without one the earlier is named."""
    log = build(tmp_path / "log.db", (3 if follower == "none" else 5,))
    with editing(log.path) as db:
        if follower != "text":
            forged = build_leaf(seq=2, prev=_hash(db, 1), at=START + timedelta(seconds=1), kind="x", body={})
            db.execute("UPDATE log SET leaf = ?, leaf_hash = ? WHERE seq = 2", (forged.data, forged.hash))
        if follower == "malformed":
            db.execute("UPDATE log SET leaf = x'00' WHERE seq = 4")
        if follower == "text":
            db.execute("CREATE TABLE loose AS SELECT * FROM log")
            db.execute("DROP TABLE log")
            db.execute("ALTER TABLE loose RENAME TO log")
            forged = build_leaf(seq=2, prev=_hash(db, 1), at=START + timedelta(seconds=1), kind="x", body={})
            db.execute("UPDATE log SET leaf = ?, leaf_hash = ? WHERE seq = 2", (forged.data, forged.hash))
            db.execute("UPDATE log SET leaf = 'x' WHERE seq = 4")
    assert (log.verify().verdict, log.verify().first_bad_seq) == (Verdict.TAMPERED, 2)


def _hash(db: sqlite3.Connection, seq: int) -> bytes:
    digest: bytes = db.execute("SELECT leaf_hash FROM log WHERE seq = ?", (seq,)).fetchone()[0]
    return digest


def test_beside_a_live_writer(tmp_path: Path) -> None:
    """In WAL mode, with an open write transaction, the verifier sees the last commit and blocks nobody."""
    path = tmp_path / "log.db"
    create(path)
    writer = LogWriter(LogState.empty(), KEY, ORIGIN)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        head = b""
        for number in range(4):
            at = START + timedelta(seconds=number)
            batch = writer.append([entry(number)], at) if number else writer.start(at)
            db.execute("BEGIN IMMEDIATE")
            write_batch(db, batch)
            if number:
                assert verify_log(path, keys=[KEY.verifier], trusted_head=head).size == number
            db.execute("COMMIT")
            writer.commit(batch)
            head = batch.checkpoint.note
            result = verify_log(path, keys=[KEY.verifier], trusted_head=head)
            assert (result.verdict, result.size) == (Verdict.VERIFIED, number + 1)
    finally:
        db.close()


def test_nothing_is_written(log: LogFile) -> None:
    """Verifying changes no byte and leaves no file beside the log."""
    before = log.path.read_bytes(), sorted(log.path.parent.iterdir())
    log.verify()
    assert (log.path.read_bytes(), sorted(log.path.parent.iterdir())) == before


def test_read_only_media(log: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ordinary way of opening fails for want of write access, a file without pending WAL is read as it is."""
    tried: list[str] = []
    monkeypatch.setattr(source, "_begin", _refusing_ordinary(source._begin, tried))
    assert log.verify().verdict is Verdict.VERIFIED
    assert [uri.partition("?")[2] for uri in tried] == ["mode=ro", "mode=ro&immutable=1"]
    log.path.with_name("log.db-wal").write_bytes(b"pending")
    assert log.verify().verdict is Verdict.UNREADABLE


def _refusing_ordinary(
    begin: Callable[[str], sqlite3.Connection], tried: list[str]
) -> Callable[[str], sqlite3.Connection]:
    def opened(uri: str) -> sqlite3.Connection:
        tried.append(uri)
        if "immutable" not in uri:
            raise sqlite3.OperationalError("unable to open database file")
        return begin(uri)

    return opened
