"""The deterministic host: virtual time, seeded order, I/O on a virtual loop."""

from __future__ import annotations

import asyncio

import pytest
from kernel_fakes import SECRET, Do, Doer, fail

from reconcile_actors.kernel.behaviour import Behaviour, Context, Failure, Success
from reconcile_actors.kernel.deterministic_host import EPOCH_START, DeterministicHost, NothingHappened
from reconcile_actors.kernel.probe import Probe


class Ticker(Behaviour):
    """Ticks every second, with I/O at each tick."""

    def __init__(self) -> None:
        self.ticks = 0

    def started(self, context: Context) -> None:
        context.schedule(1, "tick")

    def receive(self, context: Context, message: object) -> None:
        if message == "tick":
            self.ticks += 1
            context.schedule(1, "tick")
            context.run(self.work, lambda outcome: outcome)
        elif isinstance(message, Success):
            context.publish(("ticked", context.name, self.ticks))

    async def work(self) -> None:
        await asyncio.sleep(0.1)


def test_the_same_seed_gives_the_same_trace() -> None:
    """A run is a function of its seed, over many seeds; different seeds give different orders."""

    def run(seed: int) -> list[str]:
        host = DeterministicHost(seed)
        for name in "abcd":
            host.spawn(name, Ticker)
        host.advance(10)
        host.stop()
        return host.trace

    traces = {seed: run(seed) for seed in range(30)}
    for seed, trace in traces.items():
        assert run(seed) == trace, f"seed {seed}"
    assert len({tuple(trace) for trace in traces.values()}) == len(traces)


def test_time_is_virtual(turns: DeterministicHost) -> None:
    """An hour passes in no time, the date with it, and the clock shows exactly what was asked for."""
    turns.spawn("ticker", Ticker)
    events: list[object] = []
    turns.subscribe(events.append)
    turns.advance(3600.5)
    assert turns.now == turns.clock.monotonic() == 3600.5
    assert (turns.clock.utc() - EPOCH_START).total_seconds() == 3600.5
    assert events[-1] == ("ticked", "ticker", 3600)


def test_waiting_for_something(turns: DeterministicHost) -> None:
    """`run_until` stops as soon as the predicate holds, and says with seed and time when it never does."""
    events: list[object] = []
    turns.subscribe(events.append)
    turns.spawn("ticker", Ticker)
    turns.run_until(lambda: len(events) == 3)
    assert 3 < turns.now < 3.3
    with pytest.raises(NothingHappened, match=r"not within 5 virtual seconds \(seed 7"):
        turns.run_until(lambda: False, limit_seconds=5)
    with pytest.raises(NothingHappened, match="not within 3 steps"):
        turns.run_until(lambda: False, limit_steps=3)
    quiet = DeterministicHost()
    with pytest.raises(NothingHappened):
        quiet.run_until(lambda: False)


def test_idle_is_when_no_message_waits_and_no_io_is_under_way(turns: DeterministicHost) -> None:
    """`run_until_idle` lets time pass for I/O but not for timers by themselves; I/O that hangs ends it too."""
    probe = Probe(turns)
    turns.run_until_idle()
    assert turns.now == 0

    async def work() -> str:
        await asyncio.sleep(5)
        return "done"

    probe.run(lambda context: (context.schedule(100, "later"), context.run(work, lambda outcome: outcome.value)))
    turns.run_until_idle()
    assert probe.waiting == ("done",)
    assert 5 <= turns.now < 5.2

    async def hang() -> None:
        await asyncio.Event().wait()

    probe.run(lambda context: context.run(hang, lambda outcome: outcome))
    turns.run_until_idle()
    assert probe.waiting == ("done", "later")


def test_a_host_that_never_rests_is_found_out(turns: DeterministicHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Actors that keep telling themselves something end the run with an error, not a hang."""
    monkeypatch.setattr("reconcile_actors.kernel.deterministic_host.LIMIT_STEPS", 100)

    class Restless(Behaviour):
        def receive(self, context: Context, message: object) -> None:
            context.tell(context.name, message)

    turns.spawn("restless", Restless)
    turns.tell("restless", "go")
    with pytest.raises(NothingHappened, match="no rest"):
        turns.settle()
    with pytest.raises(NothingHappened, match="not idle"):
        turns.run_until_idle(limit_steps=100)
    assert turns.stop() == ()


def test_a_stop_ends_though_an_actor_neither_ends_nor_rests(
    turns: DeterministicHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An actor that defers its end for ever, busily, is abandoned after a bounded number of steps."""
    monkeypatch.setattr("reconcile_actors.kernel.deterministic_host.LIMIT_STEPS", 100)

    class Restless(Behaviour):
        def receive(self, context: Context, message: object) -> None:
            context.tell(context.name, message)

        def stop_requested(self, context: Context) -> bool:
            return False

    turns.spawn("restless", Restless)
    turns.tell("restless", "go")
    assert turns.stop() == ("restless",)


def test_the_world_outside_can_act_at_a_virtual_time(turns: DeterministicHost) -> None:
    """`call_later` lets a test's world change while actors run."""
    probe = Probe(turns)
    turns.call_later(5, lambda: turns.tell("probe", "world"))
    turns.call_later(4, lambda: turns.tell("probe", "never")).cancel()
    assert probe.expect(str, within_seconds=6) == "world"
    assert turns.now == 5


def test_requests_from_a_test(turns: DeterministicHost) -> None:
    """`request` asks, runs and gives the answer, or raises what the ask ended in."""
    turns.spawn("echo", Doer)
    assert turns.request("echo", "hello") == "hello"
    with pytest.raises(TimeoutError):
        turns.request("echo", Do(lambda context: None))


def test_nobody_runs_the_host_from_inside(turns: DeterministicHost) -> None:
    """An actor or subscriber that tries to run the host gets an error: turns do not nest."""
    probe = Probe(turns)
    errors: list[str] = []

    def run(_: object) -> None:
        with pytest.raises(RuntimeError):
            turns.settle()
        errors.append("refused")

    turns.subscribe(run)
    probe.run(lambda context: context.publish("event"))
    probe.run(run)
    assert errors == ["refused", "refused"]


def test_io_interleaves_in_virtual_time(turns: DeterministicHost) -> None:
    """Two coroutines wait side by side, with timeouts, tasks and locks of asyncio on virtual time."""
    probe = Probe(turns)
    log: list[str] = []
    lock: list[asyncio.Lock] = []

    async def work(name: str, seconds: float) -> str:
        loop = asyncio.get_running_loop()
        assert loop.is_running()
        assert not loop.is_closed()
        if not lock:
            lock.append(asyncio.Lock())
        began = loop.time()
        results = await asyncio.gather(asyncio.sleep(seconds, name), asyncio.create_task(asyncio.sleep(0, "x")))
        async with lock[0]:
            log.append(f"{name} after {loop.time() - began:.1f}")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.create_future(), 0.5)
        return str(results[0])

    def begin(context: Context) -> None:
        context.run(lambda: work("slow", 3), lambda outcome: outcome.value)
        context.run(lambda: work("fast", 1), lambda outcome: outcome.value)

    probe.run(begin)
    assert probe.expect(str, within_seconds=10) == "fast"
    assert probe.expect(str, within_seconds=10) == "slow"
    assert log == ["fast after 1.0", "slow after 3.0"]
    assert 3.5 <= turns.now < 4


def test_seeded_delays_of_io() -> None:
    """Results come after a wait drawn from the range and the seed, and in orders that differ between seeds."""
    orders = set()
    for seed in range(20):
        host = DeterministicHost(seed, io_delay_seconds=(1.0, 2.0))
        probe = Probe(host)

        async def work(number: int) -> int:
            return number

        def begin(context: Context) -> None:
            for number in range(3):
                context.run(lambda number=number: work(number), lambda outcome: outcome.value)

        probe.run(begin)
        orders.add(tuple(probe.expect(int, within_seconds=10) for _ in range(3)))
        assert 2 <= host.now <= 4
    assert len(orders) > 3


def test_failures_of_io_take_time_too() -> None:
    """A failing coroutine's outcome is delayed like any other, and the timeout covers the delays."""
    host = DeterministicHost(3, io_delay_seconds=(1.0, 1.0))
    probe = Probe(host)

    async def bad() -> None:
        raise ConnectionError(SECRET)

    probe.run(lambda context: context.run(bad, lambda outcome: outcome))
    assert probe.expect(Failure, within_seconds=5).error_type == "ConnectionError"
    assert host.now == 2
    probe.run(lambda context: context.run(bad, lambda outcome: outcome, timeout_seconds=1.5))
    assert probe.expect(Failure, within_seconds=5).error_type == "TimeoutError"
    assert host.now == 3.5


def test_strange_coroutines_harm_nobody(turns: DeterministicHost) -> None:
    """A `SystemExit` in a nested task and a failure that nobody awaits are noted by type, and the host runs on."""
    probe = Probe(turns)

    async def child() -> None:
        raise SystemExit

    async def strange() -> str:
        loop = asyncio.get_running_loop()
        assert loop.get_debug() is False
        loop.call_soon_threadsafe(lambda: fail(ValueError))
        task = asyncio.create_task(child())
        await asyncio.wait([task], timeout=1)
        return str(type(task.exception()).__name__)

    probe.run(lambda context: context.run(strange, lambda outcome: outcome.value))
    assert probe.expect(str) == "SystemExit"
    assert sorted(turns._turns._loop.unhandled) == ["SystemExit", "ValueError"]


def test_a_host_beside_a_running_loop() -> None:
    """The host can be used inside a real loop's coroutine, which is itself undisturbed."""

    async def main() -> str:
        host = DeterministicHost(1)
        probe = Probe(host)

        async def work() -> str:
            await asyncio.sleep(100)
            return "virtual"

        probe.run(lambda context: context.run(work, lambda outcome: outcome.value))
        said = probe.expect(str, within_seconds=200)
        await asyncio.sleep(0)
        return said

    assert asyncio.run(main()) == "virtual"


def test_a_stop_lets_time_pass_only_as_needed(turns: DeterministicHost) -> None:
    """Virtual time moves on during a stop only while an actor needs it."""

    class Flusher(Doer):
        def stop_requested(self, context: Context) -> bool:
            context.schedule(2, Do(lambda context: context.stop()))
            return False

    turns.spawn("flusher", Flusher)
    assert turns.stop() == ()
    assert turns.now == 2


def test_work_that_was_never_begun_leaves_no_warning() -> None:
    """A host that is dropped with I/O under way does so without a word."""
    host = DeterministicHost(1)
    probe = Probe(host)

    async def work() -> None:
        await asyncio.sleep(1)

    probe.run(lambda context: context.run(work, lambda outcome: outcome))
    del probe, host
