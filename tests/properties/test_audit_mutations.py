"""Any one change to any one row is found by a trusted head that covers the row."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile_actors.audit.verdict import Verdict
from tests.unit.audit.audit_log_files import LogFile, build, editing

# Payload rows may be erased by design and anchors are other people's words, so neither deletion counts here.
COLUMNS = {
    "log": ["seq", "leaf", "leaf_hash"],
    "node": ["level", "idx", "hash"],
    "checkpoint": ["size", "note", "at"],
    "payload": ["seq", "salt", "body"],
}


@pytest.fixture(scope="module", params=[(1,) * 9, (4, 3, 2), (9,)], ids=["singles", "mixed", "one"])
def original(request: pytest.FixtureRequest) -> Iterator[LogFile]:
    """An honest log of ten entries."""
    with tempfile.TemporaryDirectory() as folder:
        yield build(Path(folder) / "log.db", request.param)


def _altered(value: object, draw: st.DataObject) -> object:
    """A value of the same type, but another one."""
    if isinstance(value, int):
        return draw.draw(st.integers(-3, 20) | st.integers(-(2**63), 2**63 - 1))
    data = bytearray(value.encode() if isinstance(value, str) else value or b"")  # type: ignore[arg-type]  # rows hold text, bytes and NULL
    if isinstance(value, str):
        place = draw.draw(st.integers(0, len(data) - 1))
        data[place] = draw.draw(st.integers(32, 126))
        return data.decode()
    place = draw.draw(st.integers(0, max(0, len(data) - 1)))
    change = draw.draw(st.sampled_from(["replace", "insert", "delete"]))
    if change == "insert" or not data:
        data.insert(place, draw.draw(st.integers(0, 255)))
    elif change == "delete":
        del data[place]
    else:
        data[place] ^= draw.draw(st.integers(1, 255))
    return bytes(data)


def _mutate(db: sqlite3.Connection, draw: st.DataObject) -> bool:
    """Change, delete or add one row; False where the draw changed nothing or the table's own rules refused it."""
    table = draw.draw(st.sampled_from(sorted(COLUMNS)))
    columns = COLUMNS[table]
    rows = db.execute(f"SELECT * FROM {table}").fetchall()
    row = draw.draw(st.sampled_from(rows))
    keys = " AND ".join(f"{name} = ?" for name in columns[: 2 if table == "node" else 1])
    key = row[: 2 if table == "node" else 1]
    action = draw.draw(st.sampled_from(["update", "insert", "delete"] if table != "payload" else ["update", "insert"]))
    if action == "delete":
        return db.execute(f"DELETE FROM {table} WHERE {keys}", key).rowcount == 1
    changed = draw.draw(st.sampled_from(range(len(columns))))
    new = [_altered(value, draw) if place == changed else value for place, value in enumerate(row)]
    if tuple(new) == row:
        return False
    try:
        if action == "insert":
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", new)
        else:
            db.execute(f"UPDATE OR REPLACE {table} SET {columns[changed]} = ? WHERE {keys}", (new[changed], *key))
    except sqlite3.IntegrityError:
        return False
    return sorted(db.execute(f"SELECT * FROM {table}").fetchall()) != sorted(rows)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_any_single_mutation_is_found(original: LogFile, draw: st.DataObject) -> None:
    """No verdict of 0 or 6 survives a change of one row, and everything below the first bad entry is untouched."""
    with tempfile.TemporaryDirectory() as folder:
        copy = LogFile(Path(shutil.copy(original.path, folder)), original.head)
        with editing(copy.path) as db:
            if not _mutate(db, draw):
                return
            before = _leaves(original)
            after = dict(db.execute("SELECT seq, leaf FROM log").fetchall())
        result = copy.verify()
        assert result.verdict in (Verdict.TAMPERED, Verdict.BAD_SIGNATURE, Verdict.TRUNCATED), result
        assert result.first_bad_seq is not None
        for seq in range(max(result.first_bad_seq, result.sound_size)):
            assert after.get(seq) == before.get(seq)


def _leaves(log: LogFile) -> dict[int, bytes]:
    with editing(log.path) as db:
        return dict(db.execute("SELECT seq, leaf FROM log").fetchall())
