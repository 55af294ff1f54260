"""Runs a coroutine to its end, or to a signal: then it is cancelled, cleans up, and the command ends with the signal's code."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.interrupts import Terminated
from reconcile_actors.logger import logger

T = TypeVar("T")
CLEANUP_SECONDS_MAX: Final = 9.0  # the contract says 10 s from the signal to the end
_CODES: Final = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


def run_async(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of `work()`. SIGINT and SIGTERM cancel it; afterwards KeyboardInterrupt or Terminated is raised.

    Where cleaning up hangs (a disk that does not answer), the process is ended all the same: what was acknowledged is on
    disk already (I8), so nothing is lost by it.
    """
    received: list[signal.Signals] = []

    async def watched() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop(number: signal.Signals) -> None:
            if not received:
                _end_without_fail(number)
            received.append(number)
            task.cancel()

        for number in _CODES:
            loop.add_signal_handler(number, stop, number)
        return await work()

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError:
        if not received:
            raise
    raise KeyboardInterrupt if received[0] is signal.SIGINT else Terminated


def _end_without_fail(number: signal.Signals) -> None:
    def end() -> None:
        logger.bind(signal=number.name).error("cleaning up took too long: ended without it")
        os._exit(_CODES[number])  # a hung thread would keep an ordinary exit waiting for ever

    timer = threading.Timer(CLEANUP_SECONDS_MAX, end)
    timer.daemon = True  # never cancelled: it also covers the interpreter's own exit
    timer.start()
