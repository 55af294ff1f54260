"""The one place where Pykka is touched: an actor that runs an incarnation and lets nothing of Pykka's ways through.

Pykka answers an exception under `ask` and goes on, dies of one under `tell`, says nothing of one in `on_start`, and stops
every Pykka actor of the process on a `SystemExit`. The incarnation catches all of these before Pykka can see them.
Names of Pykka that are not public (`_create_actor_inbox`, `_start_actor_loop`, `_ActorStop`, the envelope) are pinned by a test.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pykka
from pykka._envelope import Envelope as PykkaEnvelope
from pykka.messages import _ActorStop

from reconcile_actors.kernel.dead_letters import DeadLetterReason, DeadLetters
from reconcile_actors.kernel.envelope import Envelope
from reconcile_actors.kernel.incarnation import Incarnation
from reconcile_actors.kernel.mailbox import Mailbox, Signal


class Inbox:
    """What Pykka takes for the actor's queue: the incarnation's mailbox.

    Our own messages do not come through `put`. What does is somebody else's: the process stopping all Pykka actors (an
    ordinary stop to us), or a broadcast (a dead letter).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[PykkaEnvelope[Any]] = []
        self._mailbox: Mailbox | None = None
        self._dead_letters: DeadLetters | None = None
        self._name = ""

    def bind(self, incarnation: Incarnation, dead_letters: DeadLetters) -> None:
        """Pykka makes the inbox before it lets us say whose it is."""
        self._name = incarnation.name
        self._dead_letters = dead_letters
        self._mailbox = incarnation.mailbox

    def put(self, envelope: PykkaEnvelope[Any], /) -> None:
        """Called by Pykka's references, from any thread."""
        if isinstance(envelope.message, _ActorStop):
            with self._lock:
                stopping = self._mailbox is not None and self._mailbox.request_stop()
                if stopping:
                    self._stops.append(envelope)
            if not stopping:
                _answer(envelope)
            return
        if self._dead_letters is not None:
            self._dead_letters.add(DeadLetterReason.FOREIGN, envelope.message, to=self._name, sender=None)
        if envelope.reply_to is not None:
            error = pykka.ActorDeadError(f"{self._name} takes messages through its host only")
            envelope.reply_to.set_exception((pykka.ActorDeadError, error, None))

    def get(self) -> PykkaEnvelope[Any]:
        """Called by Pykka's loop: waits for the next thing."""
        assert self._mailbox is not None
        return PykkaEnvelope(self._mailbox.wait())

    def empty(self) -> bool:
        """Called by Pykka's teardown: the incarnation has accounted for everything already."""
        return True

    def answer_stops(self) -> None:
        """The mailbox is closed: tell those who stopped the actor through Pykka."""
        with self._lock:
            stops, self._stops = self._stops, []
        for envelope in stops:
            _answer(envelope)


class KernelActor(pykka.ThreadingActor):
    """A Pykka actor around one incarnation."""

    use_daemon_thread: ClassVar[bool] = True  # an actor left running must not keep the interpreter from exiting

    actor_inbox: Inbox

    def __init__(self, incarnation: Incarnation, dead_letters: DeadLetters, threads: set[threading.Thread]) -> None:
        super().__init__()
        self._incarnation = incarnation
        self._threads = threads
        self.actor_inbox.bind(incarnation, dead_letters)

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return Inbox()

    def _start_actor_loop(self) -> None:
        try:
            super()._start_actor_loop()
        except BaseException:  # no thread to be had: Pykka has registered the actor by now and would keep it
            pykka.ActorRegistry.unregister(self.actor_ref)
            self.actor_stopped.set()
            raise

    def on_start(self) -> None:
        """In the actor's thread, before the first message."""
        thread = threading.current_thread()
        thread.name = f"actor-{self._incarnation.name}-{self._incarnation.epoch}"
        self._threads.add(thread)
        self._incarnation.start()
        self._leave_if_ended()

    def on_receive(self, message: Envelope | Signal) -> None:
        """In the actor's thread, for each thing from the inbox."""
        self._incarnation.handle(message)
        self._leave_if_ended()

    def _leave_if_ended(self) -> None:
        if self._incarnation.live:
            return
        self._incarnation.ended.wait(1.0)  # ended by another thread, which may be between the two steps
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
        self.actor_inbox.answer_stops()


def _answer(envelope: PykkaEnvelope[Any]) -> None:
    if envelope.reply_to is not None:
        envelope.reply_to.set(None)
