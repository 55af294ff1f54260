"""The engine of the deterministic host: whose turn it is, virtual time, and I/O on a virtual loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from reconcile_actors.kernel.incarnation import Incarnation
from reconcile_actors.kernel.mailbox import Signal
from reconcile_actors.kernel.outcome import Failure, Outcome, attempt
from reconcile_actors.kernel.own_messages import Completed, Scheduled
from reconcile_actors.kernel.signals import Reason, reason_type
from reconcile_actors.kernel.timer_queue import TimerQueue
from reconcile_actors.kernel.timers import Cancellable
from reconcile_actors.kernel.virtual_loop import VirtualLoop

T = TypeVar("T")

EPOCH_START = datetime(2025, 1, 1, tzinfo=UTC)


class VirtualClock:
    """See `Clock`: virtual seconds, from 0 and from `EPOCH_START`. Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self.now

    def utc(self) -> datetime:
        """See `Clock.utc`."""
        return EPOCH_START + timedelta(seconds=self.now)


class Turns:
    """See `Engine`. Nothing happens but in `step`, and no time passes but in `move_to`."""

    def __init__(
        self, seed: int, io_delay_seconds: tuple[float, float], call_subscribers: Callable[[object], None]
    ) -> None:
        self.clock = VirtualClock()
        self.trace: list[str] = []
        self.io_in_flight = 0
        self._seed = seed
        self._random = Random(f"turns/{seed}")  # noqa: S311 the seed of a test
        self._io_delay_seconds = io_delay_seconds
        self._call_subscribers = call_subscribers
        self._timers = TimerQueue()
        # The type stubs call abstract what asyncio itself does not, and what coroutines never call.
        self._loop = VirtualLoop(self.clock.monotonic, self.after)  # type: ignore[abstract] # see above
        self._ready: list[Incarnation] = []
        self._places: dict[Incarnation, int] = {}
        self._events: deque[object] = deque()
        self._in_step = False

    # --- turns

    def step(self) -> bool:
        """Let one of the things happen that can happen now; False when there are none."""
        if self._in_step:
            raise RuntimeError("the host is taking a step already: actors and subscribers cannot run it")
        actors, loop_ready = len(self._ready), self._loop.has_ready
        due = self._timers.next_due()
        timer_due = due is not None and due <= self.clock.now
        choices = actors + loop_ready + timer_due
        if choices == 0:
            return False
        choice = int(self._random.random() * choices) if choices > 1 else 0
        self._in_step = True
        try:
            if choice < actors:
                self._take_turn(self._ready[choice])
            elif choice == actors and loop_ready:
                self._loop.run_ready()
            else:
                self._fire()
            while self._events:
                self._call_subscribers(self._events.popleft())
        finally:
            self._in_step = False
        return True

    def next_due(self) -> float | None:
        """When the next timer is due; None when nothing will ever happen by itself."""
        return self._timers.next_due()

    def move_to(self, time: float) -> None:
        """Let time pass; never back."""
        self.clock.now = max(self.clock.now, time)

    def _take_turn(self, incarnation: Incarnation) -> None:
        if incarnation.live and not incarnation.begun:
            self._note(incarnation, "started")
            incarnation.start()
        else:
            item = incarnation.mailbox.take()
            if item is not None and item is not Signal.CLOSED:
                self._note(incarnation, "stop" if isinstance(item, Signal) else _label(item.message))
                incarnation.handle(item)
        if not incarnation.mailbox.has_next:
            self._leave(incarnation)

    def _leave(self, incarnation: Incarnation) -> None:
        place = self._places.pop(incarnation, None)
        if place is None:
            return
        last = self._ready.pop()
        if last is not incarnation:
            self._ready[place] = last
            self._places[last] = place

    def _fire(self) -> None:
        callback = self._timers.pop_due(self.clock.now)
        if callback is not None:
            callback()

    def _note(self, incarnation: Incarnation, what: str) -> None:
        self.trace.append(f"{self.clock.now:.6f} {incarnation.name}#{incarnation.epoch} {what}")

    # --- what the kernel asks of an engine

    def launch(self, incarnation: Incarnation) -> None:
        """See `Engine.launch`."""
        self.wake(incarnation)

    def wake(self, incarnation: Incarnation) -> None:
        """See `Engine.wake`."""
        if incarnation not in self._places:
            self._places[incarnation] = len(self._ready)
            self._ready.append(incarnation)

    def after(self, delay_seconds: float, callback: Callable[[], object]) -> Cancellable:
        """See `Engine.after`."""
        return self._timers.add(self.clock.now + delay_seconds, callback)

    def begin(
        self,
        work: Callable[[], Awaitable[T]],
        on_outcome: Callable[[Outcome[T]], None],
        *,
        timeout_seconds: float | None = None,
    ) -> Cancellable:
        """See `Engine.begin`: `work` runs after a seeded wait, and another goes by before its outcome is told."""
        before, behind = (self._random.uniform(*self._io_delay_seconds) for _ in range(2))

        async def delayed() -> T:
            await asyncio.sleep(before)
            try:
                value = await work()
            except Exception:
                await asyncio.sleep(behind)
                raise
            await asyncio.sleep(behind)
            return value

        def done(task: asyncio.Task[Outcome[T]]) -> None:
            self.io_in_flight -= 1
            on_outcome(Failure(asyncio.CancelledError()) if task.cancelled() else task.result())

        self.io_in_flight += 1
        task = self._loop.start_task(attempt(delayed, timeout_seconds))
        task.add_done_callback(done)
        return _TaskHandle(task)

    def publish(self, event: object) -> None:
        """See `Engine.publish`."""
        self._events.append(event)

    def random_for(self, name: str, epoch: int) -> Random:
        """See `Engine.random_for`."""
        return Random(f"{self._seed}/{name}/{epoch}")  # noqa: S311 the seed of a test

    def ended(self, incarnation: Incarnation, reason: Reason) -> None:
        """See `Engine.ended`."""
        self._note(incarnation, f"ended {reason_type(reason)}")
        self._leave(incarnation)


class _TaskHandle:
    """Cancels a task."""

    __slots__ = ("_task",)

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task

    def cancel(self) -> None:
        """See `Cancellable.cancel`."""
        self._task.cancel()


def _label(message: object) -> str:
    if isinstance(message, Scheduled):
        return f"timer {type(message.message).__name__}"
    return "outcome" if isinstance(message, Completed) else type(message).__name__
