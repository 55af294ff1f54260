"""The newest checkpoint, kept outside the store: what shows that a store was put back to an older copy of itself.

The file is replaced whole at each commit, before the commit is answered, so every acknowledged entry is covered by it. It is
not synced by itself: a power loss may leave an older head, or on some file systems an empty file, which is read as none.
"""

import os
from pathlib import Path
from typing import Final

from reconcile_actors.errors import StoreError
from reconcile_actors.logger import logger
from reconcile_actors.storage.errors import reason_of

_MODE: Final = 0o644  # a checkpoint is public; watchers under other users may read it


class TrustedHead:
    """The file of the trusted head, or none at all where `path` is None."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.is_behind = False
        """Whether the newest checkpoint could not be written to it."""

    def read(self) -> bytes | None:
        """The stored note, None where there is none. Raises StoreError where there is one that cannot be read."""
        if self.path is None:
            return None
        try:
            note = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.path, error) from None
        return note if note.strip(b"\0") else None

    def begin(self, note: bytes) -> None:
        """Write the first note of a run. Raises StoreError: a wrong path should be known at the start and not in a year."""
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self.path, note)
        except OSError as error:
            raise _unusable(self.path, error) from None

    def show(self, note: bytes) -> None:
        """Write the note of a commit. The commit stands whether or not that succeeds; a failure is said once in the log.

        Runs on the connection's thread, since the medium may be slow.
        """
        if self.path is None:
            return
        try:
            _replace(self.path, note)
        except OSError as error:
            if not self.is_behind:
                logger.bind(reason=str(reason_of(error))).error("the trusted head cannot be written")
            self.is_behind = True
        else:
            self.is_behind = False


def _replace(path: Path, note: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _MODE)  # whatever the umask took away
        file.write(note)
    fresh.replace(path)


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"trusted head {path}: {error.strerror}: make it readable and writable, or set another file")
