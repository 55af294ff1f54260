"""What an incarnation puts into its own mailbox: timers that have come due, and outcomes of I/O."""

from __future__ import annotations

from collections.abc import Callable

from reconcile_actors.kernel.timers import Cancellable


class Completed:
    """In the mailbox: an outcome of I/O, not yet made into a message, since that is the actor's own code."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make


class Scheduled:
    """In the mailbox, and in the hands of the behaviour: a message to oneself at a later time."""

    __slots__ = ("_release", "cancelled", "handle", "message")

    def __init__(self, message: object, release: Callable[[object], None]) -> None:
        self.message = message
        self.cancelled = False
        self.handle: Cancellable | None = None
        self._release = release

    def cancel(self) -> None:
        """See `Timer.cancel`."""
        self.cancelled = True
        self._release(self)
        if self.handle is not None:
            self.handle.cancel()
