"""Any mixture of units, grouped in any way and failing anywhere: the store equals a model that applied what was acknowledged."""

import asyncio
import sqlite3
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.verdict import Verdict
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.domain.ledger import AuditEntry, BookRow, Committed, Refused, UnitOfWork
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.storage import ReconciliationRepository
from reconcile_actors.storage.connection import Database, connect_writer

ACCOUNTS = ("kraken-main", "coinbase")


class Countdown:
    """Fails the call at which it reaches zero, before or after the call has had its effect; None never fails."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.executed = False

    def around(self, raw: sqlite3.Connection, name: str, *values: object) -> object:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                if self.executed:
                    getattr(raw, name)(*values)
                error = sqlite3.OperationalError()
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error
        return getattr(raw, name)(*values)


class Raw:
    """A connection that counts down at each statement."""

    def __init__(self, raw: sqlite3.Connection, countdown: Countdown) -> None:
        self._raw, self._countdown = raw, countdown

    def execute(self, *values: object) -> object:
        return self._countdown.around(self._raw, "execute", *values)

    def executemany(self, *values: object) -> object:
        return self._countdown.around(self._raw, "executemany", *values)

    @property
    def in_transaction(self) -> bool:
        return self._raw.in_transaction


def unit(exchange: str, ahead: int, version: int, *, sound: bool) -> UnitOfWork:
    """A recording of version `version + ahead`; right if ahead is 1. Unsound: its entry holds a float."""
    row_version = max(1, version + ahead)
    movement = Movement(exchange, "spot", MovementType.FEE, f"F{row_version}", {}, instrument="BTC")
    return UnitOfWork(
        entries=(AuditEntry("book.recorded", exchange, {"n": row_version if sound else 0.5}, {"a": "1"}),),
        exchange=exchange,
        expected_version=row_version - 1,
        rows=(BookRow(row_version, movement, 0, "{}"),),
    )


def _reasons(*, fits: bool, sound: bool) -> set[str]:
    """What a unit may be refused for; one that is wrong in two ways may be told either."""
    return {word for word, holds in (("version_conflict", fits), ("entry_invalid", sound)) if not holds}


wishes = st.tuples(
    st.sampled_from(ACCOUNTS), st.sampled_from([1, 1, 1, 0, 2]), st.sampled_from([True, True, True, False])
)
groups = st.lists(
    st.tuples(st.lists(wishes, max_size=4), st.none() | st.integers(0, 12), st.booleans()), min_size=1, max_size=8
)


async def play(folder: Path, story: list[tuple[list[tuple[str, int, bool]], int | None, bool]]) -> None:
    countdown = Countdown()

    async def connect(path: Path) -> Database:
        sound = await connect_writer(path)
        return Database(sound._connection, Raw(sound._raw, countdown), path)

    model: dict[str, int] = dict.fromkeys(ACCOUNTS, 0)
    size = 1
    ticks = iter(range(1_700_000_000_000_000, 1_800_000_000_000_000, 1_000))
    store = await ReconciliationRepository.open(
        folder / "book.db",
        origin="example.org/model",
        key_file=folder / "key",
        trusted_head_file=folder / "head",
        utc=lambda: next(ticks),
        connect=connect,
    )
    try:
        for group, fail_at, executed in story:
            hoped = dict(model)
            units = []
            expected = []
            for exchange, ahead, sound in group:
                units.append(unit(exchange, ahead, hoped[exchange], sound=sound))
                right = sound and units[-1].expected_version == hoped[exchange]
                fits = units[-1].expected_version == hoped[exchange]
                expected.append({"ok"} if right else _reasons(fits=fits, sound=sound))
                hoped[exchange] += right
            countdown.left, countdown.executed = fail_at, executed
            answers = await store.commit(units)
            failed = fail_at is not None and countdown.left is None
            countdown.left = None
            said = ["ok" if isinstance(one, Committed) else one.reason for one in answers]
            if Refused("store_failed") in answers:
                assert failed
                assert set(said) == {"store_failed"}, "a failure is a failure of the whole group"
            else:
                assert all(word in words for word, words in zip(said, expected, strict=True)), (said, expected)
                model = hoped
                size += said.count("ok")
            for exchange in ACCOUNTS:
                book = await store.load_book(exchange, 100)
                assert book.version == model[exchange]
                assert [row.version for row in book.rows] == list(range(1, model[exchange] + 1))
            assert await store.audit_size() == size
    finally:
        countdown.left = None
        await store.close()
    result = verify_log(
        folder / "book.db", keys=[SigningKey.load(folder / "key").verifier], trusted_head=(folder / "head").read_bytes()
    )
    assert result.verdict is Verdict.VERIFIED
    assert result.size == size
    assert result.unanchored_tail == 0


@given(groups)
@settings(max_examples=40, deadline=None)
def test_the_store_equals_the_model(story: list[tuple[list[tuple[str, int, bool]], int | None, bool]]) -> None:
    """Answers, books, log size and trusted head are those of the model, whatever was refused or failed on the way."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), story))
