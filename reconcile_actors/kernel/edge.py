"""What the hosts of one process have in common: the directory behind spawn, tell, ask and subscribe."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from reconcile_actors.kernel.behaviour import DEFAULT_MAILBOX_LIMIT, Behaviour
from reconcile_actors.kernel.dead_letters import DeadLetterReason, DeadLetters
from reconcile_actors.kernel.directory import Directory
from reconcile_actors.kernel.engine import Engine
from reconcile_actors.kernel.errors import ActorDead, DeadlineExceeded, MailboxFull
from reconcile_actors.kernel.host import Accepted, Rejected, Subscription, TellResult
from reconcile_actors.kernel.replies import FutureReply
from reconcile_actors.kernel.subscribers import Subscribers


class Edge:
    """Everything that comes from outside the actors, on any engine."""

    def __init__(self, engine: Engine, *, id_prefix: str) -> None:
        self.directory = Directory(engine, id_prefix=id_prefix)
        self.dead_letters: DeadLetters = self.directory.dead_letters
        self.subscribers = Subscribers(self.dead_letters)
        self._engine = engine
        self._asks_lock = threading.Lock()
        self._asks: dict[Future[object], FutureReply] = {}

    def spawn(
        self,
        name: str,
        factory: Callable[[], Behaviour],
        *,
        mailbox_limit: int = DEFAULT_MAILBOX_LIMIT,
        watcher: str | None = None,
    ) -> int:
        """See `Host.spawn`."""
        return self.directory.spawn(name, factory, mailbox_limit=mailbox_limit, watcher=watcher)

    def tell(
        self, to: str, message: object, *, correlation_id: str | None = None, deadline: float | None = None
    ) -> TellResult:
        """See `Host.tell`."""
        envelope = self.directory.envelope(message, to=to, correlation_id=correlation_id, deadline=deadline)
        refused = self.directory.deliver(envelope)
        return Accepted() if refused is None else Rejected(str(refused))

    def ask(
        self, to: str, message: object, *, timeout_seconds: float, correlation_id: str | None = None
    ) -> Future[object]:
        """See `Host.ask`."""
        if not (math.isfinite(timeout_seconds) and timeout_seconds > 0):
            raise ValueError("an ask needs a finite timeout above 0 seconds")
        future: Future[object] = Future()
        reply_to = FutureReply(future, to, self.dead_letters)
        with self._asks_lock:
            self._asks[future] = reply_to
        # Taken before the timer is set, so that no message is begun whose asker has been told that it was too late.
        deadline = self._engine.clock.monotonic() + timeout_seconds
        timer = self._engine.after(timeout_seconds, partial(reply_to.fail, DeadlineExceeded(to)))

        def close(done: Future[object]) -> None:
            timer.cancel()
            with self._asks_lock:
                self._asks.pop(done, None)

        future.add_done_callback(close)
        envelope = self.directory.envelope(
            message, to=to, correlation_id=correlation_id, deadline=deadline, reply_to=reply_to
        )
        refused = self.directory.deliver(envelope)
        if refused is not None:
            reply_to.fail(MailboxFull(to) if refused is DeadLetterReason.FULL else ActorDead(to))
        return future

    def subscribe(self, callback: Callable[[object], None]) -> Subscription:
        """See `Host.subscribe`."""
        return self.subscribers.add(callback)

    def fail_open_asks(self) -> None:
        """The host ends: whoever still waits for a reply learns that none will come."""
        with self._asks_lock:
            waiting = list(self._asks.values())
        for reply_to in waiting:
            reply_to.fail(ActorDead(reply_to.to))
