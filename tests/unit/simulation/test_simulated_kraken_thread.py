"""The exchange in a thread of its own: for programs without an event loop."""

import asyncio
import json
import threading
import urllib.request

import pytest

from reconcile_actors.simulation import SimulatedKraken
from reconcile_actors.simulation.threaded import LoopThread


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def test_a_synchronous_program_can_use_it():
    """It answers, its account may be changed from the outside, and closing twice is closing once."""
    with SimulatedKraken.start_in_thread(seed=1) as kraken:
        kraken.market.step(0.0)
        answer = get(f"{kraken.base_url}/api.kraken.com/0/public/Ticker?pair=XBTUSD")
        assert answer["result"]["XXBTZUSD"]["c"][0] == f"{kraken.market.price('XBTUSD')}0000"
        kraken.faults.clear()
    kraken.close()
    with pytest.raises(RuntimeError):
        _ = kraken.base_url


def test_closing_what_never_ran_in_a_thread_is_nothing():
    """An exchange on the caller's loop is stopped, not closed."""
    SimulatedKraken().close()


def test_a_forgotten_server_stops_by_itself():
    """Its thread ends with its lifetime, and closing afterwards is harmless."""
    kraken = SimulatedKraken.start_in_thread(lifetime_seconds=0.01)
    kraken._thread._thread.join(timeout=30)
    assert not kraken._thread._thread.is_alive()
    kraken.close()


def test_a_forgotten_server_on_the_caller_s_loop_stops_too():
    """The lifetime holds there as well; stopping early calls it off."""

    async def story() -> None:
        kraken = SimulatedKraken(lifetime_seconds=0.01)
        await kraken.start()
        await kraken._expiry
        with pytest.raises(RuntimeError):
            _ = kraken.base_url
        async with SimulatedKraken(lifetime_seconds=600):
            pass

    asyncio.run(story())


def test_a_failing_start_is_told_to_the_caller():
    """A port that is taken raises where the server was asked for."""
    with SimulatedKraken.start_in_thread() as kraken, pytest.raises(OSError, match="address already in use"):
        SimulatedKraken.start_in_thread(port=int(kraken.base_url.rpartition(":")[2]))


def test_closing_a_loop_that_has_just_ended_is_harmless():
    """The loop may close between the question whether it lives and the call to stop it."""
    ended = threading.Event()

    async def start() -> None:
        return None

    async def stop() -> None:
        return None

    thread = LoopThread(start, stop, None)
    thread.open()
    loop = thread._loop

    class Closed:
        def call_soon_threadsafe(self, callback) -> None:
            loop.call_soon_threadsafe(callback)
            ended.set()
            raise RuntimeError("Event loop is closed")

    thread._loop = Closed()
    thread.close()
    assert ended.is_set()
