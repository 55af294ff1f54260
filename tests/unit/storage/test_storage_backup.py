"""Backup and restore as docs/store.md tells them."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from storage_fakes import ACCOUNT, book_unit, counts, full_unit, open_store, run, verify

from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.domain.ledger import Committed
from reconcile_actors.storage import AuditBrokenError


def back_up(folder: Path, target: Path) -> None:
    connection = sqlite3.connect(f"file:{folder / 'book.db'}?mode=ro", uri=True)
    connection.execute("VACUUM INTO ?", (str(target),))
    connection.close()


def test_backup_beside_the_daemon_and_restore(tmp_path: Path) -> None:
    """A backup taken beside the writer verifies with the head of its time, and is restored once the newer head is moved away."""
    backup = tmp_path / "backup"
    backup.mkdir()

    async def write() -> None:
        store = await open_store(tmp_path)
        await store.commit([full_unit(1)])
        back_up(tmp_path, backup / "book.db")
        shutil.copy(tmp_path / "trusted-head", backup / "trusted-head")
        shutil.copy(tmp_path / "audit.key", backup / "audit.key")
        assert counts(backup) == counts(tmp_path)
        assert await store.commit([book_unit(2)]) == [Committed(3, 3)]

    async def go_on() -> None:
        store = await open_store(tmp_path)
        assert (await store.load_book(ACCOUNT, 1)).version == 1
        assert await store.commit([book_unit(2)]) == [Committed(3, 3)]

    run(write)
    assert verify(backup).verdict is Verdict.VERIFIED
    shutil.copy(backup / "book.db", tmp_path / "book.db")
    assert verify(tmp_path).verdict is Verdict.TRUNCATED
    with pytest.raises(AuditBrokenError, match="older copy"):
        run(go_on)
    (tmp_path / "trusted-head").unlink()
    run(go_on)
    assert verify(tmp_path).verdict is Verdict.VERIFIED
