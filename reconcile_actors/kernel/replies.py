"""The two places where an answer can go: a future outside the host, or the actor that told the message."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

from reconcile_actors.kernel.dead_letters import DeadLetterReason, DeadLetters
from reconcile_actors.kernel.envelope import Envelope


class FutureReply:
    """Resolves the future of an ask. The future itself decides who is first: reply, failure, deadline or cancellation."""

    __slots__ = ("_answered", "_dead_letters", "_future", "to")

    def __init__(self, future: Future[object], to: str, dead_letters: DeadLetters) -> None:
        self._future = future
        self.to = to
        self._dead_letters = dead_letters
        self._answered = False

    def send(self, message: object) -> bool:
        """See `ReplyTo.send`."""
        try:
            self._future.set_result(message)
        except InvalidStateError:
            reason = DeadLetterReason.SECOND_REPLY if self._answered else DeadLetterReason.LATE_REPLY
            self._dead_letters.add(reason, message, to="", sender=self.to)
            return False
        self._answered = True
        return True

    def fail(self, error: Exception) -> bool:
        """See `ReplyTo.fail`."""
        try:
            self._future.set_exception(error)
        except InvalidStateError:
            return False
        return True


class SenderReply:
    """Tells the answer to the incarnation that told the message, and to no later one (I4)."""

    __slots__ = ("_dead_letters", "_deliver", "_lock", "_open", "_original")

    def __init__(
        self, original: Envelope, deliver: Callable[[Envelope, object], bool], dead_letters: DeadLetters
    ) -> None:
        self._original = original
        self._deliver = deliver
        self._dead_letters = dead_letters
        self._lock = threading.Lock()
        self._open = True

    def send(self, message: object) -> bool:
        """See `ReplyTo.send`."""
        if not self._close():
            to = self._original.sender or ""
            self._dead_letters.add(DeadLetterReason.SECOND_REPLY, message, to=to, sender=self._original.to)
            return False
        return self._deliver(self._original, message)

    def fail(self, error: Exception) -> bool:  # noqa: ARG002 the signature is ReplyTo's
        """See `ReplyTo.fail`: an actor hears of the ends of its children, and of nobody else's."""
        return self._close()

    def _close(self) -> bool:
        with self._lock:
            first, self._open = self._open, False
            return first


class NoReply:
    """In place of an asker where there is none."""

    __slots__ = ("_dead_letters", "_to")

    def __init__(self, to: str, dead_letters: DeadLetters) -> None:
        self._to = to
        self._dead_letters = dead_letters

    def send(self, message: object) -> bool:
        """See `ReplyTo.send`."""
        self._dead_letters.add(DeadLetterReason.NO_ASKER, message, to="", sender=self._to)
        return False

    def fail(self, error: Exception) -> bool:  # noqa: ARG002 the signature is ReplyTo's
        """See `ReplyTo.fail`."""
        return False
