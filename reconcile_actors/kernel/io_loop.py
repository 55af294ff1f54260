"""One asyncio thread for all I/O: clients bind to the loop they first see, so there is exactly one.

The thread is no daemon, because a connection that is not closed in order is worse than a late exit; whoever starts the
loop stops it. A coroutine's outcome leaves as a value, and nothing that a coroutine raises ends the loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any, TypeVar

from reconcile_actors.kernel.errors import HostStopped
from reconcile_actors.kernel.outcome import Failure, Outcome, Success, attempt
from reconcile_actors.kernel.timers import Cancellable
from reconcile_actors.logger import logger

T = TypeVar("T")


class _Work:
    """One coroutine on the loop."""

    __slots__ = ("_loop", "task", "wanted")

    def __init__(self, loop: IoLoop) -> None:
        self._loop = loop
        self.task: asyncio.Task[Any] | None = None
        self.wanted = True

    def cancel(self) -> None:
        self.wanted = False
        self._loop.call_soon(self._cancel_task)

    def _cancel_task(self) -> None:
        if self.task is not None:
            self.task.cancel()


class IoLoop:
    """`start`, `submit`, `stop`. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._unfinished: dict[asyncio.Task[Any], Callable[[], None]] = {}
        self._closing: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> IoLoop:
        """Start the thread; returns itself. A stopped loop is not started again."""
        with self._lock:
            if self._thread is not None or self._stopping:
                raise RuntimeError("an I/O loop is started once")
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._run, args=(self._loop,), name="kernel-io", daemon=False)
            self._thread.start()
        return self

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on the loop's own thread, which must never wait for it."""
        return self._thread is threading.current_thread()

    def call_soon(self, callback: Callable[[], object]) -> bool:
        """Run `callback` on the loop; False when the loop is not running."""
        with self._lock:
            if self._loop is None or self._stopping:
                return False
            self._loop.call_soon_threadsafe(callback)
            return True

    def begin(
        self,
        work: Callable[[], Awaitable[T]],
        on_outcome: Callable[[Outcome[T]], None],
        *,
        timeout_seconds: float | None = None,
    ) -> Cancellable:
        """Run `work` and hand its outcome to `on_outcome`, exactly once, on the loop's thread (on the caller's when stopped).

        `on_outcome` must not block. A cancelled or stopped work gives a `Failure` of `CancelledError`.
        """
        handle = _Work(self)

        def create() -> None:
            if not handle.wanted:
                on_outcome(Failure(asyncio.CancelledError()))
                return
            task = asyncio.get_running_loop().create_task(attempt(work, timeout_seconds))
            handle.task = task
            self._unfinished[task] = give_up
            task.add_done_callback(finish)

        def finish(task: asyncio.Task[Outcome[T]]) -> None:
            if self._unfinished.pop(task, None) is not None:
                on_outcome(Failure(asyncio.CancelledError()) if task.cancelled() else task.result())

        def give_up() -> None:
            on_outcome(Failure(asyncio.CancelledError()))

        if not self.call_soon(create):
            on_outcome(Failure(HostStopped("the I/O loop is not running")))
        return handle

    def submit(self, work: Callable[[], Awaitable[T]], *, timeout_seconds: float | None = None) -> Future[T]:
        """Run `work` and give its result as a future; cancelling the future cancels the work."""
        future: Future[T] = Future()

        def settle(outcome: Outcome[T]) -> None:
            try:
                if isinstance(outcome, Success):
                    future.set_result(outcome.value)
                else:
                    future.set_exception(outcome.error)
            except InvalidStateError:
                return  # the caller cancelled it: nobody waits

        handle = self.begin(work, settle, timeout_seconds=timeout_seconds)
        future.add_done_callback(lambda done: handle.cancel() if done.cancelled() else None)
        return future

    def stop(self, *, grace_seconds: float = 5.0) -> bool:
        """Cancel, gather, stop, join. False when work did not heed its cancellation within the grace, or the thread hangs."""
        with self._lock:
            self._stopping = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return True
        heeded: Future[bool] = Future()
        if thread.is_alive():
            loop.call_soon_threadsafe(lambda: self._wind_up(grace_seconds, heeded))
            thread.join(grace_seconds + 1.0)
        return not thread.is_alive() and (not heeded.done() or heeded.result())

    def _wind_up(self, grace_seconds: float, heeded: Future[bool]) -> None:
        loop = asyncio.get_running_loop()

        async def cancel_and_gather() -> None:
            mine = asyncio.current_task()
            rest = [task for task in asyncio.all_tasks() if task is not mine]
            for task in rest:
                task.cancel()
            pending = (await asyncio.wait(rest, timeout=grace_seconds))[1] if rest else set()
            await loop.shutdown_asyncgens()
            if not heeded.done():
                heeded.set_result(not pending)
            loop.stop()

        self._closing = loop.create_task(cancel_and_gather())  # kept, since a loop holds its tasks weakly

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(_log_unhandled)
        finished = False
        while not finished:
            try:
                loop.run_forever()
                finished = True
            except BaseException as error:  # noqa: BLE001 a SystemExit in a task of somebody's task must not end all I/O
                logger.bind(error_type=type(error).__name__).error("a task raised out of the I/O loop")
        while self._unfinished:  # what did not heed its cancellation is given up, so that nobody waits for it
            self._unfinished.popitem()[1]()
        asyncio.set_event_loop(None)
        loop.close()


def _log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio's own handler would write the exception's text, which may hold a secret (I7)."""
    logger.bind(error_type=type(context.get("exception")).__name__).error("unhandled on the I/O loop")
