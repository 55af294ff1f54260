"""A gateway that reads only when it is let, so that a measurement knows which work belongs to which reads."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

from reconcile_actors.domain.snapshot import Snapshot, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeGateway, History

_POLL_SECONDS = 0.001
_NEVER_SECONDS = 86_400.0


class PermittedGateway:
    """Around a real one: reads follow each other at once, as many as are permitted; the history is left alone.

    The opening read is free. Made and used on the io loop; `permit` may be called from any thread.
    """

    def __init__(self, inner: ExchangeGateway) -> None:
        self._inner = inner
        self._loop = asyncio.get_running_loop()
        self._permits = asyncio.Semaphore(1)
        self._left = 0
        self._idle: Future[None] | None = None

    @property
    def facts(self) -> AdapterFacts:
        """The inner ones, but for the spacing."""
        return replace(self._inner.facts, poll_seconds=_POLL_SECONDS, history_seconds=_NEVER_SECONDS)

    def permit(self, reads: int) -> Future[None]:
        """Lets so many reads pass; resolves when the next one asks."""
        idle: Future[None] = Future()
        self._loop.call_soon_threadsafe(self._grant, reads, idle)
        return idle

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """Waits for its permit first: outside the time that the actor gives a read, if it takes longer than that."""
        if self._left == 0 and self._idle is not None:
            self._idle.set_result(None)
            self._idle = None
        await self._permits.acquire()
        self._left = max(0, self._left - 1)
        return await self._inner.read(timeout_seconds=timeout_seconds, fresh=fresh, confirming=confirming)

    async def history(self, since_at: int, *, timeout_seconds: float, confirming: bool = False) -> History:
        """Nothing happened."""
        return History((), since_at, since_at)

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """See the port."""
        return await self._inner.prices(currencies, timeout_seconds=timeout_seconds)

    async def close(self) -> None:
        """See the port."""
        await self._inner.close()

    def _grant(self, reads: int, idle: Future[None]) -> None:
        self._left, self._idle = reads, idle
        for _ in range(reads):
            self._permits.release()
