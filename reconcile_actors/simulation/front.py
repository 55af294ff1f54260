"""The HTTP server before an exchange's protocol: how a request passes the faults, the log and the latency.

Every path is served as `/PATH` and as `/HOST/PATH`: clients that are redirected after signing keep the exchange's host in the path.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Protocol

from aiohttp import web

from reconcile_actors.simulation.faults import Fault, Faults, Injected, RequestLog, RequestRecord
from reconcile_actors.simulation.responses import broken_response

_SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as its protocol reads it.

    `endpoint` is its name for faults and log, `user` whose key it bears, `parameters` what the log shows; `answer` makes its answer
    under the faults that it meets.
    """

    endpoint: str
    user: str | None
    parameters: Mapping[str, str] = field(repr=False)
    answer: Callable[[tuple[Injected, ...]], web.Response] = field(repr=False)


class WireProtocol(Protocol):
    """How one exchange reads and answers: `paths` are aiohttp's patterns, `null_result` an answer without content."""

    paths: ClassVar[tuple[str, ...]]
    null_result: ClassVar[str]

    async def read(self, request: web.Request) -> Asked:
        """What the request asks; never raises for what a client sends."""


class Front:
    """Starts and stops on one event loop at a time."""

    def __init__(
        self, faults: Faults, requests: RequestLog, clock: Callable[[], float], latency_seconds: float
    ) -> None:
        """`latency_seconds` is a round trip: half of it passes before the answer is made, half after."""
        self._faults = faults
        self._requests = requests
        self._clock = clock
        self._latency_seconds = latency_seconds
        self.in_flight = 0
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = asyncio.Event()
        self._faults.on_clear(self._release)

    @property
    def is_listening(self) -> bool:
        """Whether it is started."""
        return self._runner is not None

    async def start(self, protocol: WireProtocol, host: str, port: int) -> int:
        """Listens; returns the port, which the system chooses for 0."""
        application = web.Application()
        for before in ("", "/{host:[^/]+}"):
            for path in protocol.paths:
                application.router.add_route("*", before + path, partial(self._handle, protocol))
        # A client that gives up ends its handler, or a slow answer would outlive its request.
        runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        self._runner, self._loop = runner, asyncio.get_running_loop()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stops listening and ends what is open; twice is once."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._loop = None
            self._open_gate()
            await runner.cleanup()

    async def _handle(self, protocol: WireProtocol, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        try:
            return await self._respond(protocol, request)
        finally:
            self.in_flight -= 1

    async def _respond(self, protocol: WireProtocol, request: web.Request) -> web.StreamResponse:
        asked = await protocol.read(request)
        injected = self._faults.take(asked.endpoint, asked.user)
        faults = tuple(each.fault for each in injected)
        self._requests.add(RequestRecord(self._clock(), asked.endpoint, asked.user, faults, asked.parameters))
        await self._pass_half_a_round_trip()
        response = broken_response(request, injected, protocol.null_result)
        if response is None:
            response = asked.answer(injected)
        await self._hold_back(injected)
        await self._pass_half_a_round_trip()
        return response

    async def _pass_half_a_round_trip(self) -> None:
        if self._latency_seconds > 0:
            await asyncio.sleep(self._latency_seconds / 2)

    async def _hold_back(self, injected: tuple[Injected, ...]) -> None:
        """SLOW: the answer is made, and waits; clearing the faults lets it go."""
        seconds = sum(each.options.seconds for each in injected if each.fault is Fault.SLOW)
        if seconds > 0:
            try:
                await asyncio.wait_for(self._gate.wait(), seconds)
            except TimeoutError:
                return

    def _release(self) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._open_gate)

    def _open_gate(self) -> None:
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()
