"""What travels between actors: one message with its address, its origin and the place where its answer goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class ReplyTo(Protocol):
    """The obligation to answer one message, exactly once. Safe to keep and to use from a later handler."""

    def send(self, message: object) -> bool:
        """Answer. False, and a dead letter, when the message was answered before or nobody waits any more."""
        ...

    def fail(self, error: Exception) -> bool:
        """Answer with a failure. False when the message was answered before; an asker that is an actor hears nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message on its way. Its text form names types and roles only: a message may hold amounts (I7)."""

    message: object = field(repr=False)
    to: str
    sender: str | None
    """The role that told it; None when it came from outside the host, from a timer or from I/O: there nobody waits."""
    correlation_id: str
    """Shared by everything that one first message set off."""
    causation_id: str | None
    """The `message_id` of the message in whose handling this one was told."""
    message_id: str
    deadline: float | None = None
    """Monotonic seconds of the host's clock; not handled after it."""
    reply_to: ReplyTo | None = field(default=None, repr=False)
    """Where an ask from outside waits. A message from an actor has none: its answer goes to `sender`."""
    sender_epoch: int | None = None

    @property
    def expects_reply(self) -> bool:
        """Whether a reply would find somebody."""
        return self.reply_to is not None or self.sender is not None
