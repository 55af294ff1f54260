"""The newest checkpoint, kept outside the store: what shows that a store was put back to an older copy of itself.

The file is replaced whole at each commit, before the commit is answered, so every acknowledged entry is covered by it. It is
not synced by itself: a power loss may leave an older head, or on some file systems an empty file, which is read as none.
"""

import os
from pathlib import Path
from typing import Final

_MODE: Final = 0o644  # a checkpoint is public; watchers under other users may read it


def read_head(path: Path) -> bytes | None:
    """The stored note, None where there is none. Raises OSError."""
    try:
        note = path.read_bytes()
    except FileNotFoundError:
        return None
    return note if note.strip(b"\0") else None


def write_head(path: Path, note: bytes) -> None:
    """Put a note in the place of the former one, whole or not at all. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    try:
        os.fchmod(descriptor, _MODE)  # whatever the umask took away
        os.write(descriptor, note)
    finally:
        os.close(descriptor)
    fresh.replace(path)
