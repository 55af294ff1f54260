"""What holds of the kernel for every seed and every order of events."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from random import Random

from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconcile_actors.kernel.backoff import Backoff
from reconcile_actors.kernel.behaviour import Behaviour, Context, Outcome
from reconcile_actors.kernel.child import ChildSpec
from reconcile_actors.kernel.circuit_breaker import BreakerSettings, CircuitBreaker
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.envelope import Envelope, ReplyTo
from reconcile_actors.kernel.errors import KernelError
from reconcile_actors.kernel.mailbox import Mailbox, Signal
from reconcile_actors.kernel.signals import (
    ChildParked,
    ChildRestarted,
    DescribeChildren,
    Healthy,
    ResumeChild,
    Terminated,
    Unhealthy,
)
from reconcile_actors.kernel.supervisor import Supervisor
from reconcile_actors.kernel.timer_queue import TimerQueue

NAMES = ("a", "b", "c")
ASK_SECONDS = 20.0


@dataclass(frozen=True)
class Request:
    """Answer with `number`: at once, after I/O, later, twice, or not at all."""

    number: int
    how: str


@dataclass(frozen=True)
class Crash:
    """End by an exception of one's own."""

    error: type[BaseException]


@dataclass(frozen=True)
class Answer:
    """To oneself: the time for it has come."""

    number: int
    reply_to: ReplyTo
    epoch: int


class Server(Behaviour):
    """Answers in every way; notes when two lives of one name were at work, or a message of an earlier life came."""

    faults: list[str]

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults

    def receive(self, context: Context, message: object) -> None:
        if isinstance(message, Crash):
            raise message.error("on purpose")
        if isinstance(message, Healthy | Unhealthy):
            context.tell(context.parent or "", message)
        elif isinstance(message, Answer):
            if message.epoch != context.epoch:
                self.faults.append(f"{context.name}#{context.epoch} got an answer of epoch {message.epoch}")
            message.reply_to.send(message.number)
        elif isinstance(message, Request):
            self.serve(context, message)

    def serve(self, context: Context, request: Request) -> None:
        answer = Answer(request.number, context.take_reply(), context.epoch)

        async def work() -> int:
            await asyncio.sleep(request.number % 3)
            return request.number

        def told(_: Outcome[int]) -> Answer:
            return answer

        if request.how in {"now", "twice"}:
            answer.reply_to.send(request.number)
        if request.how == "twice":
            answer.reply_to.send(request.number)
        if request.how == "later":
            context.schedule(request.number % 5, answer)
        if request.how == "io":
            context.run(work, told, timeout_seconds=5)


class KernelMachine(RuleBasedStateMachine):
    """Crashes, delays, duplicates and stops, in any order, of supervised servers on the deterministic host."""

    @initialize(seed=st.integers(0, 2**32 - 1), intensity=st.integers(0, 3))
    def set_up(self, seed: int, intensity: int) -> None:
        note(f"seed {seed}")
        self.host = DeterministicHost(seed)
        self.faults: list[str] = []
        self.asks: list[tuple[int, float, Future[object]]] = []
        self.number = 0
        self.stopped = False
        self.ends: list[tuple[str, int]] = []
        specs = [
            ChildSpec(
                name,
                lambda: Server(self.faults),
                backoff=Backoff(0.5, 8),
                intensity=intensity,
                period_seconds=10,
                mailbox_limit=5,
                breaker=BreakerSettings(failure_threshold=2, reset_seconds=3, reset_cap_seconds=20),
            )
            for name in NAMES
        ]
        ends = self.ends

        class Watching(Supervisor):
            def receive(self, context: Context, message: object) -> None:
                if isinstance(message, Terminated):
                    ends.append((message.name, message.epoch))
                super().receive(context, message)

        self.host.spawn("supervisor", lambda: Watching(specs))
        self.events: list[object] = []
        self.host.subscribe(self.events.append)

    @rule(
        name=st.sampled_from(NAMES),
        how=st.sampled_from(["now", "later", "io", "twice", "never"]),
        times=st.integers(1, 3),
    )
    def ask(self, name: str, how: str, times: int) -> None:
        self.number += 1
        for _ in range(times):  # more than once is a duplicate
            future = self.host.ask(name, Request(self.number, how), timeout_seconds=ASK_SECONDS)
            self.asks.append((self.number, self.host.now, future))

    @rule(
        name=st.sampled_from(NAMES),
        error=st.sampled_from([ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError]),
    )
    def crash(self, name: str, error: type[BaseException]) -> None:
        self.host.tell(name, Crash(error))

    @rule(
        name=st.sampled_from(NAMES),
        report=st.sampled_from([Healthy(), Unhealthy("x"), Unhealthy("x", 9), Unhealthy("x", permanent=True)]),
    )
    def report(self, name: str, report: object) -> None:
        self.host.tell(name, report)

    @rule(seconds=st.floats(0, 15))
    def delay(self, seconds: float) -> None:
        self.host.advance(seconds)

    @rule()
    def settle(self) -> None:
        self.host.settle()

    @rule(name=st.sampled_from(NAMES))
    def resume(self, name: str) -> None:
        self.host.tell("supervisor", ResumeChild(name))

    @rule()
    def describe(self) -> None:
        future = self.host.ask("supervisor", DescribeChildren(), timeout_seconds=ASK_SECONDS)
        self.asks.append((-1, self.host.now, future))

    @precondition(lambda self: not self.stopped)
    @rule(lot=st.integers(0, 9))
    def stop(self, lot: int) -> None:
        if lot == 0:  # not often, or most runs would be short
            assert self.host.stop(deadline_seconds=30) == ()
            self.stopped = True

    @invariant()
    def every_ask_is_resolved_by_its_deadline(self) -> None:
        """I6."""
        for number, asked_at, future in getattr(self, "asks", []):
            assert future.done() or self.host.now <= asked_at + ASK_SECONDS
            if future.done() and future.exception() is None:
                assert number in {-1, future.result()}
            elif future.done():
                assert isinstance(future.exception(), KernelError)

    @invariant()
    def one_life_a_name(self) -> None:
        """I4: no life has begun before the one before it had ended, and none got what was meant for an earlier one."""
        if not hasattr(self, "host"):
            return
        assert self.faults == []
        assert len(self.ends) == len(set(self.ends))
        live: dict[str, int] = {}
        for line in self.host.trace:
            _, incarnation, what = line.split(" ", 2)
            name, epoch = incarnation.split("#")
            if what == "started":
                assert name not in live, line
                live[name] = int(epoch)
            else:
                assert live.get(name) == int(epoch), line
            if what.startswith("ended"):
                del live[name]

    def teardown(self) -> None:
        if not hasattr(self, "host"):
            return
        if not self.stopped:
            assert self.host.stop(deadline_seconds=30) == ()
        assert all(future.done() for _, _, future in self.asks)
        assert self.host.names == {}
        for event in self.events:
            assert not isinstance(event, ChildParked | ChildRestarted) or event.name in NAMES


TestKernelMachine = KernelMachine.TestCase
TestKernelMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


@given(
    seed=st.integers(0, 2**32 - 1), script=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 5)), max_size=20)
)
@settings(max_examples=40, deadline=None)
def test_a_run_is_a_function_of_its_seed(seed: int, script: list[tuple[str, int]]) -> None:
    """The same seed and script give the same trace, crashes and restarts included."""

    def run() -> list[str]:
        host = DeterministicHost(seed)
        faults: list[str] = []
        specs = [ChildSpec(name, lambda: Server(faults), breaker=BreakerSettings()) for name in NAMES]
        host.spawn("supervisor", lambda: Supervisor(specs))
        for name, number in script:
            host.ask(name, Request(number, "io"), timeout_seconds=5)
            if number == 0:
                host.tell(name, Crash(ValueError))
            host.advance(number / 2)
        host.stop()
        return host.trace

    assert run() == run()


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["success", "failure", "ask", "retry_after"]), st.floats(0, 30)), max_size=60
    ),
    seed=st.integers(0, 1000),
)
@settings(deadline=None)
def test_a_breaker_never_lets_a_second_probe_through(steps: list[tuple[str, float]], seed: int) -> None:
    """In any order of events: none is let through while it is open, and one between two outcomes while half open."""
    breaker = CircuitBreaker(
        BreakerSettings(failure_threshold=2, probe_seconds=1000, reset_cap_seconds=40), Random(seed)
    )
    now, probes = 0.0, 0
    for what, seconds in steps:
        now += seconds
        before = breaker.state
        retry_at = breaker.retry_at
        if what == "success":
            breaker.record_success(now)
        elif what == "failure":
            breaker.record_failure(now)
        elif what == "retry_after":
            breaker.record_failure(now, retry_after=5)
            assert breaker.retry_at is None or breaker.retry_at >= now + 5
        elif breaker.allow(now):
            assert before != "open" or (retry_at is not None and now >= retry_at)
            probes += breaker.state == "half_open"
        if what != "ask":
            probes = 0
        assert probes <= 1
        assert (breaker.retry_at is not None) == (breaker.state == "open")
        assert breaker.retry_at is None or breaker.retry_at <= now + 40 * 1.2


@given(dues=st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=200))
def test_timers_come_in_order(dues: list[tuple[float, bool]]) -> None:
    """Every timer that was not cancelled is called once, in the order of times, ties in the order of adding."""
    queue = TimerQueue()
    called: list[int] = []
    entries = [queue.add(due, lambda number=number: called.append(number)) for number, (due, _) in enumerate(dues)]
    for entry, (_, cancelled) in zip(entries, dues, strict=True):
        if cancelled:
            entry.cancel()
    while (callback := queue.pop_due(10.0)) is not None:
        callback()
    wanted = sorted((due, number) for number, (due, cancelled) in enumerate(dues) if not cancelled)
    assert called == [number for _, number in wanted]
    assert len(queue) == 0


@given(
    limit=st.integers(1, 5), actions=st.lists(st.sampled_from(["put", "exempt", "take", "stop", "close"]), max_size=60)
)
def test_a_mailbox_loses_nothing(limit: int, actions: list[str]) -> None:
    """What was taken in is given out once, in order, by `take` or by `close`."""
    mailbox = Mailbox(limit)
    offered: list[object] = []
    given_out: list[object] = []
    for number, action in enumerate(actions):
        if action in {"put", "exempt"}:
            full = len(mailbox) >= limit and action == "put"
            refused = mailbox.offer(Envelope(number, "to", None, "c", None, "m"), exempt=action == "exempt")
            assert refused == ("dead" if mailbox.closed else "full" if full else None)
            offered += [number] if refused is None else []
        elif action == "take":
            item = mailbox.take()
            given_out += [item.message] if isinstance(item, Envelope) else []
            assert (item is Signal.CLOSED) == mailbox.closed
        elif action == "stop":
            mailbox.request_stop()
        else:
            given_out += [envelope.message for envelope in mailbox.close()]
    assert given_out + [envelope.message for envelope in mailbox.close()] == offered
