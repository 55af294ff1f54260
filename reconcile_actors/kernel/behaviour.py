"""What an actor is: a behaviour, a state machine whose every effect goes through its context.

A behaviour does no I/O, reads no clock, draws no number of its own and never waits (I5). That is why the same behaviour
runs on threads in production and on one thread with virtual time in tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Protocol, TypeVar

from reconcile_actors.kernel.envelope import Envelope, ReplyTo
from reconcile_actors.kernel.outcome import Failure, Outcome, Success

__all__ = ["DEFAULT_MAILBOX_LIMIT", "Behaviour", "Context", "Failure", "Outcome", "Success", "Timer"]

DEFAULT_MAILBOX_LIMIT = 1_000

T = TypeVar("T")


class Timer(Protocol):
    """A message to come."""

    def cancel(self) -> None:
        """After this the message is not handled, even if it lies in the mailbox already."""
        ...


class Context(Protocol):
    """All that a behaviour can see and do. Valid inside its hooks; after its incarnation has ended it does nothing."""

    @property
    def name(self) -> str:
        """The role under which others tell it."""
        ...

    @property
    def epoch(self) -> int:
        """Which incarnation of that name, from 1."""
        ...

    @property
    def parent(self) -> str | None:
        """The role that spawned it; None when that was the host's user."""
        ...

    @property
    def random(self) -> Random:
        """The only source of chance."""
        ...

    @property
    def envelope(self) -> Envelope | None:
        """Of the message in hand; None in `started` and `stopping`."""
        ...

    def monotonic(self) -> float:
        """Seconds for durations and deadlines."""
        ...

    def utc(self) -> datetime:
        """The date, aware, in UTC."""
        ...

    def tell(self, to: str, message: object, *, deadline: float | None = None) -> bool:
        """Put a message into the mailbox of role `to`; never blocks.

        `deadline`: monotonic seconds after which it is not handled. False: rejected (full, or nobody there), which is a
        dead letter too. Full applies to one's own mailbox as well.
        """
        ...

    def reply(self, message: object) -> None:
        """Answer the message in hand, once; a second answer, or one that nobody asked for, is a dead letter (I6)."""
        ...

    def take_reply(self) -> ReplyTo:
        """Keep the obligation to answer, for a later handler. Should this incarnation end first, the asker learns it."""
        ...

    def schedule(self, delay_seconds: float, message: object) -> Timer:
        """Tell it to oneself later. Dies with this incarnation; never refused by a full mailbox."""
        ...

    def run(
        self,
        work: Callable[[], Awaitable[T]],
        then: Callable[[Outcome[T]], object],
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        """Do I/O: `work` runs on the I/O loop, then the message `then(outcome)` is told to oneself.

        `then` runs in the actor. Past `timeout_seconds` the outcome is a `Failure` of `TimeoutError`. When this
        incarnation ends first, the work is cancelled and the outcome dropped. Never refused by a full mailbox.
        """
        ...

    def publish(self, event: object) -> None:
        """Give an event to the host's subscribers: in order, without waiting for them."""
        ...

    def spawn(self, name: str, factory: Callable[[], Behaviour], *, mailbox_limit: int = DEFAULT_MAILBOX_LIMIT) -> int:
        """Start a child and return its epoch. `Terminated(name, epoch, reason)` comes exactly once, however it ends.

        Raises `NameTaken` while an actor of that name lives. Children are cut off when their parent ends.
        """
        ...

    def stop_child(self, name: str, *, deadline_seconds: float) -> None:
        """Ask a child to stop, ahead of its backlog; cut it off (`Abandoned`) when the deadline passes."""
        ...

    def stop(self) -> None:
        """End this incarnation in order, once the message in hand is handled."""
        ...


class Behaviour(ABC):
    """One actor's state machine. Any exception from a hook, of whatever type, crashes this actor and no other."""

    def started(self, context: Context) -> None:  # noqa: B027 nothing to do is a fine default
        """Before the first message of this incarnation."""

    @abstractmethod
    def receive(self, context: Context, message: object) -> None:
        """One message; the next comes when this has returned."""

    def stop_requested(self, context: Context) -> bool:  # noqa: ARG002 overriders use it
        """Asked to stop: True to end now; False to finish something first and call `context.stop()` then."""
        return True

    def stopping(self, context: Context) -> None:  # noqa: B027 nothing to do is a fine default
        """The last hook of an end in order. Not called after a crash: a state that raised is not to be trusted."""
