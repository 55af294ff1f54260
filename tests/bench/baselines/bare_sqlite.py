"""Bare sqlite3 with the ledger's own durability: rows of bytes, committed one by one or many at a time."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path


def open_table(path: Path) -> sqlite3.Connection:
    """WAL, and each COMMIT synced to disk."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, data BLOB NOT NULL)")
    return database


def commit(database: sqlite3.Connection, rows: Sequence[bytes]) -> None:
    """All rows in one transaction."""
    database.execute("BEGIN IMMEDIATE")
    database.executemany("INSERT INTO row(data) VALUES (?)", [(row,) for row in rows])
    database.execute("COMMIT")
