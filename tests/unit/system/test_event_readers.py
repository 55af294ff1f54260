"""Readers of events: bounded, told what they missed, forgotten when nobody holds them, ended with the system."""

import asyncio
import gc
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from reconcile_actors.errors import UnavailableError
from reconcile_actors.event_readers import EventReaders
from reconcile_actors.messages import ActorRestarted, Event, EventsDropped, ExchangeRecovered

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Source:
    """Subscribers, as a host keeps them."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[object], None]] = []

    def subscribe(self, callback: Callable[[object], None]) -> "Source._Place":
        self.callbacks.append(callback)
        return Source._Place(self, callback)

    def say(self, *events: object) -> None:
        for event in events:
            for callback in tuple(self.callbacks):
                callback(event)

    class _Place:
        def __init__(self, source: "Source", callback: Callable[[object], None]) -> None:
            self._source, self._callback = source, callback

        def close(self) -> None:
            self._source.callbacks.remove(self._callback)


def recovered(name: str) -> ExchangeRecovered:
    return ExchangeRecovered(exchange=name, at=NOON)


def restarted(epoch: int) -> ActorRestarted:
    return ActorRestarted(actor="audit", epoch=epoch, reason="KeyError", at=NOON)


def test_it_listens_from_the_moment_it_is_made() -> None:
    """What is said before the first look is there; types that were not asked for, and what is no event, are not."""
    source, readers = Source(), EventReaders()
    found = readers.iterator(source.subscribe, (ExchangeRecovered,))
    source.say(restarted(1), recovered("a"), object(), recovered("b"))
    found.close()
    assert list(found) == [recovered("a"), recovered("b")]
    everything = readers.iterator(source.subscribe, ())
    source.say(restarted(1), object(), recovered("a"))
    readers.end()
    assert list(everything) == [restarted(1), recovered("a")]


def test_a_slow_reader_loses_the_oldest_and_is_told() -> None:
    """Past its bound the oldest go: they are counted, and who asks for EventsDropped reads of them where they are missing."""
    source, readers = Source(), EventReaders(limit=3)
    one, all_of_them = (readers.iterator(source.subscribe, types) for types in ((ActorRestarted,), ()))
    source.say(*(restarted(number) for number in range(10)))
    assert (one.dropped, all_of_them.dropped) == (7, 7)
    assert one.get(1) == restarted(7)
    assert all_of_them.get(1) == EventsDropped(at=NOON, count=7)
    source.say(restarted(10), restarted(11))
    readers.end()
    assert list(one) == [restarted(9), restarted(10), restarted(11)]
    assert one.dropped == 8
    assert list(all_of_them) == [EventsDropped(at=NOON, count=2), restarted(9), restarted(10), restarted(11)]


def test_one_that_nobody_holds_is_forgotten() -> None:
    """A loop that was left by `break`, a cancelled task: nothing is kept for them."""
    source, readers = Source(), EventReaders()

    async def leave_by_cancelling() -> None:
        async def listen() -> None:
            async for _ in readers.stream(source.subscribe, ()):
                raise AssertionError

        task = asyncio.create_task(listen())
        await asyncio.sleep(0)
        assert len(source.callbacks) == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave_by_cancelling())
    gc.collect()
    assert source.callbacks == []
    listening = readers.iterator(source.subscribe, ())
    source.say(recovered("a"))
    for _ in listening:
        break
    del listening
    gc.collect()
    assert source.callbacks == []
    source.say(recovered("b"))
    readers.end()


def test_get_waits_only_so_long() -> None:
    """Without an event in time it says so, any number of times, and leaves nothing behind; at the end it says that."""
    source, readers = Source(), EventReaders()
    found = readers.iterator(source.subscribe, ())
    for _ in range(3):
        with pytest.raises(TimeoutError, match="no event in time"):
            found.get(0.001)
    assert found._place._waiting == set()
    found.close()
    found.close()
    with pytest.raises(UnavailableError, match="no more events"):
        found.get(1)


def test_a_thread_that_waits_hears_of_the_end() -> None:
    """`close` from another thread, and the end of the system, end a `for` that waits."""
    source, readers = Source(), EventReaders()
    for end in ("close", "end"):
        found = readers.iterator(source.subscribe, ())
        heard: list[Event] = []
        thread = threading.Thread(target=lambda found=found, heard=heard: heard.extend(found))
        thread.start()
        source.say(recovered("a"))
        if end == "close":
            found.close()
        else:
            readers.end()
        thread.join(30)
        assert not thread.is_alive()
        assert heard == [recovered("a")]


def test_readers_in_several_loops() -> None:
    """Each loop hears everything, whichever thread says it, and ends; a loop that was closed meanwhile harms nobody."""
    source, readers = Source(), EventReaders()
    heard: dict[int, list[Event]] = {0: [], 1: [], 2: []}
    ready = threading.Barrier(4, timeout=30)

    async def listen(number: int) -> None:
        stream = readers.stream(source.subscribe, ())
        ready.wait()
        async for event in stream:
            heard[number].append(event)

    threads = [threading.Thread(target=lambda number=number: asyncio.run(listen(number))) for number in heard]
    for thread in threads:
        thread.start()
    ready.wait()

    async def left_waiting() -> object:
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        return waiting

    loop = asyncio.new_event_loop()
    stream = readers.stream(source.subscribe, ())
    waiting = loop.run_until_complete(left_waiting())
    loop.close()
    said = [restarted(number) for number in range(500)]
    source.say(*said)
    readers.end()
    for thread in threads:
        thread.join(30)
    assert [heard[number] for number in heard] == [said] * 3
    waiting._log_destroy_pending = False  # type: ignore[attr-defined] # it was left behind on purpose


def test_a_stream_is_closed_as_a_generator_is() -> None:
    """`aclose` ends it: what has come is read, then the iteration ends."""
    source, readers = Source(), EventReaders()

    async def read() -> list[Event]:
        stream = readers.stream(source.subscribe, ())
        source.say(recovered("a"))
        await stream.aclose()
        source.say(recovered("b"))
        return [event async for event in stream]

    assert asyncio.run(read()) == [recovered("a")]
