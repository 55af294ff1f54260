"""A bounded mailbox that refuses instead of blocking, lets a stop overtake the backlog, and closes for good.

Closing and offering exclude each other: a message is either in the mailbox before it closes, and is accounted for by
whoever closes it, or its sender is told. No message is lost in between.
"""

from __future__ import annotations

import threading
from collections import deque
from enum import Enum
from typing import Literal

from reconcile_actors.kernel.envelope import Envelope


class Signal(Enum):
    """What `take` and `wait` give besides messages."""

    STOP = "stop"
    CLOSED = "closed"


class Mailbox:
    """The messages that wait for one incarnation. Thread-safe."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("a mailbox holds at least one message")
        self._limit = limit
        self._waiting: deque[Envelope] = deque()
        self._filled = threading.Condition(threading.Lock())
        self._stop = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def closed(self) -> bool:
        """Whether it takes nothing any more."""
        return self._closed

    @property
    def has_next(self) -> bool:
        """Whether `take` would give something to handle."""
        return not self._closed and (self._stop or bool(self._waiting))

    def offer(self, envelope: Envelope, *, exempt: bool = False) -> Literal["full", "dead"] | None:
        """Put a message in; None when it is in, else why not. `exempt` ones are not held to the bound."""
        with self._filled:
            if self._closed:
                return "dead"
            if not exempt and len(self._waiting) >= self._limit:
                return "full"
            self._waiting.append(envelope)
            self._filled.notify()
            return None

    def request_stop(self) -> bool:
        """Let the next thing taken be a stop. False when closed already."""
        with self._filled:
            if self._closed:
                return False
            self._stop = True
            self._filled.notify()
            return True

    def take(self) -> Envelope | Signal | None:
        """The next thing, without waiting; None when there is none."""
        with self._filled:
            return self._next()

    def wait(self) -> Envelope | Signal:
        """The next thing, waiting for it."""
        with self._filled:
            while (item := self._next()) is None:
                self._filled.wait()
            return item

    def close(self) -> list[Envelope]:
        """Take nothing any more, and give out what was waiting."""
        with self._filled:
            self._closed = True
            rest = list(self._waiting)
            self._waiting.clear()
            self._filled.notify_all()
            return rest

    def _next(self) -> Envelope | Signal | None:
        if self._closed:
            return Signal.CLOSED
        if self._stop:
            self._stop = False
            return Signal.STOP
        return self._waiting.popleft() if self._waiting else None
