"""What can go wrong with a store, as one constant word each; SQLite's own text stays behind, since it may quote data (I7)."""

import errno
import sqlite3
from enum import StrEnum
from pathlib import Path
from typing import Final

from reconcile_actors.errors import StoreError


class Reason(StrEnum):
    """The words that `Refused.reason` and `StoreFailedError.reason` use."""

    LOCKED = "store_locked"
    FULL = "store_full"
    READ_ONLY = "store_read_only"
    CORRUPT = "store_corrupt"
    FAILED = "store_failed"
    INVALID = "entry_invalid"
    CONFLICT = "version_conflict"


_ADVICE: Final[dict[Reason, str]] = {
    Reason.LOCKED: "another program holds a lock on it: end that program",
    Reason.FULL: "the disk, or the store's size limit, is full: make room",
    Reason.READ_ONLY: "it cannot be written: check owner, mode and mount",
    Reason.CORRUPT: "it is no SQLite database or is damaged: restore a backup",
    Reason.FAILED: "reading or writing it failed: check the disk",
    Reason.INVALID: "a value does not fit its tables",
}

_BY_CODE: Final[dict[int, Reason]] = {
    sqlite3.SQLITE_BUSY: Reason.LOCKED,
    sqlite3.SQLITE_LOCKED: Reason.LOCKED,
    sqlite3.SQLITE_FULL: Reason.FULL,
    sqlite3.SQLITE_READONLY: Reason.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Reason.CORRUPT,
    sqlite3.SQLITE_NOTADB: Reason.CORRUPT,
    sqlite3.SQLITE_CONSTRAINT: Reason.INVALID,
    sqlite3.SQLITE_MISMATCH: Reason.INVALID,
    sqlite3.SQLITE_TOOBIG: Reason.INVALID,
    sqlite3.SQLITE_RANGE: Reason.INVALID,
}

_BY_ERRNO: Final[dict[int | None, Reason]] = {
    errno.ENOSPC: Reason.FULL,
    errno.EDQUOT: Reason.FULL,
    errno.EROFS: Reason.READ_ONLY,
    errno.EACCES: Reason.READ_ONLY,
    errno.EPERM: Reason.READ_ONLY,
}


class StoreFailedError(StoreError):
    """The store could not be read or written; `reason` says why in one word, the text says what to do."""

    def __init__(self, reason: Reason, path: Path) -> None:
        super().__init__(f"store {path}: {_ADVICE[reason]} ({reason})")
        self.reason = reason


class AuditBrokenError(StoreError):
    """The audit log contradicts itself, its key or its trusted head: nothing more is signed until somebody has looked."""

    exit_code = 5


def reason_of(error: Exception) -> Reason:
    """The word for an error of SQLite, of the operating system, or of binding a value."""
    if isinstance(error, OSError):
        return _BY_ERRNO.get(error.errno, Reason.FAILED)
    # The low byte is the error's class; the rest names the spot (https://www.sqlite.org/rescode.html).
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _BY_CODE.get(code & 0xFF, Reason.FAILED)
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError | OverflowError | UnicodeError):
        return Reason.INVALID  # raised by Python's binding before SQLite has seen the value
    return Reason.FAILED
