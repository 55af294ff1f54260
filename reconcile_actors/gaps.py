"""Holes that a full mailbox tears into a book: each is told to the portfolio actor until it is taken."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final

from reconcile_actors.actors.protocol import PORTFOLIO, NoteGap
from reconcile_actors.kernel.host import Accepted, TellResult

RETRY_SECONDS: Final = 0.2
FLUSH_SECONDS: Final = 1.0
Tell = Callable[[str, object], TellResult]


class Gaps:
    """Accounts that lack a report which was refused. Nothing is lost but the message itself: the account is unknown."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._accounts: set[str] = set()

    def note(self, account: str) -> bool:
        """One more; True where nobody is telling yet, so that `push` has to be run."""
        with self._lock:
            first = not self._accounts
            self._accounts.add(account)
            return first

    async def push(self) -> None:
        """Tells them, again and again, until all are taken."""
        while not self._told():  # noqa: ASYNC110 a mailbox tells nobody that it has room again
            await asyncio.sleep(RETRY_SECONDS)

    def flush(self) -> None:
        """The same before the end, for a second at most. Blocks."""
        until = time.monotonic() + FLUSH_SECONDS
        while not self._told() and time.monotonic() < until:
            time.sleep(RETRY_SECONDS / 10)

    def _told(self) -> bool:
        with self._lock:
            for account in sorted(self._accounts):
                if isinstance(self._tell(PORTFOLIO, NoteGap(account)), Accepted):
                    self._accounts.discard(account)
            return not self._accounts
