"""The subscribers of a host's events, and the thread that calls them so that no actor waits for one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from reconcile_actors.kernel.dead_letters import DeadLetterReason, DeadLetters
from reconcile_actors.logger import logger

EVENT_LIMIT = 10_000


class CallbackSubscription:
    """See `Subscription`."""

    __slots__ = ("callback", "subscribers")

    def __init__(self, callback: Callable[[object], None], subscribers: Subscribers) -> None:
        self.callback = callback
        self.subscribers = subscribers

    def close(self) -> None:
        """See `Subscription.close`."""
        self.subscribers.remove(self)


class Subscribers:
    """Calls all of them with an event. One that raises is counted and stays."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters
        self._lock = threading.Lock()
        self._subscriptions: tuple[CallbackSubscription, ...] = ()

    def add(self, callback: Callable[[object], None]) -> CallbackSubscription:
        """One more."""
        subscription = CallbackSubscription(callback, self)
        with self._lock:
            self._subscriptions += (subscription,)
        return subscription

    def remove(self, subscription: CallbackSubscription) -> None:
        """One less."""
        with self._lock:
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

    def call(self, event: object) -> None:
        """Give them an event."""
        for subscription in self._subscriptions:
            try:
                subscription.callback(event)
            except Exception as error:  # noqa: BLE001 the others still want their events
                self._dead_letters.add(DeadLetterReason.SUBSCRIBER_FAILED, event, to="", sender=None)
                logger.bind(error_type=type(error).__name__).error("a subscriber failed")


class EventThread:
    """Calls subscribers on a thread of its own. What they do not keep up with is dropped and counted (I12)."""

    def __init__(self, subscribers: Subscribers, dead_letters: DeadLetters, limit: int = EVENT_LIMIT) -> None:
        self._subscribers = subscribers
        self._dead_letters = dead_letters
        self._limit = limit
        self._events: deque[object] = deque()
        self._filled = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._stopped = False

    def put(self, event: object) -> None:
        """Have it delivered; never blocks."""
        with self._filled:
            if self._stopped or len(self._events) >= self._limit:
                self._dead_letters.add(DeadLetterReason.EVENT_OVERFLOW, event, to="", sender=None)
                return
            self._events.append(event)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kernel-events", daemon=True)
                self._thread.start()
            self._filled.notify()

    def stop(self, *, join_seconds: float = 2.0) -> None:
        """Deliver what is there, then end."""
        with self._filled:
            self._stopped = True
            self._filled.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(join_seconds)

    def _run(self) -> None:
        while True:
            with self._filled:
                while not self._events and not self._stopped:
                    self._filled.wait()
                if not self._events:
                    return
                event = self._events.popleft()
            self._subscribers.call(event)
