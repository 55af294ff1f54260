"""The life of a simulated exchange: it listens on the caller's loop, or in a thread on one of its own, until it is stopped."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from reconcile_actors.simulation.faults import Faults, RequestLog
from reconcile_actors.simulation.front import Front, WireProtocol
from reconcile_actors.simulation.threaded import LoopThread

Options = ParamSpec("Options")
Served = TypeVar("Served", bound="ServedExchange")


class ServedExchange(ABC):
    """What is alike in every simulated exchange; its customers and its world are the subclass's. Thread-safe but for starting."""

    def __init__(
        self,
        seed: int,
        clock: Callable[[], float],
        *,
        latency_seconds: float,
        lifetime_seconds: float | None,
        host: str,
        port: int,
    ) -> None:
        """`clock` gives Unix seconds and may be virtual; `latency_seconds` is a round trip; `lifetime_seconds` ends a forgotten server."""
        self.seed = seed
        self.clock = clock
        self.faults = Faults(clock)
        self.requests = RequestLog()
        self._front = Front(self.faults, self.requests, clock, latency_seconds)
        self._lifetime_seconds = lifetime_seconds
        self._host = host
        self._port = port
        self._thread: LoopThread | None = None
        self._expiry: asyncio.Task[None] | None = None

    @abstractmethod
    def _protocol(self) -> WireProtocol:
        """What the exchange speaks, made anew for each start."""

    @property
    def base_url(self) -> str:
        """Where the server listens: `http://127.0.0.1:PORT`. Raises RuntimeError before it is started."""
        self._require_started()
        return f"http://{self._host}:{self._port}"

    @property
    def in_flight(self) -> int:
        """How many requests have arrived and are not answered yet."""
        return self._front.in_flight

    async def start(self) -> None:
        """Listens on the running loop."""
        self._port = await self._front.start(self._protocol(), self._host, self._port)
        if self._lifetime_seconds is not None and self._thread is None:
            self._expiry = asyncio.create_task(self._expire(self._lifetime_seconds))

    async def stop(self) -> None:
        """Stops listening; twice is once. The port is kept, so that a restart is found where it was."""
        if self._expiry is not None and self._expiry is not asyncio.current_task():
            self._expiry.cancel()
        self._expiry = None
        await self._front.stop()

    @classmethod
    def start_in_thread(cls: Callable[Options, Served], *args: Options.args, **kwargs: Options.kwargs) -> Served:
        """A running exchange on a loop of its own, for callers without one; takes what the constructor takes.

        `close` it, or use it in a `with` block.
        """
        exchange = cls(*args, **kwargs)
        exchange._thread = LoopThread(exchange.start, exchange.stop, exchange._lifetime_seconds)
        exchange._thread.open()
        return exchange

    def close(self) -> None:
        """Stops an exchange that runs in a thread; twice is once."""
        if self._thread is not None:
            self._thread.close()

    async def __aenter__(self) -> Self:
        """Starts."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops."""
        await self.stop()

    def __enter__(self) -> Self:
        """Of an exchange that `start_in_thread` has started."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes."""
        self.close()

    def _require_started(self) -> None:
        if not self._front.is_listening:
            raise RuntimeError("the simulated exchange is not started")

    async def _expire(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.stop()
