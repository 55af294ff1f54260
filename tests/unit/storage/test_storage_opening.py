"""Opening a store: what it makes, what it keeps, and everything that it refuses to open without changing it."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from storage_fakes import ACCOUNT, ORIGIN, Plan, book_unit, faulty, open_store, run, verify

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.domain.ledger import Committed
from reconcile_actors.errors import AlreadyRunningError, ConfigError, CredentialsError, ReconcileError, StoreError
from reconcile_actors.storage import AuditBrokenError
from reconcile_actors.storage.connection import Database, settle_writer
from reconcile_actors.storage.migrations import APPLICATION_ID, MIGRATIONS


async def one_entry(folder: Path, **changes: object) -> None:
    """A store with one recording, closed."""
    store = await open_store(folder, **changes)
    version = (await store.load_book(ACCOUNT, 0)).version
    assert isinstance((await store.commit([book_unit(version + 1)]))[0], Committed)
    await store.close()


def refused(folder: Path, error: type[ReconcileError], match: str, **changes: object) -> None:
    """Opening raises, and leaves the store's bytes as they were."""
    path = folder / "book.db"
    before = path.read_bytes() if path.is_file() else None

    async def story() -> None:
        await open_store(folder, **changes)

    with pytest.raises(error, match=match):
        run(story)
    assert before is None or path.read_bytes() == before


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_first_start_makes_everything_private(tmp_path: Path) -> None:
    """Directory 0700, store, WAL, lock and key 0600, trusted head 0644, whatever the umask is."""

    async def story() -> None:
        folder = tmp_path / "new" / "deep"
        store = await open_store(folder)
        await store.commit([book_unit(1)])
        assert mode_of(folder) == 0o700
        for name in ("book.db", "book.db-wal", "book.db-shm", "book.db.lock", "audit.key"):
            assert mode_of(folder / name) == 0o600, name
        assert mode_of(folder / "trusted-head") == 0o644

    before = os.umask(0o077)
    try:
        run(story)
    finally:
        os.umask(before)


def test_the_log_begins_with_its_genesis_and_goes_on(tmp_path: Path) -> None:
    """A second start goes on with the same key and numbers; the trusted head follows each commit."""

    async def story() -> None:
        await one_entry(tmp_path)
        key = (tmp_path / "audit.key").read_bytes()
        await one_entry(tmp_path)
        assert (tmp_path / "audit.key").read_bytes() == key
        assert b"\n3\n" in (tmp_path / "trusted-head").read_bytes()

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_second_writer(tmp_path: Path) -> None:
    """A second writer, by the same or another name of the store, is told that one runs (exit 11); the first goes on."""

    async def story() -> None:
        store = await open_store(tmp_path)
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "book.db").symlink_to(tmp_path / "book.db")
        for folder in (tmp_path, tmp_path / "other"):
            with pytest.raises(AlreadyRunningError) as caught:
                await open_store(folder)
            assert caught.value.exit_code == 11
        assert await store.commit([book_unit(1)]) == [Committed(1, 1)]
        await store.close()
        await one_entry(tmp_path)

    run(story)


def test_a_writer_in_another_process(tmp_path: Path) -> None:
    """The lock holds between processes and ends with its holder, even when that one is killed."""
    run(lambda: one_entry(tmp_path))
    name = str(tmp_path / "book.db.lock")
    code = f"import fcntl,sys; f=open({name!r}); fcntl.flock(f, 2); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline()
        refused(tmp_path, AlreadyRunningError, "another process")
        holder.kill()
    run(lambda: one_entry(tmp_path))


def test_not_sqlite(tmp_path: Path) -> None:
    """A file that is no database is a StoreError (exit 13) and is left alone."""
    (tmp_path / "book.db").write_bytes(b"somebody's diary " * 1000)
    refused(tmp_path, StoreError, "no SQLite database")
    assert StoreError.exit_code == 13


def test_somebody_elses_database(tmp_path: Path) -> None:
    """A database of another program is refused before anything in it is changed, its journal mode included."""
    with sqlite3.connect(tmp_path / "book.db") as connection:
        connection.execute("CREATE TABLE theirs(x)")
    connection.close()
    refused(tmp_path, StoreError, "not a store of this program")


def test_from_a_newer_version(tmp_path: Path) -> None:
    """A store of a later version is refused with what to do, and is not changed."""
    run(lambda: one_entry(tmp_path))
    connection = sqlite3.connect(tmp_path / "book.db")
    connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    connection.close()
    refused(tmp_path, StoreError, "from a newer version.*upgrade the program")


def test_damaged_pages(tmp_path: Path) -> None:
    """A store whose pages are overwritten is a StoreError and not a crash."""
    run(lambda: one_entry(tmp_path))
    data = bytearray((tmp_path / "book.db").read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    (tmp_path / "book.db").write_bytes(data)
    refused(tmp_path, StoreError, "damaged|audit log")


@pytest.mark.parametrize("where", ["directory", "parent_is_file"])
def test_paths_that_cannot_be_a_store(tmp_path: Path, where: str) -> None:
    """A directory in the store's place, or a file in its directory's place, is a StoreError."""
    if where == "directory":
        (tmp_path / "book.db").mkdir()
        refused(tmp_path, StoreError, "book.db")
    else:
        (tmp_path / "file").write_bytes(b"")
        refused(tmp_path / "file", StoreError, "book.db")


def test_read_only_file(tmp_path: Path) -> None:
    """For a user who may not write the store, opening is a StoreError that says read-only (root may write everything)."""
    run(lambda: one_entry(tmp_path))
    with tempfile.TemporaryDirectory() as public:
        folder = Path(public)
        shutil.copytree(tmp_path, folder, dirs_exist_ok=True)
        for path in folder.iterdir():
            path.chmod(0o444)
        (folder / "book.db.lock").chmod(0o666)
        (folder / "audit.key").unlink()
        folder.chmod(0o777)
        code = (
            "import asyncio,os,sys;from pathlib import Path;from reconcile_actors.storage import ReconciliationRepository as R\n"
            "p=Path(sys.argv[1])\n"
            "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            f"asyncio.run(R.open(p/'book.db',origin={ORIGIN!r},key_file=p/'audit.key',trusted_head_file=None,utc=lambda:0))"
        )
        done = subprocess.run([sys.executable, "-c", code, public], capture_output=True, text=True, check=False)
        assert "store_read_only" in done.stderr, done.stderr[-2000:]


def test_keys(tmp_path: Path) -> None:
    """A key readable by others, lost, replaced, or of another origin is refused; a log with entries never gets a new one."""
    run(lambda: one_entry(tmp_path))
    key = tmp_path / "audit.key"
    key.chmod(0o640)
    refused(tmp_path, CredentialsError, "0600")
    key.chmod(0o600)
    refused(tmp_path, ConfigError, "another origin", origin="example.org/other")
    saved = key.read_bytes()
    key.unlink()
    refused(tmp_path, CredentialsError, "No such file")
    assert not key.exists()
    SigningKey.generate(ORIGIN).save(key)
    refused(tmp_path, AuditBrokenError, "audit log")
    key.write_bytes(saved)
    run(lambda: one_entry(tmp_path))


def test_key_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """A key file below a plain file is an error of the key (exit 12)."""
    (tmp_path / "plain").write_bytes(b"")
    refused(tmp_path, CredentialsError, "audit key", key_file=tmp_path / "plain" / "audit.key")


def test_an_older_copy_of_the_store(tmp_path: Path) -> None:
    """A store put back to an older copy, or begun anew, is refused beside its trusted head (exit 5), and the head is kept."""
    run(lambda: one_entry(tmp_path))
    shutil.copy(tmp_path / "book.db", tmp_path / "older.db")
    run(lambda: one_entry(tmp_path))
    head = (tmp_path / "trusted-head").read_bytes()
    shutil.copy(tmp_path / "older.db", tmp_path / "book.db")
    refused(tmp_path, AuditBrokenError, "older copy")
    (tmp_path / "book.db").unlink()
    refused(tmp_path, AuditBrokenError, "older copy, or new")
    assert (tmp_path / "trusted-head").read_bytes() == head
    assert AuditBrokenError.exit_code == 5


def test_another_history_than_the_trusted_head(tmp_path: Path) -> None:
    """A store that holds another history under the same key is refused, although it is longer than the head."""
    run(lambda: one_entry(tmp_path))
    key, head = (tmp_path / "audit.key").read_bytes(), (tmp_path / "trusted-head").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    (other / "audit.key").write_bytes(key)
    (other / "audit.key").chmod(0o600)
    run(lambda: one_entry(other, utc=lambda: 5))
    run(lambda: one_entry(other, utc=lambda: 6))
    (other / "trusted-head").write_bytes(head)
    refused(other, AuditBrokenError, "another history")
    (other / "trusted-head").write_bytes(b"no note")
    refused(other, AuditBrokenError, "damaged")


def test_an_empty_trusted_head_is_none(tmp_path: Path) -> None:
    """What a power loss may leave of the head does not keep the service from starting, nor does a head that is gone."""
    run(lambda: one_entry(tmp_path))
    (tmp_path / "trusted-head").write_bytes(b"")
    run(lambda: one_entry(tmp_path))
    (tmp_path / "trusted-head").unlink()
    run(lambda: one_entry(tmp_path))
    run(lambda: one_entry(tmp_path, trusted_head_file=None))
    assert verify(tmp_path).unanchored_tail == 1


def test_a_trusted_head_that_cannot_be_used(tmp_path: Path) -> None:
    """At the start an unusable path is an error; while running it holds up no commit and is said."""
    (tmp_path / "file").write_bytes(b"")
    refused(tmp_path, StoreError, "trusted head", trusted_head_file=tmp_path / "file" / "head")
    (tmp_path / "folder").mkdir()
    refused(tmp_path, StoreError, "trusted head", trusted_head_file=tmp_path / "folder")

    (tmp_path / "dangling").symlink_to(tmp_path / "unmounted")
    with pytest.raises(StoreError, match="trusted head"):
        run(lambda: open_store(tmp_path, trusted_head_file=tmp_path / "dangling" / "head"))

    async def story() -> None:
        medium = tmp_path / "medium"
        store = await open_store(tmp_path, trusted_head_file=medium / "head")
        medium.rename(tmp_path / "gone")
        for version in (1, 2):
            assert isinstance((await store.commit([book_unit(version)]))[0], Committed)
            assert store.is_head_behind
        (tmp_path / "gone").rename(medium)
        await store.commit([book_unit(3)])
        assert not store.is_head_behind
        assert b"\n4\n" in (medium / "head").read_bytes()

    run(story)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM log WHERE seq = 1",
        "DELETE FROM log",
        "DELETE FROM checkpoint",
        "DELETE FROM checkpoint WHERE size = 2",
        "DELETE FROM node WHERE level = 1",
        "UPDATE log SET leaf = x'7b7d' WHERE seq = 1",
    ],
)
def test_a_log_that_does_not_add_up(tmp_path: Path, damage: str) -> None:
    """Nothing is signed on top of rows that contradict the newest checkpoint (exit 5)."""
    run(lambda: one_entry(tmp_path))
    connection = sqlite3.connect(tmp_path / "book.db")
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")  # which is why triggers are no security
    connection.execute(damage)
    connection.commit()
    connection.close()
    (tmp_path / "trusted-head").unlink()
    refused(tmp_path, AuditBrokenError, "audit log")


def test_triggers_refuse_slips_of_the_hand(tmp_path: Path) -> None:
    """UPDATE, DELETE and INSERT OR REPLACE on what is append-only are refused on a connection like the writer's."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([book_unit(1)])
        database = store._session.database
        for sql in (
            "UPDATE movement SET message = ''",
            "DELETE FROM movement",
            "DELETE FROM log WHERE seq = 1",
            "UPDATE checkpoint SET note = x''",
            "DELETE FROM node",
            "INSERT OR REPLACE INTO log VALUES (1, x'00', zeroblob(32))",
        ):
            with pytest.raises(StoreError, match="entry_invalid"):
                await database.execute(sql)

    run(story)


def test_the_settings_of_the_connection(tmp_path: Path) -> None:
    """WAL with synchronous=FULL, checkpointed by the writer; the file says whose it is; every table is STRICT."""

    async def story() -> None:
        store = await open_store(tmp_path)
        fetch = store._session.database.fetch
        expected = {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "recursive_triggers": 1,
            "wal_autocheckpoint": 1000,
            "application_id": APPLICATION_ID,
            "user_version": len(MIGRATIONS),
        }
        for name, value in expected.items():
            assert (await fetch(f"PRAGMA {name}"))[0][0] == value, name
        tables = await fetch(
            "SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
        assert {strict for _, strict in tables} == {1}
        assert len(tables) == 12

    run(story)


def test_a_migration_is_whole_or_absent(tmp_path: Path) -> None:
    """A start that fails inside the migration leaves an empty store that the next start completes."""

    async def story() -> None:
        for at in range(1, 80):
            folder = tmp_path / str(at)
            plan = Plan()
            plan.arm(at)
            try:
                store = await open_store(folder, connect=faulty(plan))
            except StoreError:
                await one_entry(folder)
                assert verify(folder).verdict is Verdict.VERIFIED, at
            else:
                await store.close()
                if not plan.fired:
                    break
        assert at > 30

    run(story)


def test_no_wal_no_store(tmp_path: Path) -> None:
    """Where SQLite cannot use a WAL (some network mounts) the store is not opened: its promises would not hold."""

    async def story() -> None:
        class NoWal(Database):
            async def fetch(self, sql: str, parameters: object = ()) -> list[tuple[str]]:
                return [("delete",)]

        with pytest.raises(StoreError, match="store_failed"):
            await settle_writer(NoWal(None, None, tmp_path), tmp_path)

    run(story)
