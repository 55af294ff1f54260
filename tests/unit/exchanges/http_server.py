"""A server on loopback that answers as told, for what only a real connection shows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """`requests` are path, headers and body as they came, `peers` the connections that carried them."""

    port: int = 0
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    peers: set[object] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Server]:
    """The server while it listens."""
    server = Server()

    async def handle(request: web.Request) -> web.StreamResponse:
        server.requests.append((str(request.rel_url), dict(request.headers), (await request.read()).decode()))
        assert request.transport is not None
        server.peers.add(request.transport.get_extra_info("peername"))
        server.arrived.set()
        return await handler(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


def saying(*texts: str, status: int = 200, headers: dict[str, str] | None = None) -> Handler:
    """Answers with these texts in turn; the last repeats."""
    left = list(texts)

    async def handle(request: web.Request) -> web.StreamResponse:
        text = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(text=text, status=status, headers=headers, content_type="application/json")

    return handle


async def never(request: web.Request) -> web.StreamResponse:
    """Does not answer."""
    await asyncio.Event().wait()
    return web.Response()
