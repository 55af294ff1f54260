"""Read-only visitors: beside a writer, after it, and where nothing may be written at all."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from storage_fakes import ACCOUNT, book_unit, full_unit, open_store, run

from reconcile_actors.errors import StoreError
from reconcile_actors.storage import AuditBrokenError, AuditFilter, open_read_only


def test_beside_a_running_writer(tmp_path: Path) -> None:
    """A visitor sees what is committed while the writer goes on, and needs no lock."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([full_unit(1)])
        async with await open_read_only(tmp_path / "book.db") as visitor:
            assert (await visitor.load_book(ACCOUNT, 5)).version == 1
            await store.commit([full_unit(2)])
            assert (await visitor.load_book(ACCOUNT, 5)).version == 2
            assert await visitor.control() == {"paused:kraken-main": "yes"}
            assert len(await visitor.discrepancies()) == 2
            assert await visitor.audit_size() == 5
            assert await visitor.newest_checkpoint() == (tmp_path / "trusted-head").read_bytes()

    run(story)


def test_changes_nothing(tmp_path: Path) -> None:
    """A visit after the writer's end leaves the store's bytes alone and cannot write."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([book_unit(1)])
        await store.close()
        before = (tmp_path / "book.db").read_bytes()
        async with await open_read_only(tmp_path / "book.db") as visitor:
            assert [one.seq for one in await visitor.audit_entries(AuditFilter())] == [0, 1]
            with pytest.raises(StoreError, match="read_only"):
                await visitor._database.execute("DELETE FROM control")
        assert (tmp_path / "book.db").read_bytes() == before
        await (await open_store(tmp_path)).close()

    run(story)


def test_stores_that_cannot_be_visited(tmp_path: Path) -> None:
    """No file, an empty one, a stranger's and a newer one are StoreErrors that say what to do."""

    async def visit(name: str) -> None:
        await (await open_read_only(tmp_path / name)).close()

    with pytest.raises(StoreError, match="there is none yet"):
        run(lambda: visit("none.db"))
    (tmp_path / "empty.db").write_bytes(b"")
    with pytest.raises(StoreError, match="empty"):
        run(lambda: visit("empty.db"))
    (tmp_path / "text.db").write_bytes(b"no database, but long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="no SQLite database"):
        run(lambda: visit("text.db"))


def test_in_a_directory_that_may_only_be_read(tmp_path: Path) -> None:
    """A closed store on read-only media can be visited, by a user who may make no file beside it."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([book_unit(1)])
        await store.close()

    run(story)
    code = (
        "import asyncio,os,sys;from pathlib import Path;from reconcile_actors.storage import open_read_only\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "async def main():\n"
        "  async with await open_read_only(Path(sys.argv[1])) as visitor: print(await visitor.audit_size())\n"
        "asyncio.run(main())"
    )
    with tempfile.TemporaryDirectory() as public:
        shutil.copy(tmp_path / "book.db", public)
        (Path(public) / "book.db").chmod(0o444)
        Path(public).chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", code, f"{public}/book.db"], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip() == "2", done.stderr[-2000:]
        assert os.listdir(public) == ["book.db"]
        (Path(public) / "book.db-wal").write_bytes(b"not empty")
        done = subprocess.run(
            [sys.executable, "-c", code, f"{public}/book.db"], capture_output=True, text=True, check=False
        )
        assert "StoreFailedError" in done.stderr, "with a WAL that cannot be read the file alone would be old news"
        Path(public).chmod(0o755)


def test_an_unreadable_entry_names_its_number(tmp_path: Path) -> None:
    """A leaf that somebody edited stops the listing at its number and shows nothing of it."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([book_unit(1)])
        await store.close()
        stranger = sqlite3.connect(tmp_path / "book.db")
        stranger.execute("DROP TRIGGER log_keeps_update")
        stranger.execute("""UPDATE log SET leaf = CAST('{"kind":"edited"}' AS BLOB) WHERE seq = 1""")
        stranger.commit()
        stranger.close()
        async with await open_read_only(tmp_path / "book.db") as visitor:
            with pytest.raises(AuditBrokenError, match="entry 1 is not readable"):
                await visitor.audit_entries(AuditFilter())

    run(story)
