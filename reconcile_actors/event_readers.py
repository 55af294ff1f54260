"""Readers of events. Each has a place of its own, bounded, so that a slow one holds nobody up and learns what it missed."""

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Self, TypeVar

from reconcile_actors.errors import UnavailableError
from reconcile_actors.kernel.host import Subscription
from reconcile_actors.logger import logger
from reconcile_actors.messages import Event, EventsDropped

E = TypeVar("E", bound=Event)
EVENTS_MAX: Final = 10_000
Subscribe = Callable[[Callable[[object], None]], Subscription]


class _EndedError(Exception):
    """Nothing will come any more."""


class _Place:
    """What one reader has not read yet. Filled by the events' thread, emptied by any other; nobody waits inside."""

    def __init__(self, types: tuple[type[Event], ...], limit: int) -> None:
        self.dropped = 0
        self._types = types or (Event,)
        self._limit = limit
        self._lock = threading.Lock()
        self._events: deque[Event] = deque()
        self._gap: EventsDropped | None = None
        self._waiting: set[Callable[[], object]] = set()
        self._ended = False

    def put(self, event: object) -> None:
        """One more event; past the bound the oldest goes."""
        if not (isinstance(event, Event) and isinstance(event, self._types)):
            return
        with self._lock:
            if self._ended:
                return
            if len(self._events) >= self._limit:
                self._drop_oldest()
            self._events.append(event)
        self._wake()

    def _drop_oldest(self) -> None:
        lost = self._events.popleft()
        self.dropped += 1
        if self.dropped == 1:
            logger.bind(kept=self._limit).warning("a reader of events is too slow: the oldest are dropped for it")
        count = 1 if self._gap is None else self._gap.count + 1
        self._gap = EventsDropped(at=lost.at, count=count)

    def take(self, on_change: Callable[[], object]) -> Event | None:
        """The next event; None when there is none yet: then `on_change` is called once there may be. Raises _EndedError."""
        with self._lock:
            gap, self._gap = self._gap, None
            if gap is not None and issubclass(EventsDropped, self._types):
                return gap
            if self._events:
                return self._events.popleft()
            if self._ended:
                raise _EndedError
            self._waiting.add(on_change)
            return None

    def forget(self, on_change: Callable[[], object]) -> None:
        """The reader waits no longer."""
        with self._lock:
            self._waiting.discard(on_change)

    def end(self) -> None:
        """What is there may still be read; then the reader is at its end."""
        with self._lock:
            self._ended = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, set()
        for on_change in waiting:
            on_change()


class _Reader(Generic[E]):
    """What both kinds of readers have in common. One that nobody holds any more is forgotten by itself."""

    def __init__(self, place: _Place, subscription: Subscription) -> None:
        self._place = place
        self._close = weakref.finalize(self, _close, place, subscription)
        self._close.atexit = False

    @property
    def dropped(self) -> int:
        """How many events this reader was too slow for."""
        return self._place.dropped

    def close(self) -> None:
        """Listen no more: what has come may still be read, then the iteration ends. From any thread; twice is once."""
        self._close()


class EventStream(_Reader[E]):
    """Events for `async for`. It listens from the moment it is made."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        """The next event. The iteration ends when the system is left, or the stream closed."""
        loop = asyncio.get_running_loop()
        while True:
            changed = loop.create_future()
            wake = _waker(loop, changed)
            try:
                event = self._place.take(wake)
                if event is not None:
                    return event  # type: ignore[return-value] # of the types that were asked for
                await changed
            except _EndedError:
                raise StopAsyncIteration from None
            finally:
                self._place.forget(wake)

    async def aclose(self) -> None:
        """`close`, under the name that asynchronous generators have for it."""
        self.close()


class EventIterator(_Reader[E]):
    """Events for `for`, in threads. It listens from the moment it is made."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        """The next event; waits as long as it takes. The iteration ends when the system is left, or the iterator closed."""
        try:
            return self._next(None)
        except _EndedError:
            raise StopIteration from None

    def get(self, timeout: float) -> E:
        """The next event. Raises TimeoutError where none comes within `timeout` seconds, UnavailableError at the end."""
        try:
            return self._next(timeout)
        except _EndedError:
            raise UnavailableError("there are no more events: the system was left, or this iterator closed") from None

    def _next(self, timeout: float | None) -> E:
        while True:
            changed = threading.Event()
            try:
                event = self._place.take(changed.set)
                if event is not None:
                    return event  # type: ignore[return-value] # of the types that were asked for
                if not changed.wait(timeout):
                    raise TimeoutError("no event in time: wait again, or see why nothing happens (GetStatus)")
            finally:
                self._place.forget(changed.set)


class EventReaders:
    """Every reader of one system."""

    def __init__(self, limit: int = EVENTS_MAX) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._places: weakref.WeakSet[_Place] = weakref.WeakSet()

    def stream(self, subscribe: Subscribe, types: tuple[type[Event], ...]) -> EventStream[Event]:
        """One more, for a loop."""
        return EventStream(*self._listen(subscribe, types))

    def iterator(self, subscribe: Subscribe, types: tuple[type[Event], ...]) -> EventIterator[Event]:
        """One more, for a thread."""
        return EventIterator(*self._listen(subscribe, types))

    def _listen(self, subscribe: Subscribe, types: tuple[type[Event], ...]) -> tuple[_Place, Subscription]:
        place = _Place(types, self._limit)
        with self._lock:
            self._places.add(place)
        return place, subscribe(place.put)

    def end(self) -> None:
        """The system is left: every reader comes to its end."""
        with self._lock:
            places = list(self._places)
        for place in places:
            place.end()


def _close(place: _Place, subscription: Subscription) -> None:
    subscription.close()
    place.end()


def _waker(loop: asyncio.AbstractEventLoop, changed: "asyncio.Future[None]") -> Callable[[], None]:
    def set_it() -> None:
        if not changed.done():
            changed.set_result(None)

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(set_it)

    return wake
