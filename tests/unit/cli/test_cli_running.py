"""Signals: what runs is cancelled, cleans up, and the process ends with the signal's code."""

import asyncio
import signal
import subprocess
import sys

import pytest

from reconcile_actors.cli.running import run_async

WAITS = """
import asyncio, sys
from reconcile_actors.cli import main as m, running
{before}
async def work():
    try:
        print("ready", flush=True)
        await asyncio.Event().wait()
    finally:
        {cleanup}
        print("clean", flush=True)
m.cli.invoke = lambda context: running.run_async(work)
m.main(["status"])
"""


def _signalled(number: signal.Signals, cleanup: str = "pass", before: str = "") -> tuple[int, str, str]:
    """A process that waits in `run_async` and gets a signal: its exit code, stdout and stderr."""
    code = WAITS.format(cleanup=cleanup, before=before)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_its_code_after_cleaning_up(number: signal.Signals, code: int) -> None:
    """130 for SIGINT, 143 for SIGTERM, what was open is closed, and nothing is printed."""
    assert _signalled(number) == (code, "clean\n", "")


def test_cleaning_up_that_hangs_is_cut_off() -> None:
    """A disk that does not answer does not keep the process: the exit code is still the signal's."""
    code, out, _ = _signalled(
        signal.SIGTERM, cleanup="import threading; threading.Event().wait()", before="running.CLEANUP_SECONDS_MAX = 0.2"
    )
    assert (code, out) == (143, "")


def test_without_a_signal_the_result_comes_back() -> None:
    """And an error, or a cancellation of the work's own, is passed on as it is."""

    async def work() -> int:
        return 7

    async def failing() -> int:
        raise ZeroDivisionError

    async def cancelled() -> int:
        raise asyncio.CancelledError

    assert run_async(work) == 7
    with pytest.raises(ZeroDivisionError):
        run_async(failing)
    with pytest.raises(asyncio.CancelledError):
        run_async(cancelled)
