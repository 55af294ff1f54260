"""The I/O loop: outcomes are values, nothing ends it but `stop`, and a stop loses no outcome."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest
from kernel_fakes import EXCEPTIONS, SECRET, fail

from reconcile_actors.kernel.errors import HostStopped
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.outcome import Failure, Outcome


@pytest.fixture
def io():
    loop = IoLoop().start()
    yield loop
    assert loop.stop()


async def hang() -> None:
    await asyncio.Event().wait()


async def give(value: int) -> int:
    return value


def test_a_result_and_a_failure(io: IoLoop) -> None:
    """A submitted coroutine's result, exception or timeout is in its future."""

    async def bad() -> None:
        raise LookupError("x")

    assert io.submit(lambda: give(3)).result(timeout=5) == 3
    assert isinstance(io.submit(bad).exception(timeout=5), LookupError)
    assert isinstance(io.submit(hang, timeout_seconds=0.01).exception(timeout=5), TimeoutError)


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_nothing_that_a_coroutine_raises_ends_the_loop(io: IoLoop, error: type[BaseException]) -> None:
    """Whatever type is raised comes back as a failure, and the loop serves the next."""

    async def bad() -> None:
        fail(error)

    outcomes: list[Outcome[None]] = []
    told = threading.Event()
    io.begin(bad, lambda outcome: (outcomes.append(outcome), told.set()))
    assert told.wait(5)
    assert isinstance(outcomes[0], Failure)
    assert outcomes[0].error_type == error.__name__
    assert io.submit(lambda: give(3)).result(timeout=5) == 3


def test_a_nested_task_that_exits_does_not_end_the_loop(io: IoLoop, log: list[str]) -> None:
    """A `SystemExit` in a task that a client made for itself is logged by type, and the loop goes on."""

    async def child() -> None:
        raise SystemExit(SECRET)

    async def parent() -> None:
        await asyncio.gather(asyncio.create_task(child()), return_exceptions=True)

    io.submit(parent, timeout_seconds=1).exception(timeout=5)
    assert io.submit(lambda: give(3)).result(timeout=5) == 3
    assert "a task raised out of the I/O loop" in "".join(log)
    assert SECRET not in "".join(log)


def test_what_nobody_awaits_is_logged_without_its_text(io: IoLoop, log: list[str]) -> None:
    """asyncio's report of a failure that nobody awaited names the type alone (I7)."""

    async def raises() -> None:
        asyncio.get_running_loop().call_soon(lambda: fail(ValueError))

    io.submit(raises).result(timeout=5)
    assert io.submit(lambda: give(3)).result(timeout=5) == 3
    assert "ValueError" in "".join(log)
    assert SECRET not in "".join(log)


def test_cancelling_a_future_cancels_its_work(io: IoLoop) -> None:
    """A cancelled future's coroutine is cancelled, before its first step as well."""
    begun, cancelled = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await hang()
        finally:
            cancelled.set()

    future = io.submit(work)
    assert begun.wait(5)
    assert future.cancel()
    assert cancelled.wait(5)
    gate = threading.Event()
    io.call_soon(lambda: gate.wait(5))
    ran: list[int] = []

    async def never() -> None:
        ran.append(1)

    early = io.submit(never)
    assert early.cancel()
    gate.set()
    assert io.submit(lambda: give(3)).result(timeout=5) == 3
    assert ran == []


def test_a_stop_cancels_and_answers_all() -> None:
    """What is under way at a stop is cancelled, gathered and answered; later work is refused at once."""
    io = IoLoop().start()
    cleaned: list[str] = []

    async def clean() -> None:
        try:
            await hang()
        finally:
            await asyncio.sleep(0)
            cleaned.append("connection")

    running = io.submit(clean)
    assert io.submit(lambda: give(3)).result(timeout=5) == 3
    assert io.stop()
    assert isinstance(running.exception(timeout=5), asyncio.CancelledError | CancelledError)
    assert cleaned == ["connection"]
    assert isinstance(io.submit(lambda: give(3)).exception(timeout=5), HostStopped)
    assert not io.call_soon(lambda: None)
    assert io.stop()
    with pytest.raises(RuntimeError):
        io.start()


def test_work_that_does_not_heed_its_cancellation(log: list[str]) -> None:
    """A coroutine that will not be cancelled is given up after the grace; `stop` says so, and its waiter is answered."""
    io = IoLoop().start()
    begun = threading.Event()

    async def deaf() -> None:
        begun.set()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    future = io.submit(deaf)
    assert begun.wait(5)
    assert not io.stop(grace_seconds=0.05)
    assert isinstance(future.exception(timeout=5), asyncio.CancelledError)
    assert future.done()


def test_a_loop_that_never_started() -> None:
    """Stopping what never ran is no matter, and its work is refused."""
    io = IoLoop()
    assert isinstance(io.submit(lambda: give(3)).exception(timeout=5), HostStopped)
    assert io.stop()
    with pytest.raises(RuntimeError):
        io.start()


def test_a_loop_is_started_once(io: IoLoop) -> None:
    """Clients bind to the first loop they see, so there is never a second."""
    with pytest.raises(RuntimeError):
        io.start()
