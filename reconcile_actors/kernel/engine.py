"""What a host must provide so that the kernel's common parts (directory, incarnation, context) can run on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, Protocol, TypeVar

from reconcile_actors.kernel.clock import Clock
from reconcile_actors.kernel.outcome import Outcome
from reconcile_actors.kernel.signals import Reason
from reconcile_actors.kernel.timers import Cancellable

if TYPE_CHECKING:
    from reconcile_actors.kernel.incarnation import Incarnation

T = TypeVar("T")


class Engine(Protocol):
    """Threads or turns, real time or virtual: everything in which hosts differ."""

    @property
    def clock(self) -> Clock:
        """The time that actors see."""
        ...

    def launch(self, incarnation: Incarnation) -> None:
        """Have `incarnation.start()` and then `handle` called, one at a time, while it is live."""
        ...

    def wake(self, incarnation: Incarnation) -> None:
        """Its mailbox has something."""
        ...

    def after(self, delay_seconds: float, callback: Callable[[], object]) -> Cancellable:
        """Call back later; never in the middle of a handler of the same thread."""
        ...

    def begin(
        self,
        work: Callable[[], Awaitable[T]],
        on_outcome: Callable[[Outcome[T]], None],
        *,
        timeout_seconds: float | None = None,
    ) -> Cancellable:
        """Run I/O; `on_outcome` is called exactly once."""
        ...

    def publish(self, event: object) -> None:
        """To the subscribers, in order, without waiting."""
        ...

    def random_for(self, name: str, epoch: int) -> Random:
        """The generator of one incarnation."""
        ...

    def ended(self, incarnation: Incarnation, reason: Reason) -> None:
        """It has ended: note it."""
        ...
