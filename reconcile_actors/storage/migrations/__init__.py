"""The store's tables by version: a store is brought up to date in one transaction when its writer opens it.

`PRAGMA user_version` counts the migrations that were applied; `PRAGMA application_id` says that the file is a store of this
program. A migration is never edited once released: a change is a new file.
"""

from pathlib import Path
from typing import Final

from reconcile_actors.errors import StoreError
from reconcile_actors.storage.connection import Database
from reconcile_actors.storage.migrations import m0001_initial, m0002_deliveries

APPLICATION_ID: Final = 0x5245434E
"""`RECN`: at byte 68 of the file, where `file` and others look for it."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (m0001_initial.STATEMENTS, m0002_deliveries.STATEMENTS)


async def stored_version(database: Database, path: Path) -> int:
    """How many migrations the file has had: 0 for an empty file. Changes nothing.

    Raises StoreError for a file that is not a store, or one from a newer version of the program.
    """
    application = int((await database.fetch("PRAGMA application_id"))[0][0])
    version = int((await database.fetch("PRAGMA user_version"))[0][0])
    tables = int((await database.fetch("SELECT count(*) FROM sqlite_schema"))[0][0])
    if (application, version, tables) == (0, 0, 0):
        return 0
    if application != APPLICATION_ID:
        raise StoreError(f"store {path}: this SQLite database is not a store of this program: give another path")
    if version > len(MIGRATIONS):
        raise StoreError(f"store {path}: from a newer version of this program: upgrade the program")
    return version


async def migrate(database: Database, version: int) -> None:
    """Apply what is lacking after `version`, all of it or nothing. Raises StoreFailedError."""
    if version == len(MIGRATIONS):
        return
    await database.execute("BEGIN IMMEDIATE")
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            await database.execute(statement)
    await database.execute(f"PRAGMA application_id={APPLICATION_ID}")
    await database.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
    await database.execute("COMMIT")
