"""Reading a store without being its writer: for the command line where no daemon runs. Needs no lock and changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from reconcile_actors.errors import StoreError
from reconcile_actors.storage.connection import Database, connect
from reconcile_actors.storage.errors import StoreFailedError
from reconcile_actors.storage.log_state import Fetch
from reconcile_actors.storage.migrations import MIGRATIONS, stored_version
from reconcile_actors.storage.reads import LedgerReads


class LedgerVisitor(LedgerReads):
    """A read-only view of a store, also beside a running writer. Close it: its thread would keep the process alive."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Fetch]:
        async with self._lock:  # one connection has one transaction
            await self._database.execute("BEGIN")  # all reads until COMMIT see one state
            try:
                yield self._database.fetch
            finally:
                await self._database.execute("COMMIT")

    async def close(self) -> None:
        """End the view."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def open_read_only(path: Path) -> LedgerVisitor:
    """A view of the store at `path`. Raises StoreError where there is none that this version can read."""
    if _size(path) is None:
        raise StoreError(f"store {path}: there is none yet: start `reconcile-actors run` once")
    try:
        return await _open(path, immutable=False)
    except StoreFailedError:
        # A WAL store in a directory that the visitor cannot write opens only as one that nobody changes: true without a WAL.
        if _size(Path(f"{path}-wal")):
            raise
    return await _open(path, immutable=True)


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


async def _open(path: Path, *, immutable: bool) -> LedgerVisitor:
    database = await connect(path, mode="ro", immutable=immutable)
    try:
        version = await stored_version(database, path)
    except BaseException:
        await database.close()
        raise
    if version != len(MIGRATIONS):
        await database.close()
        raise StoreError(f"store {path}: empty, or from an older version: start `reconcile-actors run` once")
    return LedgerVisitor(database)
