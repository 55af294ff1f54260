"""An event loop in a thread of its own, for programs that have none: it runs one server until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Event, Thread


class LoopThread:
    """A daemon thread: it never keeps the interpreter from ending."""

    def __init__(
        self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]], lifetime_seconds: float | None
    ) -> None:
        """`start` and `stop` run on the new loop; without a call to `close` it ends after `lifetime_seconds`."""
        self._start = start
        self._stop = stop
        self._lifetime_seconds = lifetime_seconds
        self._ready = Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._thread = Thread(target=self._run, name="simulated-exchange", daemon=True)

    def open(self) -> None:
        """Returns once `start` has run; raises what it raised."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def close(self) -> None:
        """Stops and joins; twice is once. Not from the loop's own thread."""
        if self._thread.is_alive() and self._loop is not None and self._ending is not None:
            try:
                self._loop.call_soon_threadsafe(self._ending.set)
            except RuntimeError:
                self._ready.set()  # the loop closed by itself meanwhile: its lifetime was over
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in open()
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        await self._start()
        self._ready.set()
        try:
            await asyncio.wait_for(self._ending.wait(), self._lifetime_seconds)
        except TimeoutError:
            self._lifetime_seconds = None
        finally:
            await self._stop()
