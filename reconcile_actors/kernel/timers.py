"""One thread for all timers of a host.

A thread of its own and not the I/O loop's: a deadline must pass even while that loop parses a large answer or hangs.
Callbacks run on this thread, so they only put messages into mailboxes and resolve futures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from reconcile_actors.kernel.clock import Clock, SystemClock
from reconcile_actors.kernel.timer_queue import TimerEntry, TimerQueue
from reconcile_actors.logger import logger


class Cancellable(Protocol):
    """Something begun that can be called off."""

    def cancel(self) -> None:
        """Call it off; nothing happens when it is over."""
        ...


class _Entry:
    """A queue's entry, cancelled under the thread's lock."""

    __slots__ = ("_entry", "_lock")

    def __init__(self, entry: TimerEntry, lock: threading.Condition) -> None:
        self._entry = entry
        self._lock = lock

    def cancel(self) -> None:
        with self._lock:
            self._entry.cancel()


class TimerThread:
    """Calls back at the time asked for. Starts with the first timer; a daemon, so it holds no interpreter open."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._queue = TimerQueue()
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._stopped = False

    def after(self, delay_seconds: float, callback: Callable[[], object]) -> Cancellable:
        """Call `callback` once, on the timer thread. After `stop` it is never called."""
        with self._changed:
            due = self._clock.monotonic() + delay_seconds
            earliest = self._queue.next_due()
            entry = self._queue.add(due, callback)
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="kernel-timers", daemon=True)
                self._thread.start()
            if earliest is None or due < earliest:
                self._changed.notify()  # only then: an ask sets a timer, and should not wake a thread each time
            return _Entry(entry, self._changed)

    def wake(self) -> None:
        """Look at the clock again; needed only when the clock is not the machine's."""
        with self._changed:
            self._changed.notify()

    def stop(self, *, join_seconds: float = 2.0) -> None:
        """Call nothing any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(join_seconds)

    def _run(self) -> None:
        while (callback := self._wait_for_due()) is not None:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 one bad callback must not end everybody's deadlines
                logger.bind(error_type=type(error).__name__).error("a timer's callback failed")

    def _wait_for_due(self) -> Callable[[], object] | None:
        with self._changed:
            while not self._stopped:
                now = self._clock.monotonic()
                callback = self._queue.pop_due(now)
                if callback is not None:
                    return callback
                due = self._queue.next_due()
                # the longest wait that a lock takes is 292 years; past it `wait` raises, and every deadline would end with it
                self._changed.wait(None if due is None else min(due - now, threading.TIMEOUT_MAX))
            return None
