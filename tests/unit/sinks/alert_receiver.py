"""A receiver of webhooks on loopback, on a loop and a thread of its own: it records what comes, and answers as scripted."""

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from reconcile_actors.sinks.document import signature

SECRET = "a-secret-of-the-tests-0123456789"
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)

    @property
    def is_signed(self) -> bool:
        """Whether its signature is right."""
        expected = signature(SECRET.encode(), self.headers["X-Reconcile-Timestamp"], self.body)
        return self.headers["X-Reconcile-Signature"] == expected


@dataclass
class Receiver:
    """`script`: an answer each (a status, or a status and headers), then always 204. While `open` is not set, none is given."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    script: deque[int | tuple[int, dict[str, str]]] = field(default_factory=deque)
    always: int = 204
    hangs: bool = False
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    async def handle(self, request: web.Request) -> web.Response:
        """Records the request, and answers."""
        one = Received(request.path, dict(request.headers), await request.read())
        with self._arrived:
            self.received.append(one)
            self._arrived.notify_all()
        if self.hangs:
            await asyncio.Event().wait()
        answer = self.script.popleft() if self.script else self.always
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        return web.Response(status=status, headers=headers)

    def until(self, count: int) -> list[Received]:
        """Waits until so many requests have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= count, PATIENCE_SECONDS), self.said()
            return list(self.received)

    def until_said(self, phase: str, key: str) -> Received:
        """Waits for a phase of a condition."""

        def found() -> Received | None:
            return next((one for one in self.received if (one.json["phase"], one.json["key"]) == (phase, key)), None)

        with self._arrived:
            assert self._arrived.wait_for(found, PATIENCE_SECONDS), self.said()
            one = found()
            assert one is not None
            return one

    def said(self) -> list[tuple[str, str]]:
        """Phase and key of each, in order."""
        return [(one.json["phase"], one.json["key"]) for one in self.received]


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver that runs; its `url` ends in a path."""
    receiver, started = Receiver(), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", receiver.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/alerts"
        started.set()
        await stop.wait()
        await runner.cleanup()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(PATIENCE_SECONDS), "the receiver did not start"
        yield receiver
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE_SECONDS)
