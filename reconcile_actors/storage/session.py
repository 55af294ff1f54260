"""One open store: its connection, its log's author, and the book versions that are on disk.

A session that has met an error it cannot judge is thrown away and opened anew: what the file says then is what counts.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from reconcile_actors.audit.keys import SigningKey, VerifierKey
from reconcile_actors.audit.writer import LogWriter
from reconcile_actors.storage.connection import Database, settle_writer
from reconcile_actors.storage.errors import Reason, StoreFailedError, reason_of
from reconcile_actors.storage.log_state import log_size, stored_state
from reconcile_actors.storage.migrations import migrate, stored_version
from reconcile_actors.storage.statements import Statement

Connect: TypeAlias = Callable[[Path], Awaitable[Database]]
KeyFor: TypeAlias = Callable[[bool], SigningKey]
"""Gives the signing key; told whether the log is new, for only then may a key be made."""


class CommitInDoubtError(Exception):
    """COMMIT, or the ROLLBACK after an error, failed: whether the transaction is on disk must be read back."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Session:
    """Belongs to one repository, which lets one caller at a time near it."""

    path: Path
    database: Database
    writer: LogWriter
    key: VerifierKey
    versions: dict[str, int] = field(default_factory=dict)

    async def load_versions(self, exchanges: Iterable[str]) -> dict[str, int]:
        """The newest book version of each account (0 for none), from memory once it has been read."""
        for exchange in set(exchanges) - self.versions.keys():
            rows = await self.database.fetch("SELECT max(version) FROM movement WHERE exchange = ?", (exchange,))
            self.versions[exchange] = int(rows[0][0] or 0)
        return self.versions

    async def write(self, statements: Sequence[Statement], afterwards: Callable[[], None] = lambda: None) -> None:
        """Run all of it in one transaction, and once that is committed `afterwards`, on the connection's thread.

        Raises StoreFailedError once nothing of it stands, else CommitInDoubtError.
        """

        def work(raw: sqlite3.Connection) -> None:
            _transact(raw, statements)
            afterwards()

        await self.database.run(work)

    async def fold_wal(self) -> None:
        """Bring everything committed into the main file, synced, and empty the WAL. Raises StoreFailedError unless all of it was."""
        rows = await self.database.fetch("PRAGMA wal_checkpoint(TRUNCATE)")
        if rows[0][0]:
            raise StoreFailedError(Reason.LOCKED, self.path)


async def open_session(path: Path, connect: Connect, key_for: KeyFor, origin: str) -> Session:
    """Open, judge and bring up to date the store at `path`, whose lock the caller holds. Raises StoreError and what `key_for` raises."""
    database = await connect(path)
    try:
        version = await stored_version(database, path)
        await settle_writer(database, path)
        await migrate(database, version)
        key = key_for(await log_size(database.fetch) == 0)
        state = await stored_state(database.fetch, key.verifier)
        return Session(path, database, LogWriter(state, key, origin), key.verifier)
    except BaseException:
        await database.close()  # its thread would keep the process alive
        raise


def _transact(raw: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    try:
        raw.execute("BEGIN IMMEDIATE")
        for one in statements:
            raw.executemany(one.sql, one.rows)
    except Exception:
        if raw.in_transaction:  # SQLite has rolled back by itself after some errors
            _or_doubt(raw, "ROLLBACK")
        raise
    _or_doubt(raw, "COMMIT")


def _or_doubt(raw: sqlite3.Connection, sql: str) -> None:
    try:
        raw.execute(sql)
    except sqlite3.Error as error:
        raise CommitInDoubtError(reason_of(error)) from None
