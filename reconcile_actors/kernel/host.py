"""What runs behaviours, as seen from outside: threads in production, turns and virtual time in tests."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from reconcile_actors.kernel.behaviour import DEFAULT_MAILBOX_LIMIT, Behaviour
from reconcile_actors.kernel.clock import Clock
from reconcile_actors.kernel.dead_letters import DeadLetters

LAST_GRACE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Accepted:
    """The message lies in the mailbox. It is not handled yet, and nothing is durable."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The message was not taken; it has been counted as a dead letter."""

    reason: str
    """`nobody` or `full`."""


TellResult: TypeAlias = Accepted | Rejected


class Subscription(Protocol):
    """One subscriber's place."""

    def close(self) -> None:
        """Call it no more."""
        ...


class Host(Protocol):
    """Any thread may call any of these; none of them blocks, except `stop`."""

    @property
    def clock(self) -> Clock:
        """The time that its actors see."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """What reached nobody."""
        ...

    def spawn(
        self,
        name: str,
        factory: Callable[[], Behaviour],
        *,
        mailbox_limit: int = DEFAULT_MAILBOX_LIMIT,
        watcher: str | None = None,
    ) -> int:
        """Start an actor and return its epoch. `Terminated` is told to `watcher`, once.

        Raises `NameTaken` while one of that name lives, `HostStopped` after `stop`.
        """
        ...

    def tell(
        self, to: str, message: object, *, correlation_id: str | None = None, deadline: float | None = None
    ) -> TellResult:
        """Put a message into a mailbox. `deadline`: monotonic seconds of `clock` after which it is not handled."""
        ...

    def ask(
        self, to: str, message: object, *, timeout_seconds: float, correlation_id: str | None = None
    ) -> Future[object]:
        """Tell, and get a future of the one reply. It always resolves: with the reply, or with a `KernelError`.

        `ActorFailed` (it crashed on this), `ActorDead` (it ended before, or is not there), `MailboxFull`,
        `DeadlineExceeded` (then the message is not begun any more, but may have been).
        """
        ...

    def subscribe(self, callback: Callable[[object], None]) -> Subscription:
        """Have `callback` called with each published event, in order, never on an actor's thread."""
        ...

    def stop(self, *, deadline_seconds: float = 10.0) -> tuple[str, ...]:
        """Stop the root actors, last one first, and give the names of those that had to be abandoned.

        Blocks up to the deadline, and past it `LAST_GRACE_SECONDS` for each actor that is left: that an earlier one
        hangs is no reason to cut off those who would end at once. Every open ask is answered. The I/O loop is left to whoever started it.
        """
        ...
