"""How an ask ends when it ends without a reply. The texts name roles and types, never contents (I7)."""

from __future__ import annotations


class KernelError(Exception):
    """Root of what the kernel raises."""


class ActorFailed(KernelError):  # noqa: N818 it is the name of a reply as much as of an error
    """The actor crashed while it handled the request."""

    def __init__(self, name: str, error_type: str) -> None:
        super().__init__(f"{name} crashed on the request: {error_type}")
        self.name = name
        self.error_type = error_type


class ActorDead(KernelError):  # noqa: N818 it is the name of a reply as much as of an error
    """Nobody of that name lives, or it ended before it handled the request."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not alive")
        self.name = name


class MailboxFull(KernelError):  # noqa: N818 it is the name of a reply as much as of an error
    """The actor has more waiting messages than it accepts."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the mailbox of {name} is full")
        self.name = name


class DeadlineExceeded(KernelError, TimeoutError):  # noqa: N818 it is the name of a reply as much as of an error
    """No reply came in time. The request may have been handled all the same."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no reply from {name} in time")
        self.name = name


class NameTaken(KernelError):  # noqa: N818 reads as the condition that it states
    """An actor of that name is alive: at most one epoch of a name lives at a time (I4)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"an actor named {name} is alive already")
        self.name = name


class HostStopped(KernelError):  # noqa: N818 reads as the condition that it states
    """The host, or its I/O loop, has been stopped and starts nothing any more."""
