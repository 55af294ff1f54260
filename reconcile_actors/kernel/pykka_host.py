"""The host for production: each actor on a thread of Pykka, one thread for I/O, one for timers, one for subscribers."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from random import Random
from typing import TypeVar
from uuid import uuid4

from reconcile_actors.kernel.behaviour import DEFAULT_MAILBOX_LIMIT, Behaviour
from reconcile_actors.kernel.clock import Clock, SystemClock
from reconcile_actors.kernel.dead_letters import DeadLetters
from reconcile_actors.kernel.edge import Edge
from reconcile_actors.kernel.host import LAST_GRACE_SECONDS, Subscription, TellResult
from reconcile_actors.kernel.incarnation import Incarnation
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.outcome import Outcome
from reconcile_actors.kernel.pykka_actor import KernelActor
from reconcile_actors.kernel.signals import Abandoned, Crashed, Reason
from reconcile_actors.kernel.subscribers import EventThread
from reconcile_actors.kernel.timers import Cancellable, TimerThread
from reconcile_actors.logger import logger

T = TypeVar("T")


class PykkaHost:
    """See `Host`. The I/O loop is started before and stopped after it, by whoever made it."""

    def __init__(self, io: IoLoop, *, clock: Clock | None = None, seed: int | None = None) -> None:
        self._engine = _ThreadEngine(io, clock or SystemClock(), seed)
        self._edge = Edge(self._engine, id_prefix=f"{uuid4().hex[:12]}-")
        self._engine.attach(self._edge)

    @property
    def clock(self) -> Clock:
        """See `Host.clock`."""
        return self._engine.clock

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
        """See `Host.ask`."""
        return self._edge.ask(to, message, timeout_seconds=timeout_seconds, correlation_id=correlation_id)

    def subscribe(self, callback: Callable[[object], None]) -> Subscription:
        """See `Host.subscribe`."""
        return self._edge.subscribe(callback)

    def stop(self, *, deadline_seconds: float = 10.0) -> tuple[str, ...]:
        """See `Host.stop`. Not to be called by an actor, which would wait for itself until the deadline."""
        directory, clock = self._edge.directory, self._engine.clock
        directory.close()
        until = clock.monotonic() + deadline_seconds
        abandoned = []
        for incarnation in reversed(directory.roots()):
            grace_seconds = max(LAST_GRACE_SECONDS, until - clock.monotonic())
            directory.stop(incarnation, grace_seconds)
            incarnation.ended.wait(grace_seconds)
            incarnation.finish(Abandoned())  # in case its own deadline has not done so yet
            if isinstance(incarnation.end_reason, Abandoned):
                abandoned.append(incarnation.name)
        self._edge.fail_open_asks()
        self._engine.stop(max(0.1, until - clock.monotonic()))
        return tuple(abandoned)


class _ThreadEngine:
    """See `Engine`."""

    def __init__(self, io: IoLoop, clock: Clock, seed: int | None) -> None:
        self.clock = clock
        self._io = io
        self._seeds = Random(seed)  # noqa: S311 spreads waiting times; no secret depends on it
        self._timers = TimerThread(clock)
        self._threads: set[threading.Thread] = set()
        self._edge: Edge | None = None
        self._events: EventThread | None = None

    def attach(self, edge: Edge) -> None:
        """The edge is made of the engine, and the engine needs its subscribers."""
        self._edge = edge
        self._events = EventThread(edge.subscribers, edge.dead_letters)

    def launch(self, incarnation: Incarnation) -> None:
        """See `Engine.launch`."""
        assert self._edge is not None
        self._threads.difference_update([thread for thread in list(self._threads) if not thread.is_alive()])
        KernelActor.start(incarnation, self._edge.dead_letters, self._threads)

    def wake(self, incarnation: Incarnation) -> None:
        """See `Engine.wake`: its thread waits on the mailbox itself."""

    def after(self, delay_seconds: float, callback: Callable[[], object]) -> Cancellable:
        """See `Engine.after`."""
        return self._timers.after(delay_seconds, callback)

    def begin(
        self,
        work: Callable[[], Awaitable[T]],
        on_outcome: Callable[[Outcome[T]], None],
        *,
        timeout_seconds: float | None = None,
    ) -> Cancellable:
        """See `Engine.begin`."""
        return self._io.begin(work, on_outcome, timeout_seconds=timeout_seconds)

    def publish(self, event: object) -> None:
        """See `Engine.publish`."""
        assert self._events is not None
        self._events.put(event)

    def random_for(self, name: str, epoch: int) -> Random:
        """See `Engine.random_for`."""
        return Random(f"{self._seeds.random()}/{name}/{epoch}")  # noqa: S311 as above

    def ended(self, incarnation: Incarnation, reason: Reason) -> None:
        """See `Engine.ended`."""
        bound = logger.bind(actor=incarnation.name, epoch=incarnation.epoch)
        if isinstance(reason, Crashed):
            bound.bind(error_type=reason.error_type, location=reason.location).error("actor crashed")
        elif isinstance(reason, Abandoned):
            bound.warning("actor abandoned")

    def stop(self, join_seconds: float) -> None:
        """Let the actors' threads leave, deliver the last events, end the timers."""
        until = self.clock.monotonic() + join_seconds
        for thread in list(self._threads):
            if thread is not threading.current_thread() and thread.is_alive():
                thread.join(max(0.0, min(0.2, until - self.clock.monotonic())))
        assert self._events is not None
        self._events.stop()
        self._timers.stop()
