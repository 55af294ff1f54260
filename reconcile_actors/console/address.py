"""Where the daemon listens: a Unix socket that only its owner, or one group, may use.

A socket's address holds 107 bytes. A longer path is reached through `/proc/self/fd/DIRECTORY/NAME`, for binding and
for connecting alike, so that a deep directory is no obstacle.
"""

import contextlib
import grp
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconcile_actors.errors import AlreadyRunningError, ConfigError

ADDRESS_BYTES_MAX: Final = 107
_PROBE_SECONDS: Final = 2.0


def connect(path: Path, *, timeout_seconds: float) -> socket.socket:
    """A connected socket. Raises OSError (FileNotFoundError and ConnectionRefusedError: nobody listens)."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.settimeout(timeout_seconds)
        with _address(path) as address:
            client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


def listen(path: Path, *, group: str | None = None) -> socket.socket:
    """A listening socket of mode 0600, or 0660 for `group`. The directory is made.

    What an earlier daemon left behind is removed. Raises AlreadyRunningError where somebody answers there, ConfigError
    where the group is unknown or the socket cannot be made.
    """
    group_id = _group_id(group)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # On Linux the file inherits the mode that the socket has when it is bound: no moment is open to others.
        os.fchmod(listener.fileno(), 0o600)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(path)
        with _address(path) as address:
            listener.bind(address)
        if group_id is not None:
            os.chown(path, -1, group_id)
            path.chmod(0o660)
        listener.listen(128)
        listener.setblocking(False)  # noqa: FBT003 - the standard library's own signature
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"socket.path: {path}: cannot listen there ({error.strerror or type(error).__name__})"
        ) from None
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    if not path.is_socket():
        return  # nothing there, or a file of somebody's: then binding fails and says so
    try:
        connect(path, timeout_seconds=_PROBE_SECONDS).close()
    except (FileNotFoundError, ConnectionRefusedError):
        path.unlink(missing_ok=True)
    else:
        raise AlreadyRunningError(f"{path}: a daemon answers there already")


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        short = f"/proc/self/fd/{directory}/{path.name}"
        if len(os.fsencode(short)) > ADDRESS_BYTES_MAX:
            raise ConfigError(f"socket.path: {path.name}: a name of at most 80 bytes is right")
        yield short
    finally:
        os.close(directory)


def _group_id(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError(f"socket.group: no group {group!r} on this machine; `getent group` lists them") from None
