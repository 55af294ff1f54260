"""Reads the log's tables from a SQLite file, strictly read-only, as one snapshot, beside a live writer too.

Rows come out as they are: whoever altered the file may have altered the column types with it, so every value is `object`
until the scan has looked at it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

Row: TypeAlias = tuple[object, ...]
_MAX_LEVEL: Final = 62
_BUSY_SECONDS: Final = 5.0


class SqliteSource:
    """The rows of one read transaction. Every method may raise `sqlite3.Error` while its rows are read."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def leaves(self) -> Iterator[Row]:
        """(seq, leaf, leaf_hash), by seq."""
        return iter(self._connection.execute("SELECT seq, leaf, leaf_hash FROM log ORDER BY seq"))

    def count(self) -> int:
        """The number of leaf rows."""
        return int(self._connection.execute("SELECT count(*) FROM log").fetchone()[0])

    def nodes(self, level: int) -> Iterator[Row]:
        """(idx, hash) of one level, by idx."""
        return iter(self._connection.execute("SELECT idx, hash FROM node WHERE level = ? ORDER BY idx", (level,)))

    def checkpoints(self) -> Iterator[Row]:
        """(size, note, at), by size."""
        return iter(self._connection.execute("SELECT size, note, at FROM checkpoint ORDER BY size"))

    def payloads(self) -> Iterator[Row]:
        """(seq, salt, body), by seq."""
        return iter(self._connection.execute("SELECT seq, salt, body FROM payload ORDER BY seq"))

    def has_impossible_node(self) -> bool:
        """Whether a node row has a place that no tree has."""
        found = self._connection.execute(
            "SELECT 1 FROM node WHERE level NOT BETWEEN 1 AND ? OR idx < 0 LIMIT 1", (_MAX_LEVEL,)
        )
        return found.fetchone() is not None

    def has_node_beyond(self, size: int) -> bool:
        """Whether a node row covers a leaf at or after `size`: the log was longer once."""
        found = self._connection.execute(
            "SELECT 1 FROM node WHERE level BETWEEN 1 AND ? AND idx >= (? >> level) LIMIT 1", (_MAX_LEVEL, size)
        )
        return found.fetchone() is not None


@contextmanager
def open_source(path: Path) -> Iterator[SqliteSource]:
    """Open `path` for reading; raises `sqlite3.Error` where it is no readable database. Closes it at the end."""
    connection = _connect(path)
    try:
        yield SqliteSource(connection)
    finally:
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        return _begin(uri)
    except sqlite3.OperationalError:
        # A WAL database on read-only media cannot be opened in the ordinary way, for want of a -shm file. Without a
        # pending WAL nothing is lost by reading the main file alone.
        wal = path.with_name(path.name + "-wal")
        if not path.is_file() or (wal.exists() and wal.stat().st_size):
            raise
        return _begin(f"{uri}&immutable=1")


def _begin(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    try:
        # A column that should be a time may hold any bytes after tampering; that is a finding, not a crash.
        connection.text_factory = _lenient_text
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("BEGIN")  # all tables are then read as of one instant
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _lenient_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
