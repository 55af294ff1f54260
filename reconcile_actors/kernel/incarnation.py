"""One life of one behaviour: what starts it, hands it messages, and ends it exactly once, on whatever host.

Every exception from a hook, of whatever type, ends here: the asker of the message in hand learns it first, then the
incarnation ends and its watcher is told. Nothing passes on to the engine, whose thread may belong to others too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconcile_actors.kernel.behaviour import Behaviour, Context
from reconcile_actors.kernel.dead_letters import DeadLetterReason
from reconcile_actors.kernel.envelope import Envelope, ReplyTo
from reconcile_actors.kernel.errors import ActorDead, ActorFailed, DeadlineExceeded
from reconcile_actors.kernel.mailbox import Mailbox, Signal
from reconcile_actors.kernel.own_messages import Completed, Scheduled
from reconcile_actors.kernel.replies import NoReply, SenderReply
from reconcile_actors.kernel.signals import Crashed, Reason, Stopped
from reconcile_actors.kernel.timers import Cancellable

if TYPE_CHECKING:
    from reconcile_actors.kernel.directory import Directory


class Incarnation:
    """Engines call `start`, then `handle` for each thing from `mailbox`, never two at once; the rest is thread-safe."""

    def __init__(
        self,
        name: str,
        epoch: int,
        factory: Callable[[], Behaviour],
        *,
        mailbox_limit: int,
        parent: Incarnation | None,
        watcher: str | None,
        directory: Directory,
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.parent = parent
        self.watcher = watcher
        self.mailbox = Mailbox(mailbox_limit)
        self.children: dict[str, Incarnation] = {}  # guarded by the directory's lock
        self.ended = threading.Event()
        self.end_reason: Reason | None = None
        self.random = directory.engine.random_for(name, epoch)
        self.in_hand: Envelope | None = None
        self.stop_wanted = False
        self._reply: ReplyTo | None = None
        self._factory = factory
        self._behaviour: Behaviour | None = None
        self._context: Context = directory.context_for(self)
        self._directory = directory
        self._lock = threading.Lock()
        self._live = True
        self._held: dict[object, Cancellable | None] = {}
        self._owed: dict[int, ReplyTo] = {}

    @property
    def live(self) -> bool:
        """Whether its effects count."""
        return self._live

    @property
    def begun(self) -> bool:
        """Whether its behaviour exists."""
        return self._behaviour is not None

    def start(self) -> None:
        """Make the behaviour and run its first hook."""
        if self._live and self._survives(self._begin) and self.stop_wanted:
            self._end_in_order()

    def handle(self, item: Envelope | Signal) -> None:
        """Handle one thing from the mailbox."""
        if isinstance(item, Envelope):
            self._handle_message(item)
        elif item is Signal.STOP and self._live and self._survives(self._ask_to_stop) and self.stop_wanted:
            self._end_in_order()

    def finish(self, reason: Reason) -> bool:
        """End it now, from any thread. Only the first call counts; False for later ones."""
        with self._lock:
            if not self._live:
                return False
            self._live = False
            self.end_reason = reason
            held, self._held = list(self._held.values()), {}
            owed, self._owed = list(self._owed.values()), {}
        rest = self.mailbox.close()
        for handle in held:
            if handle is not None:
                handle.cancel()
        in_hand = self.in_hand
        if in_hand is not None and in_hand.reply_to is not None:
            owed.append(in_hand.reply_to)
        for reply_to in owed:
            reply_to.fail(ActorDead(self.name))
        for envelope in rest:
            self._discard(envelope)
        self._directory.note_end(self, reason)
        self.ended.set()
        return True

    # --- for the context

    def hold(self, key: object, handle: Cancellable | None) -> bool:
        """Cancel `handle` when this ends. False when it has ended already; then the caller cancels."""
        with self._lock:
            if self._live:
                self._held[key] = handle
            return self._live

    def replace_held(self, key: object, handle: Cancellable) -> None:
        """Fill in what `hold(key, None)` kept a place for, unless it is over by now."""
        with self._lock:
            if key in self._held:
                self._held[key] = handle
                return
            live = self._live
        if not live:
            handle.cancel()

    def release(self, key: object) -> None:
        """It is over: hold it no longer."""
        with self._lock:
            self._held.pop(key, None)

    def post(self, envelope: Envelope) -> None:
        """Put something of its own making into its mailbox, whatever the bound; dropped when it has ended."""
        if self.mailbox.offer(envelope, exempt=True) is None:
            self._directory.engine.wake(self)
        else:
            self._discard(envelope)

    def reply_in_hand(self) -> ReplyTo:
        """Where the answer to the message in hand goes."""
        if self._reply is None:
            self._reply = self._find_asker()
        return self._reply

    def take_reply(self) -> ReplyTo:
        """Like `reply_in_hand`, and remembered as owed until it is sent or this ends."""
        taken = self.reply_in_hand()
        with self._lock:
            if self._live:
                self._owed[id(taken)] = taken
        return taken

    def settle(self, taken: ReplyTo) -> None:
        """It is owed no longer."""
        with self._lock:
            self._owed.pop(id(taken), None)

    # --- the hooks

    def _begin(self) -> None:
        self._behaviour = self._factory()
        self._behaviour.started(self._context)

    def _ask_to_stop(self) -> None:
        if self._behaviour is None or self._behaviour.stop_requested(self._context):
            self.stop_wanted = True

    def _end_in_order(self) -> None:
        behaviour = self._behaviour
        if behaviour is None or self._survives(lambda: behaviour.stopping(self._context)):
            self.finish(Stopped())

    def _handle_message(self, envelope: Envelope) -> None:
        self.in_hand = envelope  # before looking at `live`, so that whoever ends it sees the message or is seen
        if not self._live:
            self._discard(envelope)
        elif isinstance(envelope.message, Scheduled) and envelope.message.cancelled:
            pass  # cancelled while it waited in the mailbox
        elif envelope.deadline is not None and self._directory.engine.clock.monotonic() >= envelope.deadline:
            self._expire(envelope)
        elif self._survives(self._receive):
            self.in_hand = None
            self._reply = None
            if self.stop_wanted:
                self._end_in_order()
        self.in_hand = None
        self._reply = None

    def _receive(self) -> None:
        envelope = self.in_hand
        behaviour = self._behaviour
        assert envelope is not None
        assert behaviour is not None
        message = envelope.message
        if isinstance(message, Completed):
            message = message.make()
            self.in_hand = replace(envelope, message=message)
        elif isinstance(message, Scheduled):
            message = message.message
            self.in_hand = replace(envelope, message=message)
        behaviour.receive(self._context, message)

    def _survives(self, hook: Callable[[], object]) -> bool:
        try:
            hook()
        except BaseException as error:  # noqa: BLE001 whatever it raises ends this actor, and nothing else
            self._crash(error)
            return False
        return self._live

    def _crash(self, error: BaseException) -> None:
        crashed = Crashed(type(error).__name__, _location(error))
        if self.in_hand is not None and self.in_hand.reply_to is not None:
            self.in_hand.reply_to.fail(ActorFailed(self.name, crashed.error_type))
        self.finish(crashed)

    def _find_asker(self) -> ReplyTo:
        envelope = self.in_hand
        dead_letters = self._directory.dead_letters
        if envelope is None or not envelope.expects_reply:
            return NoReply(self.name, dead_letters)
        if envelope.reply_to is not None:
            return envelope.reply_to
        return SenderReply(envelope, partial(self._directory.deliver_reply, self.epoch), dead_letters)

    def _expire(self, envelope: Envelope) -> None:
        self._note_dead_letter(DeadLetterReason.DEADLINE, envelope)
        if envelope.reply_to is not None:
            envelope.reply_to.fail(DeadlineExceeded(self.name))

    def _discard(self, envelope: Envelope) -> None:
        if isinstance(envelope.message, Scheduled):
            return  # its own timer: nobody else expects anything of it
        stale = isinstance(envelope.message, Completed)
        self._note_dead_letter(DeadLetterReason.STALE if stale else DeadLetterReason.DEAD, envelope)
        if envelope.reply_to is not None:
            envelope.reply_to.fail(ActorDead(self.name))

    def _note_dead_letter(self, reason: DeadLetterReason, envelope: Envelope) -> None:
        self._directory.dead_letters.add(reason, envelope.message, to=envelope.to, sender=envelope.sender)


def _location(error: BaseException) -> str:
    """`file.py:line` where it was raised; the frames' contents and the exception's text stay out (I7)."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "unknown" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
