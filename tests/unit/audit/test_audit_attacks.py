"""Every way of altering a log that we know of, and the verdict that each must get."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.leaf import build_leaf, leaf_hash
from reconcile_actors.audit.merkle import Frontier, peak_positions
from reconcile_actors.audit.note import Checkpoint, sign_checkpoint
from reconcile_actors.audit.state import LogState, load_state
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.audit.writer import LogWriter
from tests.unit.audit.audit_log_files import (
    ATTACKER,
    KEY,
    ORIGIN,
    START,
    LogFile,
    build,
    create,
    edit_body,
    editing,
    grow,
    head_of,
    rehash,
)

SINGLE = (1,) * 11  # 12 entries, each under a checkpoint of its own
BATCHED = (4, 3, 4)  # 12 entries: [0] [1..4] [5..7] [8..11]


@pytest.fixture(params=[SINGLE, BATCHED], ids=["batches-of-1", "batches-of-many"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> LogFile:
    return build(tmp_path / "log.db", request.param)


@pytest.fixture
def batched(tmp_path: Path) -> LogFile:
    return build(tmp_path / "log.db", BATCHED)


def test_an_honest_log_verifies_against_its_newest_head(log: LogFile) -> None:
    """The attacks below mean something only because the untouched log passes."""
    result = log.verify()
    assert (result.verdict, result.size, result.first_bad_seq) == (Verdict.VERIFIED, 12, None)
    assert (result.unanchored_tail, result.sound_size, result.exit_code) == (0, 12, 0)
    assert (result.payloads_present, result.payloads_erased) == (3, 0)


def test_an_honest_log_without_a_head_is_only_consistent(log: LogFile) -> None:
    """Without anything kept elsewhere the best verdict is 6, and the whole log is unanchored."""
    result = log.verify_alone()
    assert (result.verdict, result.exit_code, result.unanchored_tail) == (Verdict.CONSISTENT_ONLY, 6, 12)


def test_an_older_head_leaves_a_tail(batched: LogFile) -> None:
    """A head of size 5 verifies 12 entries and says that 7 of them rest on the key alone."""
    result = batched.verify(head=head_of(batched.path, 5))
    assert (result.verdict, result.unanchored_tail) == (Verdict.VERIFIED, 7)


def _edit_bytes(db: sqlite3.Connection) -> None:
    edit_body(db, 6)


def _flip_one_bit(db: sqlite3.Connection) -> None:
    leaf = bytearray(db.execute("SELECT leaf FROM log WHERE seq = 6").fetchone()[0])
    leaf[100] ^= 1
    db.execute("UPDATE log SET leaf = ? WHERE seq = 6", (bytes(leaf),))


def _edit_hash_column(db: sqlite3.Connection) -> None:
    db.execute("UPDATE log SET leaf_hash = ? WHERE seq = 6", (bytes(32),))


def _edit_and_rehash_own_row(db: sqlite3.Connection) -> None:
    db.execute("UPDATE log SET leaf_hash = ? WHERE seq = 6", (leaf_hash(edit_body(db, 6)),))


def _delete_row(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM log WHERE seq = 6")


def _delete_and_renumber_rows(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM log WHERE seq = 6")
    for seq in range(7, 12):
        db.execute("UPDATE log SET seq = ? WHERE seq = ?", (seq - 1, seq))


def _swap_rows(db: sqlite3.Connection) -> None:
    db.execute("UPDATE log SET seq = -1 WHERE seq = 6")
    db.execute("UPDATE log SET seq = 6 WHERE seq = 9")
    db.execute("UPDATE log SET seq = 9 WHERE seq = -1")


def _insert_row(db: sqlite3.Connection) -> None:
    for seq in range(11, 5, -1):
        db.execute("UPDATE log SET seq = ? WHERE seq = ?", (seq + 1, seq))
    db.execute("INSERT INTO log SELECT 6, leaf, leaf_hash FROM log WHERE seq = 2")


def _replace_row(db: sqlite3.Connection) -> None:
    db.execute("INSERT OR REPLACE INTO log SELECT 6, leaf, leaf_hash FROM log WHERE seq = 2")


def _edit_link(db: sqlite3.Connection) -> None:
    leaf = build_leaf(seq=6, prev=bytes(32), at=START, kind="x", body={})
    db.execute("UPDATE log SET leaf = ?, leaf_hash = ? WHERE seq = 6", (leaf.data, leaf.hash))


@pytest.mark.parametrize(
    "attack",
    [
        _edit_bytes,
        _flip_one_bit,
        _edit_hash_column,
        _edit_and_rehash_own_row,
        _delete_row,
        _delete_and_renumber_rows,
        _swap_rows,
        _insert_row,
        _replace_row,
        _edit_link,
    ],
)
def test_an_altered_row_is_named_exactly(log: LogFile, attack: Callable[[sqlite3.Connection], None]) -> None:
    """Edit, delete, reorder, insert and replace give verdict 1 with the exact entry, with and without a head."""
    with editing(log.path) as db:
        attack(db)
    for result in (log.verify(), log.verify_alone()):
        assert (result.verdict, result.first_bad_seq) == (Verdict.TAMPERED, 6)
        assert result.sound_size <= 6


@pytest.mark.parametrize("nodes", [True, False], ids=["nodes-too", "nodes-left"])
def test_a_rewritten_suffix_without_the_key(log: LogFile, *, nodes: bool) -> None:
    """Re-hashing everything after an edit fails at the first checkpoint over it: the batch is named, or the entry."""
    with editing(log.path) as db:
        edit_body(db, 6)
        rehash(db, nodes=nodes)
    exact = len(_checkpoint_sizes(log)) == 12
    expected = 6 if exact or not nodes else 5  # the batch [5..7] starts at 5; a surviving node narrows it to [6..7]
    for result in (log.verify(), log.verify_alone()):
        assert (result.verdict, result.first_bad_seq) == (Verdict.TAMPERED, expected)
        assert result.sound_size == (6 if exact else 5)


def _checkpoint_sizes(log: LogFile) -> list[int]:
    with editing(log.path) as db:
        return [row[0] for row in db.execute("SELECT size FROM checkpoint ORDER BY size")]


def test_a_rewritten_suffix_signed_with_another_key(batched: LogFile) -> None:
    """An attacker's own key gives verdict 4 from the first checkpoint that it signed."""
    with editing(batched.path) as db:
        honest = dict(db.execute("SELECT size, note FROM checkpoint WHERE size <= 5").fetchall())
        edit_body(db, 6)
        rehash(db, key=ATTACKER)
        db.executemany("UPDATE checkpoint SET note = ? WHERE size = ?", [(n, s) for s, n in honest.items()])
    for result in (batched.verify(), batched.verify_alone()):
        assert (result.verdict, result.first_bad_seq, result.sound_size) == (Verdict.BAD_SIGNATURE, 5, 5)


def test_a_log_rebuilt_under_another_key_entirely(tmp_path: Path, batched: LogFile) -> None:
    """A whole log of the attacker's, genesis included, is under the wrong key from its first entry."""
    forged = build(tmp_path / "forged.db", BATCHED, ATTACKER)
    result = forged.verify(head=batched.head)
    assert (result.verdict, result.first_bad_seq) == (Verdict.BAD_SIGNATURE, 0)


def test_truncated_leaves_with_their_checkpoints_left(log: LogFile) -> None:
    """A checkpoint of a longer log than there is gives verdict 3, even without a trusted head."""
    with editing(log.path) as db:
        db.execute("DELETE FROM log WHERE seq >= 8")
        db.execute("DELETE FROM payload WHERE seq >= 8")
        db.execute("DELETE FROM node WHERE (idx + 1) << level > 8")
    for result in (log.verify(), log.verify_alone()):
        assert (result.verdict, result.first_bad_seq, result.size) == (Verdict.TRUNCATED, 8, 8)


@pytest.mark.parametrize("end", [8, 7], ids=["between-batches", "inside-a-batch"])
def test_truncated_leaves_and_checkpoints(batched: LogFile, end: int) -> None:
    """With nodes and checkpoints removed too, only the trusted head knows of the missing tail, and it does."""
    with editing(batched.path) as db:
        _truncate(db, end)
    result = batched.verify()
    assert (result.verdict, result.first_bad_seq, result.size) == (Verdict.TRUNCATED, end, end)
    alone = batched.verify_alone()
    if end == 8:
        assert alone.verdict is Verdict.CONSISTENT_ONLY
    else:  # a cut inside a batch leaves entries under no checkpoint
        assert (alone.verdict, alone.first_bad_seq) == (Verdict.TAMPERED, 5)


def _truncate(db: sqlite3.Connection, end: int) -> None:
    db.execute("DELETE FROM log WHERE seq >= ?", (end,))
    db.execute("DELETE FROM payload WHERE seq >= ?", (end,))
    db.execute("DELETE FROM checkpoint WHERE size > ?", (end,))
    db.execute("DELETE FROM node WHERE (idx + 1) << level > ?", (end,))


@pytest.mark.parametrize("left", ["node", "payload"])
def test_a_careless_truncation_shows_without_a_head(batched: LogFile, left: str) -> None:
    """Nodes or payloads of entries that are gone say that the log was longer once."""
    with editing(batched.path) as db:
        kept = db.execute(f"SELECT * FROM {left}").fetchall()
        _truncate(db, 8)
        marks = ",".join("?" * len(kept[0]))
        db.executemany(f"INSERT OR IGNORE INTO {left} VALUES ({marks})", kept)
    result = batched.verify_alone()
    assert (result.verdict, result.first_bad_seq) == (Verdict.TRUNCATED, 8)


def test_a_rolled_back_database(tmp_path: Path, batched: LogFile) -> None:
    """An old copy with its own old checkpoint is consistent alone and found out by the newer head."""
    old = build(tmp_path / "old.db", BATCHED[:2])
    assert old.verify().verdict is Verdict.VERIFIED
    assert old.verify_alone().verdict is Verdict.CONSISTENT_ONLY
    result = old.verify(head=batched.head)
    assert (result.verdict, result.first_bad_seq, result.size) == (Verdict.TRUNCATED, 8, 8)


def test_a_rolled_back_log_that_grew_again(tmp_path: Path, batched: LogFile) -> None:
    """After a rollback and new honest appends past the old head, the key has signed two histories: verdict 5."""
    old = build(tmp_path / "old.db", BATCHED[:2])
    with editing(old.path) as db:
        state = load_state(db.execute, KEY.verifier)
    grow(old.path, LogWriter(state, KEY, ORIGIN), (2, 5))
    result = old.verify(head=batched.head)
    assert (result.verdict, result.first_bad_seq, result.unanchored_tail) == (Verdict.SPLIT_VIEW, None, 15)


def test_a_split_view_of_the_same_size(batched: LogFile) -> None:
    """A history rewritten with the stolen key is consistent in itself; the head of the first one gives verdict 5."""
    with editing(batched.path) as db:
        edit_body(db, 6)
        db.execute("DELETE FROM payload WHERE seq = 6")
        rehash(db, key=KEY)
    assert batched.verify_alone().verdict is Verdict.CONSISTENT_ONLY
    result = batched.verify()
    assert (result.verdict, result.exit_code, result.unanchored_tail) == (Verdict.SPLIT_VIEW, 5, 12)


def test_swapped_checkpoints(batched: LogFile) -> None:
    """Two genuine notes at each other's size do not fit the leaves."""
    first, second = head_of(batched.path, 5), head_of(batched.path, 8)
    with editing(batched.path) as db:
        db.execute("UPDATE checkpoint SET note = ? WHERE size = 5", (second,))
        db.execute("UPDATE checkpoint SET note = ? WHERE size = 8", (first,))
    result = batched.verify()
    assert (result.verdict, result.first_bad_seq, result.sound_size) == (Verdict.TAMPERED, 1, 12)


def test_a_checkpoint_of_another_log_of_the_same_key(batched: LogFile) -> None:
    """A validly signed head with another origin is not this log's, in the table or as the trusted head."""
    key = SigningKey("example.org/other", bytes(range(32)))
    foreign = sign_checkpoint(Checkpoint("example.org/other", 8, bytes(32)), key)
    result = batched.verify(head=foreign)
    assert (result.verdict, result.unanchored_tail) == (Verdict.BAD_SIGNATURE, 12)
    mixed = sign_checkpoint(Checkpoint("example.org/other", 12, bytes(32)), KEY)
    result = batched.verify(head=mixed)
    assert (result.verdict, result.reason) == (Verdict.BAD_SIGNATURE, "the trusted head is of another log")
    with editing(batched.path) as db:
        db.execute("UPDATE checkpoint SET note = ? WHERE size = 8", (mixed,))
    assert (batched.verify().verdict, batched.verify().first_bad_seq) == (Verdict.TAMPERED, 5)


def test_a_removed_checkpoint(batched: LogFile) -> None:
    """Every batch had one, so a missing one shows, though later ones cover the same entries."""
    with editing(batched.path) as db:
        db.execute("DELETE FROM checkpoint WHERE size = 5")
    result = batched.verify()
    assert (result.verdict, result.first_bad_seq, result.sound_size) == (Verdict.TAMPERED, 1, 12)


def test_the_newest_checkpoint_removed(batched: LogFile) -> None:
    """Entries under no checkpoint are not the writer's, or no longer."""
    with editing(batched.path) as db:
        db.execute("DELETE FROM checkpoint WHERE size = 12")
    result = batched.verify()
    assert (result.verdict, result.first_bad_seq) == (Verdict.TAMPERED, 8)


def test_an_entry_appended_without_the_key(batched: LogFile) -> None:
    """A well-linked leaf with its nodes, but no signature, is the first bad entry."""
    with editing(batched.path) as db:
        state = load_state(db.execute, KEY.verifier)
        leaf = build_leaf(seq=12, prev=state.last_hash, at=START, kind="x", body={})
        db.execute("INSERT INTO log VALUES (12, ?, ?)", (leaf.data, leaf.hash))
        db.executemany("INSERT INTO node VALUES (?, ?, ?)", Frontier(12, state.peaks).append(leaf.hash))
    result = batched.verify()
    assert (result.verdict, result.first_bad_seq, result.sound_size) == (Verdict.TAMPERED, 12, 12)


def test_an_edited_checkpoint(batched: LogFile) -> None:
    """A changed root under the old signature is a signature that does not hold."""
    with editing(batched.path) as db:
        note = head_of(batched.path, 8).replace(b"\n8\n", b"\n9\n")
        db.execute("UPDATE checkpoint SET note = ? WHERE size = 8", (note,))
    result = batched.verify()
    assert (result.verdict, result.first_bad_seq, result.exit_code) == (Verdict.BAD_SIGNATURE, 5, 4)


def test_a_second_signature_line_in_a_stored_checkpoint(batched: LogFile) -> None:
    """The log stores its own signature alone, so an added line is an alteration although the note still verifies."""
    with editing(batched.path) as db:
        note = head_of(batched.path, 8) + "— stranger AAAAAAAA\n".encode()
        db.execute("UPDATE checkpoint SET note = ? WHERE size = 8", (note,))
    assert (batched.verify().verdict, batched.verify().first_bad_seq) == (Verdict.TAMPERED, 5)


@pytest.mark.parametrize("seq", [0, 3, 9])
def test_a_dropped_or_altered_node(batched: LogFile, seq: int) -> None:
    """A node that is not what the leaves give is reported at the first entry under it."""
    idx = seq >> 1
    with editing(batched.path) as db:
        db.execute("UPDATE node SET hash = ? WHERE level = 1 AND idx = ?", (bytes(32), idx))
    assert (batched.verify().verdict, batched.verify().first_bad_seq) == (Verdict.TAMPERED, idx << 1)
    with editing(batched.path) as db:
        db.execute("DELETE FROM node WHERE level = 1 AND idx = ?", (idx,))
    result = batched.verify()
    assert (result.verdict, result.first_bad_seq, result.sound_size) == (Verdict.TAMPERED, idx << 1, 12)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payload SET body = x'00' WHERE seq = 6",
        "UPDATE payload SET salt = zeroblob(32) WHERE seq = 6",
        "UPDATE payload SET salt = x'00' WHERE seq = 6",
        "UPDATE payload SET salt = NULL WHERE seq = 6",
        "INSERT INTO payload SELECT 7, salt, body FROM payload WHERE seq = 6",
    ],
)
def test_an_altered_payload(batched: LogFile, statement: str) -> None:
    """A payload must be the one that its leaf commits to, and one where none was committed is bad too."""
    with editing(batched.path) as db:
        db.execute(statement)
    assert (batched.verify().verdict, batched.verify().first_bad_seq) == (
        Verdict.TAMPERED,
        7 if "INSERT" in statement else 6,
    )


@pytest.mark.parametrize("statement", ["DELETE FROM payload", "UPDATE payload SET salt = NULL, body = NULL"])
def test_an_erased_payload_is_no_alteration(batched: LogFile, statement: str) -> None:
    """Personal data can be erased: the log still verifies and says how many payloads are gone."""
    with editing(batched.path) as db:
        db.execute(statement)
    result = batched.verify()
    assert (result.verdict, result.payloads_present, result.payloads_erased) == (Verdict.VERIFIED, 0, 3)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO node VALUES (0, 0, zeroblob(32))",
        "INSERT INTO node VALUES (1, -1, zeroblob(32))",
        "INSERT INTO payload VALUES (-1, zeroblob(32), x'')",
        "INSERT INTO checkpoint SELECT 0, note, at FROM checkpoint WHERE size = 5",
        "UPDATE checkpoint SET at = '2026-01-31T12:00:00.000000Z' WHERE size = 12",
    ],
)
def test_rows_at_places_that_no_log_has(batched: LogFile, statement: str) -> None:
    """What the log never writes is an alteration even where every entry is sound."""
    with editing(batched.path) as db:
        db.execute(statement)
    result = batched.verify()
    assert (result.verdict, result.sound_size) == (Verdict.TAMPERED, 12)


def test_the_earliest_of_several_alterations_is_named(batched: LogFile) -> None:
    """A payload at 3, a node over [4, 5], an entry at 9: the earliest counts, whatever its sort."""
    with editing(batched.path) as db:
        edit_body(db, 9)
        db.execute("UPDATE node SET hash = ? WHERE level = 1 AND idx = 2", (bytes(32),))
    assert batched.verify().first_bad_seq == 4
    with editing(batched.path) as db:
        db.execute("UPDATE payload SET body = x'00' WHERE seq = 3")
    assert batched.verify().first_bad_seq == 3


def test_a_missing_genesis(tmp_path: Path, batched: LogFile) -> None:
    """An emptied log is truncated at 0, against a head and without one."""
    create(tmp_path / "empty.db")
    empty = LogFile(tmp_path / "empty.db", batched.head)
    for result in (empty.verify(), empty.verify_alone()):
        assert (result.verdict, result.first_bad_seq, result.size) == (Verdict.TRUNCATED, 0, 0)


def test_a_restored_backup_beside_a_forged_head(tmp_path: Path, batched: LogFile) -> None:
    """A head that the key did not sign gives verdict 4, so a forged head cannot vouch for a rollback."""
    old = shutil.copy(build(tmp_path / "old.db", BATCHED[:2]).path, tmp_path / "copy.db")
    with editing(Path(old)) as db:
        forged = sign_checkpoint(Checkpoint(ORIGIN, 8, _root(db)), ATTACKER)
    result = LogFile(Path(old), forged).verify()
    assert (result.verdict, result.first_bad_seq, result.unanchored_tail) == (Verdict.BAD_SIGNATURE, None, 8)


def _root(db: sqlite3.Connection) -> bytes:
    state: LogState = load_state(db.execute, KEY.verifier)
    assert len(peak_positions(state.size)) == len(state.peaks)
    return Frontier(state.size, state.peaks).root()
