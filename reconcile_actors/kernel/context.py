"""The context that hosts hand to a behaviour: its effects, each of which stops working when the incarnation has ended."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, TypeVar

from reconcile_actors.kernel.behaviour import DEFAULT_MAILBOX_LIMIT, Behaviour, Timer
from reconcile_actors.kernel.dead_letters import DeadLetterReason
from reconcile_actors.kernel.envelope import Envelope, ReplyTo
from reconcile_actors.kernel.incarnation import Incarnation
from reconcile_actors.kernel.outcome import Outcome
from reconcile_actors.kernel.own_messages import Completed, Scheduled

if TYPE_CHECKING:
    from reconcile_actors.kernel.directory import Directory

T = TypeVar("T")


class TakenReply:
    """A kept obligation: void once the incarnation that took it has ended, since then the asker was told so."""

    __slots__ = ("_context", "_reply_to")

    def __init__(self, context: ActorContext, reply_to: ReplyTo) -> None:
        self._context = context
        self._reply_to = reply_to

    def send(self, message: object) -> bool:
        """See `ReplyTo.send`."""
        return self._context.answer(self._reply_to, message)

    def fail(self, error: Exception) -> bool:
        """See `ReplyTo.fail`."""
        return self._context.refuse(self._reply_to, error)


class ActorContext:
    """See `Context`, which this fulfils."""

    def __init__(self, incarnation: Incarnation, directory: Directory) -> None:
        self._life = incarnation
        self._directory = directory
        self._engine = directory.engine

    @property
    def name(self) -> str:
        """See `Context.name`."""
        return self._life.name

    @property
    def epoch(self) -> int:
        """See `Context.epoch`."""
        return self._life.epoch

    @property
    def parent(self) -> str | None:
        """See `Context.parent`."""
        return None if self._life.parent is None else self._life.parent.name

    @property
    def random(self) -> Random:
        """See `Context.random`."""
        return self._life.random

    @property
    def envelope(self) -> Envelope | None:
        """See `Context.envelope`."""
        return self._life.in_hand

    def monotonic(self) -> float:
        """See `Context.monotonic`."""
        return self._engine.clock.monotonic()

    def utc(self) -> datetime:
        """See `Context.utc`."""
        return self._engine.clock.utc()

    def tell(self, to: str, message: object, *, deadline: float | None = None) -> bool:
        """See `Context.tell`."""
        if not self._life.live:
            return self._stale(message, to)
        return self._directory.deliver(self._envelope(to, message, deadline)) is None

    def reply(self, message: object) -> None:
        """See `Context.reply`."""
        self.answer(self._life.reply_in_hand(), message)

    def take_reply(self) -> ReplyTo:
        """See `Context.take_reply`."""
        return TakenReply(self, self._life.take_reply())

    def schedule(self, delay_seconds: float, message: object) -> Timer:
        """See `Context.schedule`."""
        if not (math.isfinite(delay_seconds) and delay_seconds >= 0):
            raise ValueError("a delay is a finite number of seconds, not below 0")
        life = self._life
        scheduled = Scheduled(message, life.release)
        envelope = self._directory.envelope(scheduled, to=life.name, cause=life.in_hand)
        if not life.hold(scheduled, None):
            scheduled.cancel()
            return scheduled

        def fire() -> None:
            life.release(scheduled)
            life.post(envelope)

        scheduled.handle = self._engine.after(delay_seconds, fire)
        life.replace_held(scheduled, scheduled.handle)
        return scheduled

    def run(
        self,
        work: Callable[[], Awaitable[T]],
        then: Callable[[Outcome[T]], object],
        *,
        timeout_seconds: float | None = None,
    ) -> None:
        """See `Context.run`."""
        life = self._life
        key = object()
        cause = self._directory.envelope(None, to=life.name, cause=life.in_hand)
        if not life.hold(key, None):
            return

        def told(outcome: Outcome[T]) -> None:
            life.release(key)
            life.post(self._directory.with_message(cause, Completed(lambda: then(outcome))))

        life.replace_held(key, self._engine.begin(work, told, timeout_seconds=timeout_seconds))

    def publish(self, event: object) -> None:
        """See `Context.publish`."""
        if self._life.live:
            self._engine.publish(event)
        else:
            self._stale(event, "")

    def spawn(self, name: str, factory: Callable[[], Behaviour], *, mailbox_limit: int = DEFAULT_MAILBOX_LIMIT) -> int:
        """See `Context.spawn`."""
        return self._directory.spawn(name, factory, mailbox_limit=mailbox_limit, parent=self._life)

    def stop_child(self, name: str, *, deadline_seconds: float) -> None:
        """See `Context.stop_child`; a child that is gone already has been reported."""
        child = self._life.children.get(name)
        if child is not None and self._life.live:
            self._directory.stop(child, deadline_seconds)

    def stop(self) -> None:
        """See `Context.stop`."""
        self._life.stop_wanted = True

    def answer(self, reply_to: ReplyTo, message: object) -> bool:
        """Send an answer, if this incarnation still counts."""
        if not self._life.live:
            return self._stale(message, "")
        self._life.settle(reply_to)
        return reply_to.send(message)

    def refuse(self, reply_to: ReplyTo, error: Exception) -> bool:
        """Send a failure as the answer."""
        self._life.settle(reply_to)
        return reply_to.fail(error)

    def _envelope(self, to: str, message: object, deadline: float | None) -> Envelope:
        life = self._life
        return self._directory.envelope(
            message, to=to, sender=life.name, sender_epoch=life.epoch, cause=life.in_hand, deadline=deadline
        )

    def _stale(self, message: object, to: str) -> bool:
        self._directory.dead_letters.add(DeadLetterReason.STALE, message, to=to, sender=self._life.name)
        return False
