"""Callbacks ordered by the time at which they are due. Knows no clock; not thread-safe by itself."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from itertools import count

COMPACT_FROM = 64


class TimerEntry:
    """One callback to come."""

    __slots__ = ("callback", "due", "queue")

    def __init__(self, due: float, callback: Callable[[], object], queue: TimerQueue) -> None:
        self.due = due
        self.callback: Callable[[], object] | None = callback
        self.queue = queue

    def cancel(self) -> None:
        """It will not be called; nothing happens if it was."""
        if self.callback is not None:
            self.callback = None
            self.queue.note_cancelled()


class TimerQueue:
    """A heap; equal times come in the order in which they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, TimerEntry]] = []
        self._order = count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, due: float, callback: Callable[[], object]) -> TimerEntry:
        """Remember a callback. Raises ValueError for a time that is no number: nothing could be ordered by it."""
        if math.isnan(due):
            raise ValueError("a timer is due at a number of seconds")
        entry = TimerEntry(due, callback, self)
        heapq.heappush(self._heap, (due, next(self._order), entry))
        return entry

    def next_due(self) -> float | None:
        """When the earliest is due; None when there is none."""
        self._drop_cancelled()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Callable[[], object] | None:
        """The earliest callback that is due at `now`, taken out."""
        self._drop_cancelled()
        if not self._heap or self._heap[0][0] > now:
            return None
        entry = heapq.heappop(self._heap)[2]
        callback, entry.callback = entry.callback, None
        return callback

    def note_cancelled(self) -> None:
        """An entry was cancelled: rebuild once most are, since an ask leaves one behind for each reply (I12)."""
        self._cancelled += 1
        if self._cancelled > COMPACT_FROM and self._cancelled * 2 > len(self._heap):
            self._heap = [item for item in self._heap if item[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def _drop_cancelled(self) -> None:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
