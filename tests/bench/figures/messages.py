"""What a message costs: through the kernel, with its envelope, bound, deadline and dead letters, and through bare Pykka."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from reconcile_actors.kernel.behaviour import Behaviour, Context
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.pykka_host import PykkaHost
from tests.bench.baselines.bare_pykka import Counter
from tests.bench.figure import Figure, Line, Size, Spread, baseline

_NAME = "counter"


class CountingBehaviour(Behaviour):
    """The same as the bare actor: counts what it is told, answers what it is asked."""

    def __init__(self, expected: int, done: threading.Event) -> None:
        self._left = expected
        self._done = done

    def receive(self, context: Context, message: object) -> None:
        """One message."""
        self._left -= 1
        if self._left == 0:
            self._done.set()
        envelope = context.envelope
        if envelope is not None and envelope.reply_to is not None:
            context.reply(message)


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    tells, asks, runs = size.pick(20_000, 100), size.pick(2_000, 20), size.pick(7, 1)
    samples: dict[str, list[float]] = {"tell": [], "bare tell": [], "ask": [], "bare ask": []}
    io = IoLoop()
    io.start()
    host = PykkaHost(io)
    try:
        for _ in range(runs):
            samples["tell"].append(_tell(host, tells))
            samples["bare tell"].append(_bare_tell(tells))
            samples["ask"].append(_ask(host, asks))
            samples["bare ask"].append(_bare_ask(asks))
    finally:
        host.stop(deadline_seconds=5)
        io.stop()
    return [
        Line("tell, sent and handled", "us", Spread.of(samples["tell"]), Spread.of(samples["bare tell"])),
        Line("ask, there and back", "us", Spread.of(samples["ask"]), Spread.of(samples["bare ask"])),
    ]


def _tell(host: PykkaHost, count: int) -> float:
    done = threading.Event()
    name = f"{_NAME}-{id(done)}"
    host.spawn(name, lambda: CountingBehaviour(count, done), mailbox_limit=count)
    started = time.perf_counter()
    for number in range(count):
        host.tell(name, number)
    assert done.wait(60), "every message is handled"
    return (time.perf_counter() - started) / count * 1e6


def _bare_tell(count: int) -> float:
    done = threading.Event()
    actor = Counter.start(count, done)
    started = time.perf_counter()
    for number in range(count):
        actor.tell(number)
    assert done.wait(60), "every message is handled"
    seconds = time.perf_counter() - started
    actor.stop()
    return seconds / count * 1e6


def _ask(host: PykkaHost, count: int) -> float:
    done = threading.Event()
    name = f"{_NAME}-{id(done)}"
    host.spawn(name, lambda: CountingBehaviour(count, done))
    started = time.perf_counter()
    for number in range(count):
        host.ask(name, number, timeout_seconds=60).result()
    return (time.perf_counter() - started) / count * 1e6


def _bare_ask(count: int) -> float:
    actor = Counter.start(count, threading.Event())
    started = time.perf_counter()
    for number in range(count):
        actor.ask(number, timeout=60)
    seconds = time.perf_counter() - started
    actor.stop()
    return seconds / count * 1e6


FIGURE = Figure("messages", "tell and ask beside bare Pykka", measure, (baseline("bare_pykka"),))
