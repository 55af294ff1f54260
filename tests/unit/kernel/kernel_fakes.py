"""Behaviours and helpers that the kernel's tests share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from reconcile_actors.kernel.behaviour import Behaviour, Context
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.kernel.pykka_host import PykkaHost

SECRET = "s3cr3t-1234.56"

EXCEPTIONS: tuple[type[BaseException], ...] = (
    ValueError,
    asyncio.CancelledError,
    SystemExit,
    KeyboardInterrupt,
    RecursionError,
)


@contextmanager
def running_pykka_host() -> Iterator[PykkaHost]:
    """A host on threads with its own I/O loop, both ended on the way out."""
    io = IoLoop().start()
    host = PykkaHost(io, seed=7)
    try:
        yield host
    finally:
        host.stop()
        assert io.stop()


@dataclass(frozen=True)
class Do:
    """Run this with the actor's context."""

    action: Callable[[Context], object]


class Doer(Behaviour):
    """Runs what it is told to run, and answers anything else with itself."""

    def __init__(self) -> None:
        self.kept: object = None

    def receive(self, context: Context, message: object) -> None:
        if isinstance(message, Do):
            message.action(context)
        else:
            context.reply(message)


def fail(error: type[BaseException]) -> None:
    """Raise it, with a text that must not get anywhere."""
    if error is RecursionError:
        recurse()
    raise error(SECRET)


def recurse() -> None:
    recurse()


def resolved(probe: Probe, future: Future[object]) -> object:
    """Run or wait until the future is resolved; its result, or the exception as a value."""
    if isinstance(probe.host, DeterministicHost):
        probe.host.run_until(future.done)
    error = future.exception(timeout=5)
    return future.result() if error is None else error
