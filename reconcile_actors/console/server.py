"""The HTTP API served on the daemon's Unix socket, in the caller's own asyncio loop."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconcile_actors.console.address import listen
from reconcile_actors.console.app import Api
from reconcile_actors.console.latest import LatestReports
from reconcile_actors.console.peer import peer_of
from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.logger import logger

CONNECTIONS_MAX: Final = 128
GRACE_SECONDS: Final = 2


class _PeerProtocol(H11Protocol):
    """HTTP/1.1 whose requests know who connected: `request.state.peer`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        super().connection_made(transport)
        try:
            peer = peer_of(transport.get_extra_info("socket"))
        except OSError:  # gone again before it could be asked who it was
            transport.abort()
            return
        # This connection's own copy: uvicorn hands one dictionary to all, and copies it into each request's state.
        self.app_state = {**self.app_state, "peer": peer}


class _Server(uvicorn.Server):
    """A server that leaves signals to the program that runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


class ConsoleServer:
    """Serves a system on its socket while entered (`async with`). Raises ConfigError or AlreadyRunningError on entering."""

    def __init__(self, system: ConsoleSystem) -> None:
        self._system = system
        self._stopped = asyncio.Event()
        self._reports = LatestReports(system)
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._inode: int | None = None

    @property
    def path(self) -> Path:
        """Where it listens."""
        return self._system.settings.socket_path

    async def __aenter__(self) -> Self:
        # Binding, removing what an earlier daemon left, and chmod are a handful of system calls on a local path.
        listener = listen(self.path, group=self._system.settings.socket.group)
        self._inode = self.path.stat().st_ino
        await self._reports.__aenter__()
        config = uvicorn.Config(
            Api(self._system, self._reports, self._stopped).application(),
            http=_PeerProtocol,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        logger.bind(socket=self.path).info("listening")
        return self

    async def wait(self) -> None:
        """Returns when the server has ended, which by itself it never does."""
        assert self._task is not None
        await asyncio.shield(self._task)

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        assert self._task is not None
        self._stopped.set()
        self._server.should_exit = True
        await asyncio.gather(self._task, return_exceptions=True)
        await self._reports.__aexit__(None, None, None)
        with contextlib.suppress(FileNotFoundError):
            # a path that somebody else has taken meanwhile is theirs
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
