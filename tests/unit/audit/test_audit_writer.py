"""The writer: pure, deterministic, moved by commits alone, and restored from what was stored."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile_actors.audit.errors import CanonicalError, LeafError, LeafTooLarge, LogStateError
from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.leaf import parse_leaf
from reconcile_actors.audit.merkle import peak_positions
from reconcile_actors.audit.note import verify_checkpoint
from reconcile_actors.audit.state import LogState, load_state, restore_state
from reconcile_actors.audit.writer import Entry, LogWriter, Payload
from tests.unit.audit.audit_log_files import ATTACKER, KEY, ORIGIN, START, build, create, editing, entry


def _started() -> LogWriter:
    writer = LogWriter(LogState.empty(), KEY, ORIGIN)
    writer.commit(writer.start(START))
    return writer


def test_the_genesis_names_log_key_and_format() -> None:
    """The first leaf says whose log this is, under a checkpoint of size 1."""
    batch = LogWriter(LogState.empty(), KEY, ORIGIN).start(START)
    record = parse_leaf(batch.leaves[0].data)
    assert (record.seq, record.kind, record.prev) == (0, "log.genesis", bytes(32))
    assert record.body == {"origin": ORIGIN, "vkey": KEY.verifier.vkey, "format": "reconcile-actors/audit/1"}
    assert batch.checkpoint.at == "2026-01-31T12:00:00.000000Z"
    assert verify_checkpoint(batch.checkpoint.note, [KEY.verifier]).size == 1


def test_a_batch_is_chained_and_signed_once() -> None:
    """Leaves follow from each other, payloads carry their entry's number, one checkpoint covers all."""
    writer = _started()
    batch = writer.append([entry(3), entry(4), entry(6)], START + timedelta(seconds=1))
    records = [parse_leaf(leaf.data) for leaf in batch.leaves]
    assert [record.seq for record in records] == [1, 2, 3]
    assert [record.prev for record in records] == [writer.state.last_hash, batch.leaves[0].hash, batch.leaves[1].hash]
    assert [row.seq for row in batch.payloads] == [1, 3]
    assert [record.commit is None for record in records] == [False, True, False]
    assert (batch.checkpoint.size, batch.after.size) == (4, 4)


def test_the_same_input_gives_the_same_rows() -> None:
    """Nothing but the arguments goes into a batch."""
    assert _started().append([entry(1)], START) == _started().append([entry(1)], START)


def test_only_commit_moves_the_state() -> None:
    """A batch that was not committed leaves no trace, and the next one takes its numbers."""
    writer = _started()
    before = writer.state
    dropped = writer.append([entry(1)], START)
    kept = writer.append([entry(2), entry(3)], START)
    assert writer.state == before
    writer.commit(kept)
    assert (writer.state.size, kept.leaves[0].seq) == (3, 1)
    for stale in (dropped, kept):
        with pytest.raises(LogStateError, match="follow"):
            writer.commit(stale)


def test_neighbouring_batches_never_share_a_time() -> None:
    """A clock that stands still or slips back moves on by a microsecond; one that was set back is recorded as it is."""
    writer = _started()
    seen = []
    for offset in (0.0, 0.0, -0.5, 0.2, 0.1, -60.0, 5.0):
        batch = writer.append([entry(1)], START + timedelta(seconds=offset))
        writer.commit(batch)
        seen.append((writer.state.last_at or START) - START)
    tick, second = timedelta(microseconds=1), timedelta(seconds=1)
    assert seen == [tick, 2 * tick, 3 * tick, second / 5, second / 5 + tick, -60 * second, 5 * second]


def test_what_a_writer_refuses() -> None:
    """A foreign key, a second genesis, entries before the first, an empty batch."""
    with pytest.raises(LogStateError, match="origin"):
        LogWriter(LogState.empty(), SigningKey("other", bytes(32)), ORIGIN)
    with pytest.raises(LogStateError, match="already"):
        _started().start(START)
    with pytest.raises(LogStateError, match="no genesis"):
        LogWriter(LogState.empty(), KEY, ORIGIN).append([entry(1)], START)
    with pytest.raises(LogStateError, match="at least one"):
        _started().append([], START)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (Entry("a", {"x": 1.5}), CanonicalError),  # type: ignore[dict-item]  # refused at run time
        (Entry("a b", {}), LeafError),
        (Entry("a", {"x": "y" * 65_535}), LeafTooLarge),
        (Entry("a", {}, payload=Payload(b"short", b"")), LeafError),
    ],
)
def test_a_bad_entry_is_found_before_it_spoils_a_batch(bad: Entry, error: type[Exception]) -> None:
    """`check` refuses what `append` would, and passes what it would not."""
    writer = _started()
    for call in (lambda: writer.check(bad), lambda: writer.append([entry(1), bad], START)):
        with pytest.raises(error):
            call()
    writer.check(entry(3))


def test_check_foresees_the_longest_number() -> None:
    """An entry that passes fits at whatever number it gets: the largest that passes leaves room for 16 digits."""
    writer = _started()
    largest = 0
    low, high = 0, 65_535
    while low <= high:
        largest = (low + high) // 2
        try:
            writer.check(Entry("a", {"x": "y" * largest}))
        except LeafTooLarge:
            high = largest - 1
        else:
            low = largest + 1
    assert len(writer.append([Entry("a", {"x": "y" * high})], START).leaves[0].data) == 65_535 - 15


def test_no_text_form_shows_the_contents() -> None:
    """Printing a batch or an entry shows no body, payload or salt (I7)."""
    shown = Entry("a", {"amount": "77.25"}, payload=Payload(b"SALT" * 8, b"BODY"))
    text = repr(shown) + repr(_started().append([shown], START))
    assert not any(secret in text for secret in ("77.25", "SALT", "BODY"))


@pytest.mark.parametrize("sizes", [(), (1,), (2, 4), (1, 1, 1, 4)])
def test_the_state_is_restored_from_the_tables(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """A writer that was started again makes the same next batch as one that ran through, after O(log n) reads."""
    log = build(tmp_path / "log.db", sizes)
    reads = []
    with editing(log.path) as db:

        def query(sql: str, parameters: tuple[int, ...]) -> Iterable[Sequence[object]]:
            reads.append(sql)
            return db.execute(sql, parameters)

        state = load_state(query, KEY.verifier)
    size = 1 + sum(sizes)
    assert state.size == size
    assert len(reads) == 2 + len(peak_positions(size))
    onward = LogWriter(state, KEY, ORIGIN).append([entry(1)], START + timedelta(days=1))
    straight = LogWriter(LogState.empty(), KEY, ORIGIN)
    straight.commit(straight.start(START))
    for count in sizes:
        base = straight.state.size
        at = START + timedelta(seconds=base)
        straight.commit(straight.append([entry(number) for number in range(base, base + count)], at))
    assert onward == straight.append([entry(1)], START + timedelta(days=1))


def test_an_empty_database_is_the_empty_state(tmp_path: Path) -> None:
    """Before the genesis there is nothing to restore."""
    create(tmp_path / "log.db")
    with editing(tmp_path / "log.db") as db:
        assert load_state(db.execute, KEY.verifier) == LogState.empty()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM checkpoint",
        "DELETE FROM log",
        "DELETE FROM checkpoint WHERE size = 7",
        "DELETE FROM log WHERE seq = 6",
        "DELETE FROM node WHERE level = 2",
        "DELETE FROM node WHERE level = 1 AND idx = 2",
        "UPDATE node SET hash = NULL WHERE level = 2",
        "UPDATE node SET hash = zeroblob(32) WHERE level = 2",
        "UPDATE log SET leaf = x'00' WHERE seq = 6",
        "UPDATE log SET leaf = (SELECT leaf FROM log WHERE seq = 5) WHERE seq = 6",
        "UPDATE log SET leaf_hash = zeroblob(32) WHERE seq = 6",
        "UPDATE checkpoint SET note = x'00' WHERE size = 7",
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 3) WHERE size = 7",
    ],
)
def test_a_damaged_log_is_not_written_on(tmp_path: Path, damage: str) -> None:
    """The key never signs on top of rows that do not add up."""
    log = build(tmp_path / "log.db", (2, 4))
    with editing(log.path) as db:
        assert db.execute(damage).rowcount > 0
        with pytest.raises(LogStateError):
            load_state(db.execute, KEY.verifier)


def test_another_key_does_not_take_the_log_over(tmp_path: Path) -> None:
    """With a lost key replaced, or the origin renamed, the log is not continued by mistake."""
    log = build(tmp_path / "log.db", (2,))
    with editing(log.path) as db, pytest.raises(LogStateError):
        load_state(db.execute, ATTACKER.verifier)


def test_wrong_types_are_refused() -> None:
    """Values that no honest table holds are an error of the log, not a crash."""
    rows: dict[str, list[tuple[object, ...]]] = {"log": [("x", b"")], "checkpoint": [(1, b"")]}
    with pytest.raises(LogStateError, match="type"):
        load_state(lambda sql, _: rows["log" if "FROM log" in sql else "checkpoint"], KEY.verifier)


def test_rows_read_by_other_means(tmp_path: Path) -> None:
    """A caller that fetches the rows itself restores the same state; a last leaf of another place is refused."""
    log = build(tmp_path / "log.db", (2, 4))
    with editing(log.path) as db:
        state = load_state(db.execute, KEY.verifier)
        leaves = [row[0] for row in db.execute("SELECT leaf FROM log ORDER BY seq")]
    given = {"size": 7, "peaks": state.peaks, "note": log.head, "key": KEY.verifier}
    assert restore_state(last_leaf=leaves[6], **given) == state  # type: ignore[arg-type]  # a dict of mixed values
    with pytest.raises(LogStateError):
        restore_state(last_leaf=leaves[5], **given)  # type: ignore[arg-type]  # as above
