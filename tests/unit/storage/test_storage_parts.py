"""The small parts by themselves: errors' words, exact text, the lock, and what is leaned on in aiosqlite."""

import asyncio
import errno
import fcntl
import inspect
import sqlite3
from decimal import Decimal
from pathlib import Path

import aiosqlite
import pytest
from storage_fakes import ACCOUNT, START_AT, book_unit, discrepancy, entry

from reconcile_actors.domain.ledger import BookState, Refused, UnitOfWork
from reconcile_actors.errors import StoreError
from reconcile_actors.storage.admission import admit
from reconcile_actors.storage.connection import connect
from reconcile_actors.storage.errors import Reason, StoreFailedError, reason_of
from reconcile_actors.storage.lock import StoreLock
from reconcile_actors.storage.text import EncodingError, amount_text, json_text, json_value


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "x"), Reason.FULL),
        (OSError(errno.EROFS, "x"), Reason.READ_ONLY),
        (OSError(errno.EIO, "x"), Reason.FAILED),
        (OverflowError(), Reason.INVALID),
        (UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates"), Reason.INVALID),
        (sqlite3.ProgrammingError("binding"), Reason.INVALID),
        (sqlite3.OperationalError("no code"), Reason.FAILED),
    ],
)
def test_words_for_errors(error: Exception, reason: Reason) -> None:
    """Errors of the operating system and of binding a value have their words too."""
    assert reason_of(error) is reason


def test_every_reason_says_what_to_do() -> None:
    """A store error names the path and an action, and its code is the command line's 13."""
    for reason in Reason:
        if reason is not Reason.CONFLICT:  # never an error: it is an answer to one unit
            error = StoreFailedError(reason, Path("var/x.db"))
            assert "var/x.db" in str(error)
            assert error.exit_code == 13


def test_text_is_exact() -> None:
    """Digits, trailing zeros and exponents survive; what is not finite or a float is refused without being quoted."""
    for text in ("1.50", "-0", "1E+3", "0E-18", "123456789012345678901234567890.123456789012345678901234567890123456"):
        assert amount_text(Decimal(text)) == text
    for bad in ("NaN", "Infinity"):
        with pytest.raises(EncodingError):
            amount_text(Decimal(bad))
    assert json_value(json_text({"b": [1, None, True], "a": 2**80, "é": "ü"})) == {
        "a": 2**80,
        "b": [1, None, True],
        "é": "ü",
    }
    for bad in (1.5, {"a": [0.1]}, {"a": Decimal(1)}, {"a": {"b": {1}}}, [2**80, Decimal(1)]):
        with pytest.raises(EncodingError) as caught:
            json_text(bad)
        assert "1" not in str(caught.value)


def test_aiosqlite_still_runs_what_it_is_given() -> None:
    """The one private name that is leaned on exists with the signature that is relied on."""
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters) == ["self", "fn", "args", "kwargs"]
    assert list(inspect.signature(aiosqlite.Connection.__init__).parameters)[1:3] == ["connector", "iter_chunk_size"]


def test_connecting_to_what_is_not_there(tmp_path: Path) -> None:
    """A connection makes no file: opening what is absent fails with a word."""
    with pytest.raises(StoreFailedError) as caught:
        asyncio.run(connect(tmp_path / "a ?#% name.db", mode="rw"))
    assert caught.value.reason is Reason.FAILED
    assert list(tmp_path.iterdir()) == []


def test_the_lock_where_the_file_system_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without locks two writers could not be told apart, so the store is not opened; releasing twice is releasing once."""
    lock = StoreLock.hold(tmp_path / "a.db")
    lock.release()
    lock.release()

    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(StoreError, match="store_failed"):
        StoreLock.hold(tmp_path / "a.db")
    (tmp_path / "b.db.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="store_failed"):
        StoreLock.hold(tmp_path / "b.db")


def answers(*units: UnitOfWork, version: int = 0) -> list[str]:
    """`ok` or the reason, for each unit of a group over a book at a version."""
    admission = admit(units, {ACCOUNT: version}, at=START_AT, salt=bytes)
    return [getattr(admission.refused.get(place), "reason", "ok") for place in range(len(units))]


def test_admission_of_shapes() -> None:
    """A unit without a record, or with rows of another account, never reaches the disk (I3)."""
    row = book_unit(1).rows[0]
    invalid = [
        UnitOfWork(()),
        UnitOfWork((entry(),), rows=(row,)),
        UnitOfWork((entry(),), exchange="coinbase", rows=(row,)),
        UnitOfWork((entry(),), exchange="coinbase", state=BookState(ACCOUNT, 0, {})),
        UnitOfWork((entry(),), expected_version=0),
        UnitOfWork((entry(payload={"amount": 0.5}),)),
        UnitOfWork((entry(),), discrepancies=(_with(discrepancy(), tolerance=Decimal("NaN")),)),
        UnitOfWork((entry(),), exchange=ACCOUNT, state=BookState(ACCOUNT, 0, {"x": 0.5})),
    ]
    assert answers(*invalid) == ["entry_invalid"] * len(invalid)


def test_admission_of_versions() -> None:
    """Rows follow the book without a gap, with or without an expected version; a state is never ahead of the book."""
    assert answers(book_unit(1), book_unit(2), book_unit(2)) == ["ok", "ok", "version_conflict"]
    assert answers(book_unit(1), version=1) == ["version_conflict"]
    assert answers(book_unit(2, expected_version=None), version=1) == ["ok"]
    assert answers(book_unit(3, expected_version=None), version=1) == ["version_conflict"]
    assert answers(UnitOfWork((entry(),), exchange=ACCOUNT, expected_version=1), version=1) == ["ok"]
    assert answers(UnitOfWork((entry(),), exchange=ACCOUNT, expected_version=0), version=1) == ["version_conflict"]
    ahead = book_unit(1, state=BookState(ACCOUNT, 2, {}))
    assert answers(ahead, book_unit(1, state=BookState(ACCOUNT, 0, {}))) == ["version_conflict", "ok"]
    assert admit([ahead], {}, at=START_AT, salt=bytes).refused == {0: Refused("version_conflict")}


def _with(one: object, **changes: object) -> object:
    return type(one)(**{name: getattr(one, name) for name in one.__slots__} | changes)
