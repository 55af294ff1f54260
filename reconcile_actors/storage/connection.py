"""SQLite opened the one way that keeps the store's promises: WAL, synced at each commit, checkpointed by the writer alone.

aiosqlite runs each connection on a thread of its own that is no daemon: whoever opens a `Database` closes it.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote

import aiosqlite

from reconcile_actors.storage.errors import Reason, StoreFailedError, reason_of

SqlValue: TypeAlias = str | int | bytes | None
Parameters: TypeAlias = Sequence[SqlValue]
Row: TypeAlias = Sequence[Any]
"""One result row. `Any`, because the type of each column is held by its STRICT table and not by Python."""

T = TypeVar("T")

BUSY_SECONDS: Final = 0.25
"""How long a foreign lock is waited for: commits queue behind it, so not long."""

_WRITER_PRAGMAS: Final = (
    # FULL syncs the WAL before COMMIT returns (I8); NORMAL would lose acknowledged commits at a power loss.
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    # Without it INSERT OR REPLACE deletes rows without firing the triggers that refuse deletion.
    "PRAGMA recursive_triggers=ON",
    "PRAGMA trusted_schema=OFF",
    # This connection alone checkpoints: two that do can meet SQLite's WAL-reset bug (3.7.0 to 3.51.2).
    "PRAGMA wal_autocheckpoint=1000",
    "PRAGMA journal_size_limit=16777216",
)


class Database:
    """One connection. Every method raises StoreFailedError with one word for the reason and nothing of SQLite's text."""

    def __init__(self, connection: aiosqlite.Connection, raw: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._raw = raw
        self._path = path

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread, in its turn: several statements for the price of one change of threads.

        It is ended even if the caller is cancelled meanwhile.
        """
        try:
            # `_execute` is what every public method of aiosqlite goes through; a test pins it
            result: T = await self._connection._execute(work, self._raw)  # type: ignore[no-untyped-call]  # noqa: SLF001 - see above
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            raise StoreFailedError(reason_of(error), self._path) from None
        return result

    async def execute(self, sql: str) -> None:
        """Run one statement that takes no values and gives no rows worth having."""
        await self.fetch(sql)

    async def fetch(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of one statement."""
        return await self.run(lambda raw: raw.execute(sql, parameters).fetchall())

    async def close(self) -> None:
        """Close the connection and end its thread. An open transaction is rolled back."""
        try:
            await self._connection.close()
        except sqlite3.Error as error:
            raise StoreFailedError(reason_of(error), self._path) from None


async def connect(path: Path, *, mode: str, immutable: bool = False) -> Database:
    """Open an existing file (`mode` is SQLite's: `rw` or `ro`) and read nothing yet. Raises StoreFailedError."""
    uri = f"{_uri(path)}?mode={mode}{'&immutable=1' if immutable else ''}"
    opened: list[sqlite3.Connection] = []
    reasons: list[Reason] = []

    def connector() -> sqlite3.Connection:
        try:
            # isolation_level=None: transactions begin and end where the code says so, never by Python's guess
            raw = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        except sqlite3.Error as error:
            # Not raised here: aiosqlite would leave its thread to end by itself, perhaps after the event loop.
            reasons.append(reason_of(error))
            raw = sqlite3.connect(":memory:")
        opened.append(raw)
        return raw

    database = Database(await aiosqlite.Connection(connector, iter_chunk_size=64), opened[0], path)
    if reasons:
        await database.close()
        raise StoreFailedError(reasons[0], path)
    return database


def _uri(path: Path) -> str:
    return f"file:{quote(str(path.absolute()))}"


async def connect_writer(path: Path) -> Database:
    """Open the store's file for its one writer; the caller holds its lock. Pragmas come later, in `settle_writer`."""
    return await connect(path, mode="rw")


async def settle_writer(database: Database, path: Path) -> None:
    """Put a connection to a store that is known to be ours into the writer's mode. Raises StoreFailedError."""
    mode = await database.fetch("PRAGMA journal_mode=WAL")
    if mode[0][0] != "wal":  # SQLite answers with the old mode where it cannot change it, and raises nothing
        raise StoreFailedError(Reason.FAILED, path)
    for pragma in _WRITER_PRAGMAS:
        await database.execute(pragma)
    # SQLite opens a file that it may not write as read-only, in silence, and even BEGIN IMMEDIATE then begins a read: only
    # a write tells. This one is taken back.
    version = (await database.fetch("PRAGMA user_version"))[0][0]
    await database.execute("BEGIN IMMEDIATE")
    await database.execute(f"PRAGMA user_version={version}")
    await database.execute("ROLLBACK")


def make_file(path: Path) -> None:
    """Make the store's directory (0700) and an empty file (0600) where there is none, both on disk when this returns."""
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_directory(path.parent.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        if path.is_dir() or not path.parent.is_dir():
            raise StoreFailedError(Reason.FAILED, path) from None
        return
    except OSError as error:
        raise StoreFailedError(reason_of(error), path) from None
    os.close(descriptor)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make a new name in a directory survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
