"""Looking up host names, each account on threads of its own: a name server that hangs for one must not hold up the others.

asyncio looks names up in one small pool for the whole loop, and a lookup that hangs keeps its thread long after its caller
has given up: a handful of exchanges with dead names would use the pool up. Imports aiohttp, as the transport does.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

_THREADS_MAX: Final = 2
_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV


class OwnResolver(AbstractResolver):
    """The system's resolver, on at most two threads."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="reconcile-names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError."""
        look_up = partial(
            socket.getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=int(address[1]), family=kind, proto=protocol, flags=_NUMERIC
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Looks up nothing any more; waits for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)
