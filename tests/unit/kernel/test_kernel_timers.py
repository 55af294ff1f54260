"""The timer queue by itself, and the thread that serves it, on a clock of the test's own."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from kernel_fakes import SECRET

from reconcile_actors.kernel.clock import SystemClock
from reconcile_actors.kernel.timer_queue import COMPACT_FROM, TimerQueue
from reconcile_actors.kernel.timers import TimerThread


class HandClock:
    """Moves when the test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return datetime(2025, 1, 1, tzinfo=UTC)


def test_the_order_of_times() -> None:
    """The earliest comes first, equal ones in the order of adding, none before its time, none cancelled."""
    queue = TimerQueue()
    called: list[str] = []
    queue.add(2.0, lambda: called.append("late"))
    queue.add(1.0, lambda: called.append("first"))
    cancelled = queue.add(1.0, lambda: called.append("cancelled"))
    queue.add(1.0, lambda: called.append("second"))
    cancelled.cancel()
    cancelled.cancel()
    assert len(queue) == 3
    assert queue.next_due() == 1.0
    assert queue.pop_due(0.5) is None
    while (callback := queue.pop_due(1.5)) is not None:
        callback()
    assert called == ["first", "second"]
    assert (queue.next_due(), len(queue)) == (2.0, 1)
    assert queue.pop_due(2.0) is not None
    assert queue.next_due() is None
    assert queue.pop_due(9.0) is None


def test_cancelled_entries_do_not_pile_up() -> None:
    """An answered ask leaves a cancelled deadline behind; the queue drops them long before they are due (I12)."""
    queue = TimerQueue()
    keep = queue.add(5.0, lambda: None)
    for _ in range(100 * COMPACT_FROM):
        queue.add(10.0, lambda: None).cancel()
    assert len(queue._heap) <= 2 * COMPACT_FROM
    assert len(queue) == 1
    assert queue.next_due() == keep.due


def test_the_thread_calls_when_the_clock_says_so() -> None:
    """Callbacks come in the order of their times on the injected clock, and one that raises ends nothing."""
    clock = HandClock()
    timers = TimerThread(clock)
    called: list[str] = []
    done = threading.Event()
    timers.after(2.0, lambda: (called.append("b"), done.set()))
    timers.after(1.0, lambda: called.append("a"))
    timers.after(1.0, lambda: called.append("cancelled")).cancel()
    timers.after(0.5, lambda: 1 // 0)
    clock.now += 3.0
    timers.wake()
    assert done.wait(5)
    assert called == ["a", "b"]
    timers.stop()


def test_no_time_ends_the_thread() -> None:
    """A timer that is due in a thousand years, or never, delays no other; one that is due at no number is refused."""
    timers = TimerThread()
    for seconds in (float("inf"), 1e300, 3e10):
        timers.after(seconds, lambda: None)
    with pytest.raises(ValueError, match="number of seconds"):
        timers.after(float("nan"), lambda: None)
    waited = threading.Event()
    assert not waited.wait(0.05)  # the thread waits for the far one by now
    timers.after(0.0, waited.set)
    assert waited.wait(5)
    timers.stop()


def test_a_stopped_thread_calls_nothing(log: list[str]) -> None:
    """After `stop` no callback runs; stopping one that never ran, or from its own thread, is no matter."""
    timers = TimerThread()
    timers.stop()
    timers.after(0.0, lambda: log.append(SECRET))
    assert log == []
    inside = TimerThread(SystemClock())
    stopped = threading.Event()
    inside.after(0.0, lambda: (inside.stop(), stopped.set()))
    assert stopped.wait(5)
