"""A probe: an actor that collects what it is told, and lets a test wait for it on either host.

On the deterministic host waiting runs the host, in virtual seconds; on threads it waits really, `dilation` times as long
as asked, so that a slow machine can be given time in one place.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, overload

from reconcile_actors.kernel.behaviour import DEFAULT_MAILBOX_LIMIT, Behaviour, Context
from reconcile_actors.kernel.deterministic_host import DeterministicHost, NothingHappened
from reconcile_actors.kernel.envelope import Envelope, ReplyTo
from reconcile_actors.kernel.errors import KernelError
from reconcile_actors.kernel.host import Host

T = TypeVar("T")

EXPECT_SECONDS = 3.0
EXPECT_NONE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived."""

    message: object
    envelope: Envelope | None
    """None for an event."""
    reply_to: ReplyTo | None


@dataclass(frozen=True, slots=True)
class _Do:
    """Run something with the probe's context, so that it comes from the probe."""

    action: Callable[[Context], object]


class _Collector(Behaviour):
    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def receive(self, context: Context, message: object) -> None:
        envelope = context.envelope
        if isinstance(message, _Do):
            message.action(context)
            return
        takes = envelope is not None and envelope.expects_reply
        self._probe.put(Received(message, envelope, context.take_reply() if takes else None))


class Probe:
    """Spawns itself as role `name` on `host`."""

    def __init__(self, host: Host, name: str = "probe", *, dilation: float = 1.0) -> None:
        self.host = host
        self.name = name
        self.dilation = dilation
        self.last: Received | None = None
        """What `expect` or `fish` found last."""
        self._received: deque[Received] = deque()
        self._arrived = threading.Condition()
        host.spawn(name, lambda: _Collector(self))

    # --- what comes

    def listen(self) -> Probe:
        """Collect the host's events too; returns itself."""
        self.host.subscribe(lambda event: self.put(Received(event, None, None)))
        return self

    @property
    def waiting(self) -> tuple[object, ...]:
        """The messages that have arrived and that nobody has asked for yet."""
        with self._arrived:
            return tuple(each.message for each in self._received)

    @overload
    def expect(self, wanted: type[T], *, within_seconds: float = ...) -> T: ...
    @overload
    def expect(self, wanted: Callable[[object], bool], *, within_seconds: float = ...) -> object: ...

    def expect(self, wanted: type[T] | Callable[[object], bool], *, within_seconds: float = EXPECT_SECONDS) -> object:
        """The next message, which must be of that type, or fulfil that predicate."""
        if not self._wait_for_one(within_seconds):
            raise NothingHappened(f"{self.name} got nothing within {within_seconds} s, expected {_name(wanted)}")
        return self._take_if(wanted)

    @overload
    def fish(self, wanted: type[T], *, within_seconds: float = ...) -> T: ...
    @overload
    def fish(self, wanted: Callable[[object], bool], *, within_seconds: float = ...) -> object: ...

    def fish(self, wanted: type[T] | Callable[[object], bool], *, within_seconds: float = EXPECT_SECONDS) -> object:
        """The next message that fits; those before it are thrown away."""
        until = self._now() + within_seconds * self._scale
        seen = []
        while self._wait_for_one(max(0.0, until - self._now()) / self._scale):
            with self._arrived:
                if _fits(self._received[0].message, wanted):
                    break
                seen.append(type(self._received.popleft().message).__name__)
        else:
            raise NothingHappened(f"{self.name} got no {_name(wanted)} within {within_seconds} s, only {seen}")
        return self._take_if(wanted)

    def expect_none(self, *, within_seconds: float = EXPECT_NONE_SECONDS) -> None:
        """Nothing has arrived, and nothing does within that time."""
        if self._wait_for_one(within_seconds):
            found = type(self._received[0].message).__name__
            raise NothingHappened(f"{self.name} got {found} where nothing was expected")

    def put(self, received: Received) -> None:
        """Called by the actor and by the subscription."""
        with self._arrived:
            self._received.append(received)
            self._arrived.notify_all()

    # --- what the probe does, in its own name

    def tell(self, to: str, message: object, *, deadline: float | None = None) -> None:
        """Tell it from the probe, so that replies come to the probe."""
        self._do(lambda context: context.tell(to, message, deadline=deadline))

    def reply(self, message: object) -> bool:
        """Answer what `expect` or `fish` found last."""
        if self.last is None or self.last.reply_to is None:
            raise LookupError("the last message expected no reply")
        reply_to = self.last.reply_to
        return bool(self._do(lambda _context: reply_to.send(message)))

    def spawn(self, name: str, factory: Callable[[], Behaviour], *, mailbox_limit: int = DEFAULT_MAILBOX_LIMIT) -> int:
        """Start a child of the probe, which gets its `Terminated`; returns its epoch."""
        epoch = self._do(lambda context: context.spawn(name, factory, mailbox_limit=mailbox_limit))
        assert isinstance(epoch, int)
        return epoch

    def stop_child(self, name: str, *, deadline_seconds: float) -> None:
        """Stop a child of the probe."""
        self._do(lambda context: context.stop_child(name, deadline_seconds=deadline_seconds))

    def run(self, action: Callable[[Context], T]) -> T:
        """Run something with the probe's context and give its result; what it raises is raised here."""
        return self._do(action)

    # --- waiting

    @property
    def _scale(self) -> float:
        return 1.0 if isinstance(self.host, DeterministicHost) else self.dilation

    def _now(self) -> float:
        return self.host.clock.monotonic()

    def _wait_for_one(self, within_seconds: float) -> bool:
        return self._wait(lambda: bool(self._received), within_seconds)

    def _wait(self, predicate: Callable[[], bool], within_seconds: float) -> bool:
        if isinstance(self.host, DeterministicHost):
            try:
                self.host.run_until(predicate, limit_seconds=within_seconds)
            except NothingHappened:
                return False
            return True
        with self._arrived:
            return self._arrived.wait_for(predicate, within_seconds * self.dilation)

    def _do(self, action: Callable[[Context], T]) -> T:
        done: list[T] = []
        errors: list[KernelError] = []

        def act(context: Context) -> None:
            try:
                done.append(action(context))
            except KernelError as error:
                errors.append(error)
            with self._arrived:
                self._arrived.notify_all()

        self.host.tell(self.name, _Do(act))
        if not self._wait(lambda: bool(done or errors), EXPECT_SECONDS):
            raise NothingHappened(f"{self.name} did not get its turn within {EXPECT_SECONDS} s")
        if errors:
            raise errors[0]
        return done[0]

    def _take_if(self, wanted: type[object] | Callable[[object], bool]) -> object:
        with self._arrived:
            received = self._received.popleft()
        if not _fits(received.message, wanted):
            raise NothingHappened(f"{self.name} got {type(received.message).__name__}, expected {_name(wanted)}")
        self.last = received
        return received.message


def _fits(message: object, wanted: type[object] | Callable[[object], bool]) -> bool:
    return isinstance(message, wanted) if isinstance(wanted, type) else wanted(message)


def _name(wanted: object) -> str:
    return getattr(wanted, "__name__", "a match")
