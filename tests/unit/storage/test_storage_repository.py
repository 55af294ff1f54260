"""What is committed comes back exactly, in one order, to whoever asks."""

import asyncio
from decimal import Decimal
from pathlib import Path

from storage_fakes import (
    ACCOUNT,
    START_AT,
    Ticks,
    book_unit,
    counts,
    discrepancy,
    entry,
    full_unit,
    movement,
    open_store,
    report,
    run,
    verify,
)

from reconcile_actors.audit.leaf import parse_leaf
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.ledger import BookState, Committed, OutboxRow, Refused, UnitOfWork
from reconcile_actors.storage import AuditFilter


def test_a_group_is_one_transaction_with_one_checkpoint(tmp_path: Path) -> None:
    """Units given together get consecutive numbers in their order and one checkpoint over all of them."""

    async def story() -> None:
        store = await open_store(tmp_path)
        before = counts(tmp_path)
        answers = await store.commit([book_unit(1), full_unit(2), book_unit(1, "coinbase")])
        assert answers == [Committed(1, 1), Committed(2, 3), Committed(4, 4)]
        after = counts(tmp_path)
        assert after["checkpoint"] - before["checkpoint"] == 1
        assert await store.audit_size() == 5
        assert await store.commit([]) == []

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_a_refused_unit_does_not_stop_the_others(tmp_path: Path) -> None:
    """Conflicts and invalid entries are answered in their place while the rest of the group commits."""

    async def story() -> None:
        store = await open_store(tmp_path)
        invalid = book_unit(2, entries=(entry(body={"amount": 0.5}),))
        answers = await store.commit([book_unit(1), book_unit(1), invalid, book_unit(2), book_unit(9)])
        conflict = Refused("version_conflict")
        assert answers == [Committed(1, 1), conflict, Refused("entry_invalid"), Committed(2, 2), conflict]
        assert (await store.load_book(ACCOUNT, 10)).version == 2

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def test_an_entry_that_only_the_log_can_judge_is_refused_alone(tmp_path: Path) -> None:
    """A leaf that is too large spoils neither the batch nor the units that build on the same book."""

    async def story() -> None:
        store = await open_store(tmp_path)
        large = book_unit(1, entries=(entry(body={"text": "x" * 70_000}),))
        answers = await store.commit([large, book_unit(1), book_unit(2)])
        assert answers == [Refused("entry_invalid"), Committed(1, 1), Committed(2, 2)]
        assert await store.commit([large]) == [Refused("version_conflict")]
        bad_kind = UnitOfWork((entry("no spaces"),))
        assert await store.commit([bad_kind]) == [Refused("entry_invalid")]

    run(story)


def test_a_value_that_only_the_tables_can_judge_is_refused_alone(tmp_path: Path) -> None:
    """A whole number beyond 64 bits, broken text or an episode given twice fails its own unit and no other."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([UnitOfWork((entry(),), discrepancies=(discrepancy(1),))])
        twice = UnitOfWork((entry(),), discrepancies=(_renamed(discrepancy(1)),))
        endless = UnitOfWork((entry(),), report=report(timestamp=2**70))
        broken = UnitOfWork((entry(),), control=(("key", "\ud800"),))
        for bad in (twice, endless, broken):
            answers = await store.commit([book_unit(1), bad, book_unit(1)])
            assert answers[1] == Refused("entry_invalid")
            assert await store.commit([bad]) == [Refused("entry_invalid")]
        assert (await store.load_book(ACCOUNT, 10)).version == 1

    run(story)
    assert verify(tmp_path).verdict is Verdict.VERIFIED


def _renamed(one: object) -> object:
    return type(one)(**{name: getattr(one, name) for name in one.__slots__} | {"id": "another-id"})


def test_books_come_back_from_a_state_and_the_rows_after_it(tmp_path: Path) -> None:
    """load_book gives the newest state, the rows after it and the newest ids, after a restart too."""

    async def story() -> None:
        store = await open_store(tmp_path)
        empty = await store.load_book(ACCOUNT, 10)
        assert (empty.version, empty.state, empty.rows, empty.recent) == (0, None, (), ())
        for version in range(1, 6):
            state = BookState(ACCOUNT, 3, {"balances": {"BTC": "1.50"}}) if version == 3 else None
            await store.commit([book_unit(version, state=state)])
        await store.close()
        store = await open_store(tmp_path)
        book = await store.load_book(ACCOUNT, 3)
        assert book.version == 5
        assert book.state == BookState(ACCOUNT, 3, {"balances": {"BTC": "1.50"}})
        assert [row.version for row in book.rows] == [4, 5]
        assert book.rows[0] == book_unit(4).rows[0]
        assert list(book.recent) == [movement(3), movement(4), movement(5)]
        assert await store.commit([book_unit(6, state=BookState(ACCOUNT, 6, {}))]) == [Committed(6, 6)]
        book = await store.load_book(ACCOUNT, 0)
        assert (book.version, book.rows, book.recent) == (6, (), ())
        assert await store.find_ids(ACCOUNT, ["T2", "T5", "none", "'; DROP TABLE movement"]) == [
            movement(2),
            movement(5),
        ]
        assert await store.find_ids("coinbase", ["T2"]) == []

    run(story)


def test_discrepancies_keep_their_last_state(tmp_path: Path) -> None:
    """A discrepancy is one row that follows its life; the open ones are listed, all on request, one by its id."""

    async def story() -> None:
        store = await open_store(tmp_path)
        first, second, other = discrepancy(1), discrepancy(2), discrepancy(1, exchange="coinbase")
        await store.commit([UnitOfWork((entry(),), discrepancies=(first, second, other))])
        closed = first.resolved(START_AT + 9)
        await store.commit([UnitOfWork((entry(),), discrepancies=(closed,))])
        assert await store.discrepancies() == [second, other]
        assert await store.discrepancies(ACCOUNT) == [second]
        assert await store.discrepancies(ACCOUNT, include_closed=True) == [second, closed]
        assert await store.discrepancies(include_closed=True, limit=1) == [second]
        assert await store.discrepancies(id=first.id) == [closed]
        assert closed.state is State.RESOLVED
        assert await store.episodes(ACCOUNT) == {("spot", "BTC", "total"): 2}
        assert await store.episodes("kraken-spare") == {}

    run(story)


def test_reports_keep_states_only_where_told(tmp_path: Path) -> None:
    """With full_states a report comes back whole; without, its balances are left out and its discrepancies stay."""

    async def story() -> None:
        store = await open_store(tmp_path)
        assert await store.last_report(ACCOUNT) is None
        whole = report(discrepancies=(discrepancy(),))
        await store.commit([UnitOfWork((entry(),), report=whole, full_states=True)])
        assert await store.last_report(ACCOUNT) == whole
        await store.commit([UnitOfWork((entry(),), report=whole)])
        assert (await store.last_report(ACCOUNT)).local_balances == ()
        assert (await store.last_report(ACCOUNT)).discrepancies == whole.discrepancies
        bare = report("coinbase", history_through=None, local_balances=())
        await store.commit([UnitOfWork((entry(),), report=bare)])
        assert [one.exchange for one in await store.reports()] == ["coinbase", ACCOUNT, ACCOUNT]
        assert [one.exchange for one in await store.reports(limit=1)] == ["coinbase"]
        bodies = await store._session.database.fetch("SELECT body IS NULL FROM report ORDER BY id")
        assert [row[0] for row in bodies] == [0, 0, 1], "a pass with nothing to add costs no body"

    run(story)


def test_outbox_until_acknowledged_and_control(tmp_path: Path) -> None:
    """Messages wait in order until they are marked as sent; switches hold the last word and can be cleared."""

    async def story() -> None:
        store = await open_store(tmp_path)
        unit = UnitOfWork(
            (entry(),),
            outbox=(OutboxRow("a", {"n": 1}), OutboxRow("b", {})),
            control=(("p", "1"), ("p", "2"), ("q", "x")),
        )
        await store.commit([unit])
        pending = await store.outbox_pending()
        assert [(one.kind, one.body) for one in pending] == [("a", {"n": 1}), ("b", {})]
        await store.settle_outbox([pending[0].id])
        assert [one.kind for one in await store.outbox_pending()] == ["b"]
        assert await store.control() == {"p": "2", "q": "x"}
        await store.commit([UnitOfWork((entry(),), control=(("p", None), ("none", None)))])
        assert await store.control() == {"q": "x"}

    run(story)


def test_audit_entries_are_found_by_kind_account_and_time(tmp_path: Path) -> None:
    """audit_entries gives the newest that fit in the order of the log, or pages on from a number."""

    async def story() -> None:
        store = await open_store(tmp_path, utc=Ticks())
        for number in range(1, 6):
            await store.commit([UnitOfWork((entry("pass.a" if number % 2 else "pass.b", body={"n": number}),))])
        every = await store.audit_entries(AuditFilter())
        assert [one.seq for one in every] == [0, 1, 2, 3, 4, 5]
        assert every[0].kind == "log.genesis"
        assert every[0].payload is None
        assert every[3].body == {"n": 3}
        assert every[3].payload == {"amount": "0.50"}
        assert (every[3].exchange, every[3].correlation_id) == (ACCOUNT, "c-1")
        assert every[2].at - every[1].at == 1_000_000
        newest = await store.audit_entries(AuditFilter(kind="pass.a"), limit=2)
        assert [one.body["n"] for one in newest] == [3, 5]
        assert [one.seq for one in await store.audit_entries(AuditFilter(after_seq=2), limit=2)] == [3, 4]
        assert [one.seq for one in await store.audit_entries(AuditFilter(since_at=every[4].at))] == [4, 5]
        assert await store.audit_entries(AuditFilter(exchange="coinbase")) == []

    run(story)


def test_salts_are_fresh_for_each_payload(tmp_path: Path) -> None:
    """Every payload is committed to under a salt of its own, drawn from where the caller says."""

    async def story() -> None:
        drawn: list[int] = []

        def salt(size: int) -> bytes:
            drawn.append(size)
            return bytes([len(drawn)]) * size

        store = await open_store(tmp_path, salt=salt)
        await store.commit([book_unit(1), book_unit(2)])
        rows = await store._session.database.fetch("SELECT salt FROM payload ORDER BY seq")
        assert [bytes(row[0]) for row in rows] == [b"\x01" * 32, b"\x02" * 32]
        assert drawn == [32, 32]

    run(story)


def test_callers_at_once_are_served_one_after_the_other(tmp_path: Path) -> None:
    """Commits and reads that overlap on the loop each see whole transactions."""

    async def story() -> None:
        store = await open_store(tmp_path)
        answers = await asyncio.gather(*(store.commit([book_unit(version)]) for version in range(1, 21)))
        assert [answer for (answer,) in answers] == [Committed(seq, seq) for seq in range(1, 21)]
        books = await asyncio.gather(
            store.load_book(ACCOUNT, 1), store.commit([book_unit(21)]), store.load_book(ACCOUNT, 1)
        )
        assert {books[0].version, books[2].version} <= {20, 21}

    run(story)


def test_every_row_points_to_the_leaf_that_recorded_it(tmp_path: Path) -> None:
    """The `seq` of movement, report and discrepancy is the first leaf of their unit, whose entry names the account."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([book_unit(1), full_unit(2)])
        fetch = store._session.database.fetch
        for table in ("movement", "report", "discrepancy"):
            (seq,) = (await fetch(f"SELECT max(seq) FROM {table}"))[0]
            assert seq == 2
        leaf = parse_leaf((await fetch("SELECT leaf FROM log WHERE seq = 2"))[0][0])
        assert (leaf.kind, leaf.account) == ("book.recorded", ACCOUNT)

    run(story)


def test_amounts_are_kept_as_text(tmp_path: Path) -> None:
    """No amount passes through a float on its way to the disk and back (I2)."""

    async def story() -> None:
        store = await open_store(tmp_path)
        await store.commit([full_unit(1)])
        rows = await store._session.database.fetch("SELECT typeof(difference), difference FROM discrepancy")
        assert tuple(rows[0]) == ("text", "-0.50")
        assert str((await store.discrepancies())[0].local) == "1.50"
        assert (await store.last_report(ACCOUNT)).local_balances[0].total == Decimal("1.50")

    run(story)


def test_a_closed_repository_refuses(tmp_path: Path) -> None:
    """After close nothing is written; closing twice is closing once; what was under way is ended first."""

    async def story() -> None:
        async with await open_store(tmp_path) as store:
            waiting = asyncio.ensure_future(store.commit([book_unit(1)]))
            await asyncio.sleep(0)
        assert await waiting == [Committed(1, 1)]
        assert not (tmp_path / "book.db-wal").exists(), "the WAL is folded into the store"
        await store.close()
        assert await store.commit([book_unit(2)]) == [Refused("store_failed")]

    run(story)
