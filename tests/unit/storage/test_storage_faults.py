"""A unit is whole or not there, whatever fails; nothing acknowledged is lost, and the log verifies after it (I3, I8)."""

import asyncio
import os
import resource
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from storage_fakes import Plan, book_unit, counts, entry, faulty, full_unit, open_store, run, verify

from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.domain.ledger import Committed, Refused
from reconcile_actors.errors import StoreError

STATEMENTS_OF_A_FULL_UNIT = 13  # BEGIN, eleven tables, COMMIT


async def commit_under_fault(folder: Path, at: int, *, executed: bool) -> tuple[bool, Committed | Refused]:
    """Commit one unit, then a second one whose call number `at` fails, then a third; returns (fault fired, second's answer)."""
    plan = Plan()
    store = await open_store(folder, connect=faulty(plan))
    assert await store.commit([full_unit(1)]) == [Committed(1, 2)]
    before = counts(folder)
    plan.arm(at, executed=executed)
    (answer,) = await store.commit([full_unit(2)])
    plan.disarm()
    written = isinstance(answer, Committed)
    grown = {name: after - before[name] for name, after in counts(folder).items()}
    for table, rows in {
        "movement": 1,
        "report": 1,
        "discrepancy": 1,
        "outbox": 1,
        "checkpoint": 1,
        "log": 2,
        "payload": 1,
    }.items():
        assert grown[table] == (rows if written else 0), (at, table, answer)
    assert await store.audit_size() == (5 if written else 3)
    assert isinstance((await store.commit([full_unit(3 if written else 2)]))[0], Committed), "the store is still usable"
    await store.close()
    return plan.fired, answer


@pytest.mark.parametrize("executed", [False, True])
def test_a_unit_is_all_or_nothing_whichever_statement_fails(tmp_path: Path, executed: bool) -> None:
    """With a failure at the n-th call, for every n, the unit is whole or absent, the answer says which, and the log verifies."""
    answers = []
    for at in range(1, 100):
        folder = tmp_path / str(at)
        fired, answer = run(partial(commit_under_fault, folder, at, executed=executed))
        assert verify(folder).verdict is Verdict.VERIFIED, at
        if not fired:
            break
        answers.append(answer)
    assert len(answers) >= STATEMENTS_OF_A_FULL_UNIT
    refused = STATEMENTS_OF_A_FULL_UNIT - (1 if executed else 0)  # a COMMIT that took effect is found and acknowledged
    assert answers[:refused] == [Refused("store_failed")] * refused
    if executed:
        assert answers[STATEMENTS_OF_A_FULL_UNIT - 1] == Committed(3, 4)


def test_a_store_that_stays_broken_refuses_and_recovers(tmp_path: Path) -> None:
    """While every statement fails all units are refused; once the disk is back the same repository goes on."""

    async def story() -> None:
        plan = Plan()
        store = await open_store(tmp_path, connect=faulty(plan))
        await store.commit([book_unit(1)])
        plan.arm(
            STATEMENTS_OF_A_FULL_UNIT - 6, lasting=True
        )  # somewhere in the transaction, then even ROLLBACK and reopening fail
        for _ in range(3):
            assert await store.commit([full_unit(2), book_unit(3)]) == [Refused("store_failed")] * 2
        with pytest.raises(StoreError):
            await store.control()
        plan.disarm()
        assert await store.commit([book_unit(2)]) == [Committed(2, 2)]
        assert (await store.load_book("kraken-main", 10)).version == 2
        await store.close()

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_a_commit_that_nobody_could_read_back_shows_as_a_conflict(tmp_path: Path) -> None:
    """Where COMMIT took effect, its answer was lost and the store could not be opened, the book's version tells later."""

    async def story() -> None:
        plan = Plan()
        store = await open_store(tmp_path, connect=faulty(plan))
        await store.commit([book_unit(1)])
        plan.arm(STATEMENTS_OF_A_FULL_UNIT, executed=True, lasting=True)
        assert await store.commit([full_unit(2)]) == [Refused("store_failed")]
        plan.disarm()
        assert await store.commit([full_unit(2)]) == [Refused("version_conflict")], "it is not written twice"
        assert (await store.load_book("kraken-main", 10)).version == 2
        assert await store.commit([book_unit(3)]) == [Committed(4, 4)]
        await store.close()

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_BUSY, "store_locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "store_locked"),
        (sqlite3.SQLITE_FULL, "store_full"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "store_read_only"),
        (sqlite3.SQLITE_CORRUPT, "store_corrupt"),
        (sqlite3.SQLITE_IOERR_FSYNC, "store_failed"),
        (sqlite3.SQLITE_NOMEM, "store_failed"),
    ],
)
@pytest.mark.parametrize("at", [1, 3, STATEMENTS_OF_A_FULL_UNIT])
def test_reasons_are_one_word_each(tmp_path: Path, code: int, reason: str, at: int) -> None:
    """Each error of SQLite is answered by its word, at BEGIN, inside and at COMMIT."""

    async def story() -> None:
        plan = Plan()
        store = await open_store(tmp_path, connect=faulty(plan))
        await store.commit([book_unit(1)])
        plan.arm(at, code=code)
        assert await store.commit([full_unit(2)]) == [Refused(reason)]
        assert await store.commit([full_unit(2)]) == [Committed(2, 3)]
        await store.close()

    run(story)


def test_full_store(tmp_path: Path) -> None:
    """A store at its size limit refuses with `store_full`, loses nothing and goes on once there is room."""

    async def story() -> None:
        store = await open_store(tmp_path)
        database = store._session.database
        pages = (await database.fetch("PRAGMA page_count"))[0][0]
        await database.execute(f"PRAGMA max_page_count={pages + 2}")
        big = entry(payload={"text": "x" * 4096})
        version, answers = 0, []
        while not answers or isinstance(answers[-1], Committed):
            version += 1
            answers += await store.commit([book_unit(version, entries=(big,))])
        assert answers[-1] == Refused("store_full")
        assert (await store.load_book("kraken-main", 10)).version == version - 1
        await database.execute(f"PRAGMA max_page_count={pages + 1000}")
        assert isinstance((await store.commit([book_unit(version, entries=(big,))]))[0], Committed)
        await store.close()

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_a_disk_that_takes_no_more_bytes(tmp_path: Path) -> None:
    """When the operating system itself refuses to extend the WAL, the unit is refused whole and the next one commits."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([book_unit(1)])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.stat(tmp_path / "book.db-wal").st_size, hard))
        try:
            (answer,) = await store.commit([book_unit(2, entries=(entry(payload={"text": "x" * 100_000}),))])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert answer == Refused("store_failed")
        assert (await store.load_book("kraken-main", 10)).version == 1
        assert await store.commit([book_unit(2)]) == [Committed(2, 2)]
        await store.close()

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_locked_by_a_stranger(tmp_path: Path) -> None:
    """A foreign transaction makes commits `store_locked` and opening a StoreError; nothing is lost, and later all goes on."""

    async def story() -> None:
        store = await open_store(tmp_path)
        stranger = sqlite3.connect(tmp_path / "book.db", isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        assert await store.commit([book_unit(1)]) == [Refused("store_locked")]
        stranger.execute("ROLLBACK")
        assert await store.commit([book_unit(1)]) == [Committed(1, 1)]
        await store.close()
        stranger.execute("PRAGMA journal_mode=DELETE")
        stranger.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="holds a lock"):
            await open_store(tmp_path)
        stranger.close()
        await (await open_store(tmp_path)).close()

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_read_only_after_the_start(tmp_path: Path) -> None:
    """A store that turns read-only refuses with `store_read_only`."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store._session.database.execute("PRAGMA query_only=ON")
        assert await store.commit([book_unit(1)]) == [Refused("store_read_only")]
        await store.close()

    run(story)


def test_a_cancelled_caller_leaves_memory_and_disk_of_one_mind(tmp_path: Path) -> None:
    """Cancelling whoever waits for a commit ends the waiting and not the commit, at whatever step it is."""

    async def story() -> None:
        store = await open_store(tmp_path)
        for steps in range(12):
            version = (await store.load_book("kraken-main", 1)).version
            waiting = asyncio.ensure_future(store.commit([book_unit(version + 1)]))
            for _ in range(steps):
                await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):  # it may have been answered just before
                await waiting
            # Its write, begun or not, is whole once the next one is answered.
            await store.commit([book_unit(1, "other", expected_version=None, rows=())])
            assert (await store.load_book("kraken-main", 1)).version in {version, version + 1}
        await store.close()

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_a_torn_down_write_is_read_back(tmp_path: Path) -> None:
    """Where even the write itself is cancelled, as when a loop is torn down, the next one finds out what is on disk."""

    async def story() -> None:
        store = await open_store(tmp_path)
        for steps in range(8):
            version = (await store.load_book("kraken-main", 1)).version
            waiting = asyncio.ensure_future(store.commit([book_unit(version + 1)]))
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tuple(store._tasks):
                task.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            found = (await store.load_book("kraken-main", 1)).version
            assert found in {version, version + 1}
            assert isinstance((await store.commit([book_unit(found + 1)]))[0], Committed)

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_a_doubtful_commit_beside_a_reader(tmp_path: Path) -> None:
    """While a stranger's read keeps the WAL from being folded, a commit in doubt is not acknowledged; the version tells later."""

    async def story() -> None:
        plan = Plan()
        store = await open_store(tmp_path, connect=faulty(plan))
        await store.commit([book_unit(1)])
        reader = sqlite3.connect(tmp_path / "book.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM log").fetchone()
        plan.arm(STATEMENTS_OF_A_FULL_UNIT, executed=True)
        assert await store.commit([full_unit(2)]) == [Refused("store_locked")]
        reader.close()
        assert await store.commit([full_unit(2)]) == [Refused("version_conflict")]
        assert await store.commit([book_unit(3)]) == [Committed(4, 4)]

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_acknowledging_messages_can_fail_and_be_repeated(tmp_path: Path) -> None:
    """A mark that fails raises and can be made again."""

    async def story() -> None:
        plan = Plan()
        store = await open_store(tmp_path, connect=faulty(plan))
        await store.commit([full_unit(1)])
        (message,) = await store.outbox_pending()
        for at in (1, 2, 3):
            plan.arm(at)
            with pytest.raises(StoreError):
                await store.settle_outbox([message.id])
            plan.disarm()
            assert len(await store.outbox_pending()) == 1
        await store.settle_outbox([message.id])
        assert await store.outbox_pending() == []

    run(story)


def test_a_connection_that_fails_to_close(tmp_path: Path) -> None:
    """Closing that fails is a StoreError, and the lock is let go all the same."""

    async def story() -> None:
        store = await open_store(tmp_path)
        database = store._session.database
        close = database._connection.close

        async def fail() -> None:
            await close()
            raise sqlite3.OperationalError("quoting 30000.12")

        database._connection.close = fail
        with pytest.raises(StoreError, match="store_failed"):
            await store.close()
        await (await open_store(tmp_path)).close()

    run(story)


def test_no_error_quotes_what_sqlite_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SQLite's own text, which may hold data, reaches neither an error's text nor a log (I7)."""

    async def story() -> None:
        plan = Plan()
        store = await open_store(tmp_path, connect=faulty(plan))
        plan.arm(1, lasting=True)
        assert await store.commit([full_unit(1)]) == [Refused("store_failed")]
        with pytest.raises(StoreError) as caught:
            await store.control()
        assert "30000" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        plan.disarm()
        await store.close()

    run(story)
    assert "30000" not in capsys.readouterr().err
