"""Who lives under which name: spawning, epochs, delivery by role name, and what follows from an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Final

from reconcile_actors.kernel.behaviour import Behaviour, Context
from reconcile_actors.kernel.context import ActorContext
from reconcile_actors.kernel.dead_letters import DeadLetterReason, DeadLetters
from reconcile_actors.kernel.engine import Engine
from reconcile_actors.kernel.envelope import Envelope, ReplyTo
from reconcile_actors.kernel.errors import ActorDead, HostStopped, NameTaken
from reconcile_actors.kernel.incarnation import Incarnation
from reconcile_actors.kernel.signals import Abandoned, Crashed, Reason, Terminated


class Directory:
    """The names of one host. At most one live incarnation a name (I4). Thread-safe."""

    def __init__(self, engine: Engine, *, id_prefix: str) -> None:
        self.engine: Final = engine
        self.dead_letters: Final = DeadLetters()
        self._lock = threading.RLock()
        self._live: dict[str, Incarnation] = {}
        self._roots: dict[str, Incarnation] = {}
        self._epochs: dict[str, int] = {}
        self._ids = count(1)
        self._id_prefix = id_prefix
        self._stopped = False

    def context_for(self, incarnation: Incarnation) -> Context:
        """The context of an incarnation."""
        return ActorContext(incarnation, self)

    def spawn(
        self,
        name: str,
        factory: Callable[[], Behaviour],
        *,
        mailbox_limit: int,
        parent: Incarnation | None = None,
        watcher: str | None = None,
    ) -> int:
        """Start an incarnation and return its epoch. Its end is told to `parent`, or else to whoever is `watcher` then."""
        with self._lock:
            if self._stopped:
                raise HostStopped("the host has been stopped")
            if parent is not None and not parent.live:
                raise ActorDead(parent.name)
            if name in self._live:
                raise NameTaken(name)
            epoch = self._epochs.get(name, 0) + 1
            incarnation = Incarnation(
                name, epoch, factory, mailbox_limit=mailbox_limit, parent=parent, watcher=watcher, directory=self
            )
            self._epochs[name] = epoch
            self._live[name] = incarnation
            self._siblings(incarnation)[name] = incarnation
        try:
            self.engine.launch(incarnation)
        except Exception as error:  # noqa: BLE001 no thread to be had is one more way for this actor to end
            incarnation.finish(Crashed(type(error).__name__, "launch"))
        return epoch

    def envelope(
        self,
        message: object,
        *,
        to: str,
        sender: str | None = None,
        sender_epoch: int | None = None,
        cause: Envelope | None = None,
        correlation_id: str | None = None,
        deadline: float | None = None,
        reply_to: ReplyTo | None = None,
    ) -> Envelope:
        """Address a message. Correlation and causation come from `cause`, the message being handled."""
        message_id = f"{self._id_prefix}{next(self._ids)}"
        if cause is not None:
            correlation_id = cause.correlation_id
        return Envelope(
            message=message,
            to=to,
            sender=sender,
            correlation_id=correlation_id or message_id,
            causation_id=None if cause is None else cause.message_id,
            message_id=message_id,
            deadline=deadline,
            reply_to=reply_to,
            sender_epoch=sender_epoch,
        )

    def with_message(self, envelope: Envelope, message: object) -> Envelope:
        """The same envelope with something else in it."""
        return replace(envelope, message=message)

    def deliver(self, envelope: Envelope, *, exempt: bool = False, epoch: int | None = None) -> DeadLetterReason | None:
        """Put a message into its addressee's mailbox; None when it is in, else why it became a dead letter.

        `epoch`: only to that incarnation.
        """
        addressee = self._live.get(envelope.to)
        reason = DeadLetterReason.NOBODY
        if addressee is not None and (epoch is None or addressee.epoch == epoch):
            refusal = addressee.mailbox.offer(envelope, exempt=exempt)
            if refusal is None:
                self.engine.wake(addressee)
                return None
            if refusal == "full":
                reason = DeadLetterReason.FULL
        elif epoch is not None:
            reason = DeadLetterReason.STALE
        self.dead_letters.add(reason, envelope.message, to=envelope.to, sender=envelope.sender)
        return reason

    def deliver_reply(self, epoch: int, original: Envelope, message: object) -> bool:
        """Tell the answer of the addressee's incarnation `epoch` to the incarnation that told `original`."""
        assert original.sender is not None
        answer = self.envelope(message, to=original.sender, sender=original.to, sender_epoch=epoch, cause=original)
        return self.deliver(answer, exempt=True, epoch=original.sender_epoch) is None

    def stop(self, incarnation: Incarnation, deadline_seconds: float) -> None:
        """Ask it to stop, and cut it off when it has not by the deadline."""
        key = object()
        if not incarnation.hold(key, None) or not incarnation.mailbox.request_stop():
            return
        self.engine.wake(incarnation)
        incarnation.replace_held(key, self.engine.after(deadline_seconds, lambda: _abandon(incarnation)))

    def roots(self) -> list[Incarnation]:
        """Those that the host's user spawned, in that order."""
        with self._lock:
            return list(self._roots.values())

    def names(self) -> dict[str, int]:
        """The live names and their epochs."""
        with self._lock:
            return {name: incarnation.epoch for name, incarnation in self._live.items()}

    def close(self) -> None:
        """Spawn nothing any more."""
        with self._lock:
            self._stopped = True

    def note_end(self, incarnation: Incarnation, reason: Reason) -> None:
        """Free its name, cut off its children, tell its watcher. Called once, by the incarnation."""
        with self._lock:
            if self._live.get(incarnation.name) is incarnation:
                del self._live[incarnation.name]
            siblings = self._siblings(incarnation)
            if siblings.get(incarnation.name) is incarnation:
                del siblings[incarnation.name]
            orphans = list(incarnation.children.values())
        for orphan in reversed(orphans):
            orphan.finish(Abandoned())
        self.engine.ended(incarnation, reason)
        self._tell_watcher(incarnation, Terminated(incarnation.name, incarnation.epoch, reason))

    def _tell_watcher(self, incarnation: Incarnation, terminated: Terminated) -> None:
        parent = incarnation.parent
        watcher = incarnation.watcher if parent is None else parent.name
        if watcher is None or (parent is not None and not parent.live):
            return
        note = self.envelope(terminated, to=watcher, sender=incarnation.name, sender_epoch=incarnation.epoch)
        self.deliver(note, exempt=True, epoch=None if parent is None else parent.epoch)

    def _siblings(self, incarnation: Incarnation) -> dict[str, Incarnation]:
        return self._roots if incarnation.parent is None else incarnation.parent.children


def _abandon(incarnation: Incarnation) -> None:
    incarnation.finish(Abandoned())
