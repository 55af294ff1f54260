"""Bare Pykka: an actor that counts what it is told and answers what it is asked."""

import threading

import pykka


class Counter(pykka.ThreadingActor):
    """Sets `done` at the last of `expected` messages."""

    use_daemon_thread = True

    def __init__(self, expected: int, done: threading.Event) -> None:
        super().__init__()
        self.left = expected
        self.done = done

    def on_receive(self, message: object) -> object:
        """Called on the actor's thread."""
        self.left -= 1
        if self.left == 0:
            self.done.set()
        return message
