"""Blocking work beside a loop: many at once, each with its own end, none in another's way."""

from __future__ import annotations

import asyncio
import threading

import pytest

from reconcile_actors.kernel.own_thread import on_own_thread

PATIENCE_SECONDS = 30


def test_a_hundred_that_hang_do_not_delay_the_next() -> None:
    """More than any pool holds are stuck; the next has its result all the same."""
    release = threading.Event()

    async def run() -> list[bool]:
        stuck = [asyncio.ensure_future(on_own_thread(release.wait, name="stuck")) for _ in range(100)]
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await on_own_thread(lambda: 7, name="next") == 7
        release.set()
        return await asyncio.gather(*stuck)

    assert asyncio.run(run()) == [True] * 100


def test_what_it_raises_goes_to_who_waits() -> None:
    """As if it had been called in place."""

    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(on_own_thread(fail, name="failing"))


@pytest.mark.parametrize("fails", [False, True])
def test_a_cancelled_caller_goes_on(fails: bool) -> None:
    """It does not wait for the work, and the work's end harms nobody."""
    release, ended = threading.Event(), threading.Event()

    def work() -> None:
        release.wait()
        ended.set()
        if fails:
            raise ZeroDivisionError

    async def run() -> None:
        future = asyncio.ensure_future(on_own_thread(work, name="left"))
        await asyncio.sleep(0)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future

    asyncio.run(run())
    release.set()
    assert ended.wait(PATIENCE_SECONDS)
    for thread in threading.enumerate():
        if thread.name == "left":
            thread.join(PATIENCE_SECONDS)
