"""Blocking work on a thread of its own, awaited: no pool stands between, so no other work can use it up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import TypeVar

T = TypeVar("T")


async def on_own_thread(work: Callable[[], T], *, name: str, daemon: bool = True) -> T:
    """The result of `work`, or what it raises. A cancelled caller goes on at once; the work is not stopped by it.

    asyncio's own pool has a few threads for the whole loop: forty password managers that hang would keep the forty-first
    account, and every name to be looked up, waiting. `daemon`: whether the interpreter may exit in the midst of it.
    """
    future: Future[T] = Future()

    def run() -> None:
        try:
            _settle(future.set_result, work())
        except BaseException as error:  # noqa: BLE001 whatever it raises goes to whoever awaits
            _settle(future.set_exception, error)

    threading.Thread(target=run, name=name, daemon=daemon).start()
    return await asyncio.wrap_future(future)


def _settle(settle: Callable[[T], None], value: T) -> None:
    try:
        settle(value)
    except InvalidStateError:
        return  # the caller was cancelled: nobody waits
