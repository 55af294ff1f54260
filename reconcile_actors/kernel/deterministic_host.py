"""The host for tests: one thread, virtual time, and a seed that decides who is next and how long I/O takes.

The same seed gives the same trace. Time passes only when nothing else can happen, and only as far as it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from reconcile_actors.kernel.behaviour import DEFAULT_MAILBOX_LIMIT, Behaviour
from reconcile_actors.kernel.clock import Clock
from reconcile_actors.kernel.dead_letters import DeadLetters
from reconcile_actors.kernel.edge import Edge
from reconcile_actors.kernel.host import LAST_GRACE_SECONDS, Subscription, TellResult
from reconcile_actors.kernel.incarnation import Incarnation
from reconcile_actors.kernel.signals import Abandoned
from reconcile_actors.kernel.timers import Cancellable
from reconcile_actors.kernel.turns import EPOCH_START, Turns

__all__ = ["EPOCH_START", "DeterministicHost", "NothingHappened"]

LIMIT_STEPS = 1_000_000


class NothingHappened(AssertionError):  # noqa: N818 reads as the finding of a test
    """What the test waited for did not come to pass within its limits."""


class DeterministicHost:
    """See `Host`. `io_delay_seconds`: the range from which the waits before and after each piece of I/O are drawn."""

    def __init__(self, seed: int = 0, *, io_delay_seconds: tuple[float, float] = (0.0, 0.05)) -> None:
        self.seed = seed
        self._turns = Turns(seed, io_delay_seconds, self._call_subscribers)
        self._edge = Edge(self._turns, id_prefix="m")

    # --- as any host

    @property
    def clock(self) -> Clock:
        """See `Host.clock`: virtual."""
        return self._turns.clock

    @property
    def dead_letters(self) -> DeadLetters:
        """See `Host.dead_letters`."""
        return self._edge.dead_letters

    @property
    def names(self) -> dict[str, int]:
        """The live actors and their epochs."""
        return self._edge.directory.names()

    def spawn(
        self,
        name: str,
        factory: Callable[[], Behaviour],
        *,
        mailbox_limit: int = DEFAULT_MAILBOX_LIMIT,
        watcher: str | None = None,
    ) -> int:
        """See `Host.spawn`."""
        return self._edge.spawn(name, factory, mailbox_limit=mailbox_limit, watcher=watcher)

    def tell(
        self, to: str, message: object, *, correlation_id: str | None = None, deadline: float | None = None
    ) -> TellResult:
        """See `Host.tell`."""
        return self._edge.tell(to, message, correlation_id=correlation_id, deadline=deadline)

    def ask(
        self, to: str, message: object, *, timeout_seconds: float, correlation_id: str | None = None
    ) -> Future[object]:
        """See `Host.ask`. The future resolves while the host is run."""
        return self._edge.ask(to, message, timeout_seconds=timeout_seconds, correlation_id=correlation_id)

    def subscribe(self, callback: Callable[[object], None]) -> Subscription:
        """See `Host.subscribe`: called between turns."""
        return self._edge.subscribe(callback)

    def stop(self, *, deadline_seconds: float = 10.0) -> tuple[str, ...]:
        """See `Host.stop`: takes virtual time only as far as the actors need it."""
        directory, clock = self._edge.directory, self._turns.clock
        directory.close()
        until = clock.now + deadline_seconds
        abandoned = []
        for incarnation in reversed(directory.roots()):
            grace_seconds = max(LAST_GRACE_SECONDS, until - clock.now)
            directory.stop(incarnation, grace_seconds)
            self._run_to_end(incarnation, clock.now + grace_seconds)
            incarnation.finish(Abandoned())  # in case its own deadline has not done so yet
            if isinstance(incarnation.end_reason, Abandoned):
                abandoned.append(incarnation.name)
        self._edge.fail_open_asks()
        self.settle()
        return tuple(abandoned)

    # --- as a test runs it

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._turns.clock.now

    @property
    def trace(self) -> list[str]:
        """What happened, in order: time, incarnation, type of message. The same for the same seed."""
        return self._turns.trace

    def call_later(self, delay_seconds: float, callback: Callable[[], object]) -> Cancellable:
        """Let the world outside do something at a virtual time, between turns."""
        return self._turns.after(delay_seconds, callback)

    def settle(self) -> None:
        """Run all that can happen without time passing."""
        for _ in range(LIMIT_STEPS):
            if not self._turns.step():
                return
        raise NothingHappened(self._describe(f"no rest within {LIMIT_STEPS} steps"))

    def advance(self, seconds: float) -> None:
        """Let this much time pass, with all that happens in it."""
        until = self.now + seconds
        self.settle()
        while (due := self._turns.next_due()) is not None and due <= until:
            self._turns.move_to(due)
            self.settle()
        self._turns.move_to(until)

    def run_until(
        self, predicate: Callable[[], bool], *, limit_seconds: float = 3600.0, limit_steps: int = LIMIT_STEPS
    ) -> None:
        """Run until `predicate()` holds; `NothingHappened` when it does not within the limits."""
        until = self.now + limit_seconds
        for _ in range(limit_steps):
            if predicate():
                return
            if self._turns.step():
                continue
            due = self._turns.next_due()
            if due is None or due > until:
                self._turns.move_to(until)
                raise NothingHappened(self._describe(f"not within {limit_seconds} virtual seconds"))
            self._turns.move_to(due)
        raise NothingHappened(self._describe(f"not within {limit_steps} steps"))

    def run_until_idle(self, *, limit_steps: int = LIMIT_STEPS) -> None:
        """Run until no message waits and no I/O is under way. Timers fire only as far as I/O takes time."""
        for _ in range(limit_steps):
            if self._turns.step():
                continue
            due = self._turns.next_due()
            if self._turns.io_in_flight == 0 or due is None:
                return
            self._turns.move_to(due)
        raise NothingHappened(self._describe(f"not idle within {limit_steps} steps"))

    def request(self, to: str, message: object, *, timeout_seconds: float = 30.0) -> object:
        """Ask, run until the answer is there, and give it; a failure is raised."""
        future = self.ask(to, message, timeout_seconds=timeout_seconds)
        self.run_until(future.done, limit_seconds=timeout_seconds)
        return future.result(timeout=0)

    def _call_subscribers(self, event: object) -> None:
        self._edge.subscribers.call(event)

    def _run_to_end(self, incarnation: Incarnation, until: float) -> None:
        for _ in range(LIMIT_STEPS):
            if incarnation.ended.is_set():
                return
            if self._turns.step():
                continue
            due = self._turns.next_due()
            if due is None or due > until:
                return
            self._turns.move_to(due)

    def _describe(self, what: str) -> str:
        return f"{what} (seed {self.seed}, virtual time {self.now:.6f}, {len(self.trace)} turns)"
