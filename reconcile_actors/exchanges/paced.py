"""What the requests of an account have in common, whatever its exchange counts: they wait for room, and are tried again."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from reconcile_actors.exchanges.ccxt_client import Answer, CcxtClient
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.port import OWN_LIMIT, ExchangeFailureError, FailureClass
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter, retrying

L = TypeVar("L")


class PacedCalls(Generic[L]):
    """All requests of one account go through here; `L` is how its exchange limits them."""

    def __init__(
        self, client: CcxtClient, limit: L, clocks: Clocks, *, retry_count: int, jitter: Jitter = FULL_JITTER
    ) -> None:
        self._client = client
        self._limit = limit
        self._clocks = clocks
        self._tries = retry_count + 1
        self._jitter = jitter

    async def _uncounted(self, method: str, params: Mapping[str, object], deadline_us: int) -> Answer:
        """The answer to an open request that no limit counts. Raises ExchangeFailureError."""

        async def once() -> Answer:
            left = self._clocks.seconds_until(deadline_us)
            return await self._client.call(method, params, timeout_seconds=left, private=False)

        return await self._tried(once, deadline_us)

    async def _tried(self, once: Callable[[], Awaitable[Answer]], deadline_us: int) -> Answer:
        return await retrying(
            once, tries=self._tries, deadline_us=deadline_us, clocks=self._clocks, jitter=self._jitter
        )


async def for_room(wait_seconds: Callable[[int], float], clocks: Clocks, deadline_us: int) -> None:
    """Returns once nothing is left to wait for; `wait_seconds` says how long at a monotonic instant (us).

    Raises ExchangeFailureError (OWN_LIMIT) where the deadline comes before.
    """
    # Asked again after each pause: a confirmation may have used the room meanwhile, and goes first.
    while (wait := wait_seconds(clocks.monotonic_us())) > 0:
        if wait >= clocks.seconds_until(deadline_us):
            raise ExchangeFailureError(FailureClass.RATE_LIMIT, OWN_LIMIT, retry_after_seconds=wait)
        await clocks.sleep(wait)
