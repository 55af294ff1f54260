"""One writer a store: an advisory lock that the kernel drops when its holder dies, however it dies."""

import fcntl
import os
from pathlib import Path

from reconcile_actors.errors import AlreadyRunningError
from reconcile_actors.storage.errors import StoreFailedError, reason_of


class StoreLock:
    """Holds `PATH.lock` (flock). The file itself stays: to remove it would let two holders lock two different files."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def hold(cls, path: Path) -> "StoreLock":
        """Take the lock of the store at `path`, at once or not at all. Raises AlreadyRunningError, StoreError."""
        lock_path = Path(f"{path.resolve()}.lock")  # resolved: two names of one store must not be two locks
        try:
            descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StoreFailedError(reason_of(error), path) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunningError(f"store {path}: another process writes it: stop it, or talk to it") from None
        except OSError as error:  # a file system without locks: two writers could not be told apart
            os.close(descriptor)
            raise StoreFailedError(reason_of(error), path) from None
        return cls(descriptor)

    def release(self) -> None:
        """Let the next writer in; doing it twice is doing it once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
