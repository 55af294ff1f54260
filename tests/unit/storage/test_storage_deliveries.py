"""What was told to alert sinks is kept with the outbox: all of a settling or nothing, and not for ever."""

import sqlite3
from pathlib import Path

from reconcile_actors.domain.deliveries import Delivery, Outcome
from reconcile_actors.domain.ledger import AuditEntry, OutboxRow, UnitOfWork
from reconcile_actors.storage.migrations import APPLICATION_ID, m0001_initial
from reconcile_actors.storage.statements import DONE_KEPT_US
from tests.unit.storage.storage_fakes import START_AT, open_store, run

TOLD = Delivery("log", "a:unknown", "1-5", Outcome.ACKNOWLEDGED, "firing|warning||", 7)
FAILED = Delivery("webhook:x", "a:unknown", "1-5", Outcome.FAILED, None, 8)


def unit(*kinds: str) -> UnitOfWork:
    return UnitOfWork((AuditEntry("test", None, {}),), outbox=tuple(OutboxRow(kind, {}) for kind in kinds))


def test_deliveries_are_kept_until_their_condition_is_over(tmp_path: Path) -> None:
    """The last word of each sink, over a restart; replaced by a later one; gone with the condition."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.settle_outbox([], [TOLD, FAILED])
        await store.close()
        store = await open_store(tmp_path)
        assert await store.deliveries() == [TOLD, FAILED]
        later = Delivery("log", "a:unknown", "2-9", Outcome.FAILED, TOLD.said, 9)
        await store.settle_outbox([], [later])
        assert await store.deliveries() == [later, FAILED]
        await store.settle_outbox([], [], ["a:unknown"])
        assert await store.deliveries() == []

    run(story)


def test_the_outbox_is_paged_and_pruned(tmp_path: Path) -> None:
    """Reading goes on after an id; what is done stays for a week, for whoever asks what was told, and then goes."""
    now = [START_AT]

    async def story() -> None:
        store = await open_store(tmp_path, utc=lambda: now[0])
        await store.commit([unit("a", "b", "c")])
        first, second, third = await store.outbox_pending()
        assert [one.kind for one in await store.outbox_pending(after_id=first.id, limit=1)] == ["b"]
        await store.settle_outbox([first.id, second.id])
        assert await store.outbox_pending() == [third]
        now[0] += DONE_KEPT_US
        await store.settle_outbox([])
        assert await count(store) == 3
        now[0] += 1
        await store.settle_outbox([])
        assert await count(store) == 1
        assert await store.outbox_pending() == [third]

    async def count(store: object) -> int:
        async with store._reading() as fetch:  # type: ignore[attr-defined]  # no public question counts what is done
            return int((await fetch("SELECT count(*) FROM outbox", ()))[0][0])

    run(story)


def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """Messages that waited in an older store still wait in the newer one."""

    async def story() -> None:
        with sqlite3.connect(tmp_path / "book.db") as raw:
            for sql in m0001_initial.STATEMENTS:
                raw.execute(sql)
            raw.execute("INSERT INTO outbox(kind, body, created_at) VALUES ('a', '{}', 1)")
            raw.execute(f"PRAGMA application_id={APPLICATION_ID}")
            raw.execute("PRAGMA user_version=1")
        raw.close()
        store = await open_store(tmp_path)
        assert [one.kind for one in await store.outbox_pending()] == ["a"]
        assert await store.deliveries() == []

    run(story)
