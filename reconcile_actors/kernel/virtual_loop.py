"""An asyncio loop without a selector, on virtual time: coroutines of tests run and wait in it, and no second passes.

`asyncio.sleep`, `timeout`, tasks, locks, queues and gather work, since they need only the calls below; sockets, threads
and subprocesses do not. It is turned by hand with `run_ready`.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from reconcile_actors.kernel.timers import Cancellable

T = TypeVar("T")


class _VirtualTimer(asyncio.TimerHandle):
    """A timer of the loop that is kept by the host."""

    __slots__ = ("entry",)

    entry: Cancellable | None


class VirtualLoop(asyncio.AbstractEventLoop):
    """`now` gives virtual seconds; `after` has the host call back at a virtual time."""

    def __init__(self, now: Callable[[], float], after: Callable[[float, Callable[[], object]], Cancellable]) -> None:
        self._now = now
        self._after = after
        self._ready: deque[asyncio.Handle] = deque()
        self.unhandled: list[str] = []
        """Types of the exceptions that nobody awaited."""

    @property
    def has_ready(self) -> bool:
        """Whether `run_ready` has something to do."""
        return bool(self._ready)

    def run_ready(self) -> None:
        """Run what is ready, and nothing that this makes ready."""
        with self._running():
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                if not handle.cancelled():
                    self._run_one(handle)

    def start_task(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Make a task and take its first step at once, so that no coroutine is ever left unstarted."""
        with self._running():
            task = self.create_task(coroutine)
            self._run_one(self._ready.pop())
        return task

    def _run_one(self, handle: asyncio.Handle) -> None:
        try:
            handle._run()  # noqa: SLF001 the call that asyncio leaves to implementers of loops
        except BaseException as error:  # noqa: BLE001 a SystemExit in a task must not end the test
            self.unhandled.append(type(error).__name__)

    @contextmanager
    def _running(self) -> Generator[None, None, None]:
        outer = asyncio._get_running_loop()  # noqa: SLF001 for implementers of loops
        asyncio._set_running_loop(self)  # noqa: SLF001 for implementers of loops
        try:
            yield
        finally:
            asyncio._set_running_loop(outer)  # noqa: SLF001 for implementers of loops

    # --- what asyncio's own parts call

    def time(self) -> float:
        """Virtual seconds."""
        return self._now()

    def call_soon(  # type: ignore[override] # the stub's form of *args cannot be written for Python 3.11
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Make it ready."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override] # as above
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """The same: there is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override] # as above
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Make it ready after virtual seconds."""
        return self.call_at(self._now() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override] # as above
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Make it ready at a virtual time."""
        timer = _VirtualTimer(when, callback, args, self, context)
        timer.entry = self._after(max(0.0, when - self._now()), lambda: self._ready.append(timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if isinstance(handle, _VirtualTimer) and handle.entry is not None:
            handle.entry.cancel()

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override] # the stub allows more kinds of coroutines than are used here
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> asyncio.Task[T]:
        """A task of this loop."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nobody awaited it: remember its type."""
        self.unhandled.append(type(context.get("exception")).__name__)

    def get_debug(self) -> bool:
        """No debug mode."""
        return False

    def is_running(self) -> bool:
        """Whether one of its callbacks is running."""
        return asyncio._get_running_loop() is self  # noqa: SLF001 for implementers of loops

    def is_closed(self) -> bool:
        """It needs no closing."""
        return False
