"""Who stands at the other end of the socket: what the kernel says (SO_PEERCRED), never what a request claims."""

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Protocol


class _Optioned(Protocol):
    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Peer:
    """A process of this machine, as it was when it connected. `user` is the login name, or `uid:N` without one."""

    pid: int
    uid: int
    gid: int
    user: str


def peer_of(connection: _Optioned) -> Peer:
    """The peer of a connected Unix socket. Raises OSError for any other kind."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, gid = struct.unpack("3i", data)
    return Peer(pid=pid, uid=uid, gid=gid, user=user_name(uid))


def this_user() -> str:
    """The user that this process runs as."""
    return user_name(os.getuid())


def user_name(uid: int) -> str:
    """The login name of a user id, or `uid:N` where the machine knows none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"
