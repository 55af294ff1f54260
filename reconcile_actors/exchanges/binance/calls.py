"""One Binance request as the gateway makes it: paced by weight, tried again inside a deadline, the clock mended once."""

from collections.abc import Mapping

from reconcile_actors.exchanges.binance.errors import CLOCK_SKEW
from reconcile_actors.exchanges.binance.limits import TIME, CallLimit, Cost
from reconcile_actors.exchanges.ccxt_client import Answer, CcxtClient
from reconcile_actors.exchanges.clocks import MICROSECONDS, Clocks
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.paced import PacedCalls, for_room
from reconcile_actors.exchanges.port import OWN_LIMIT, ExchangeFailureError, FailureClass
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter

_MINUTE_US = 60 * MICROSECONDS


class Calls(PacedCalls[CallLimit]):
    """All requests of one account go through here. `ahead_ms` is how far our clock was found to be ahead of the exchange's."""

    def __init__(
        self, client: CcxtClient, limit: CallLimit, clocks: Clocks, *, retry_count: int, jitter: Jitter = FULL_JITTER
    ) -> None:
        super().__init__(client, limit, clocks, retry_count=retry_count, jitter=jitter)
        self.ahead_ms = 0
        client.tell_time_by(self.exchange_ms)

    def exchange_ms(self) -> int:
        """The exchange's clock as we know it (UTC ms)."""
        return self._clocks.utc_us() // 1000 - self.ahead_ms

    def has_room(self, cost: Cost) -> bool:
        """Whether a request of that cost may go now without waiting."""
        return self._limit.wait_seconds(cost, Purpose.WATCH, self._clocks.monotonic_us()) == 0

    async def signed(
        self,
        method: str,
        params: Mapping[str, object],
        cost: Cost,
        *,
        deadline_us: int,
        purpose: Purpose = Purpose.WATCH,
        fresh: bool = False,
        remember: bool = False,
    ) -> Answer:
        """The answer to a signed request. Raises ExchangeFailureError; a timestamp refused twice is a configuration failure,
        because then this machine's clock does not run evenly."""
        refused = 0

        async def once() -> Answer:
            nonlocal refused
            await self._pace(cost, purpose, deadline_us)
            left = self._clocks.seconds_until(deadline_us)
            try:
                # Signed by time and not by a counter, requests may overtake each other; only a new connection comes alone.
                answer = await self._client.call(
                    method, params, timeout_seconds=left, fresh=fresh, private=fresh, remember=remember
                )
            except ExchangeFailureError as failure:
                problem = failure
            else:
                return self._noted(answer)
            if problem.code == CLOCK_SKEW:
                refused += 1
                if refused > 1:
                    raise ExchangeFailureError(FailureClass.CONFIGURATION, CLOCK_SKEW, http_status=problem.http_status)
                await self._measure_clock(deadline_us)
            raise self._refused(problem)

        return await self._tried(once, deadline_us)

    async def public(self, method: str, params: Mapping[str, object], cost: Cost, *, deadline_us: int) -> Answer:
        """The answer to an open request. Raises ExchangeFailureError."""

        async def once() -> Answer:
            await self._pace(cost, Purpose.WATCH, deadline_us)
            left = self._clocks.seconds_until(deadline_us)
            try:
                answer = await self._client.call(method, params, timeout_seconds=left, private=False)
            except ExchangeFailureError as failure:
                problem = failure
            else:
                return self._noted(answer)
            raise self._refused(problem)

        return await self._tried(once, deadline_us)

    async def _measure_clock(self, deadline_us: int) -> None:
        """Compares clocks: the exchange's is taken to have told its time half-way through the request."""
        answer = await self.public("publicGetTime", {}, TIME, deadline_us=deadline_us)
        told = answer.content.get("serverTime") if isinstance(answer.content, dict) else None
        if isinstance(told, int) and not isinstance(told, bool):
            bracket = answer.bracket
            self.ahead_ms = (bracket.requested_at + bracket.received_at) // 2000 - told

    async def _pace(self, cost: Cost, purpose: Purpose, deadline_us: int) -> None:
        await for_room(lambda now_us: self._limit.wait_seconds(cost, purpose, now_us), self._clocks, deadline_us)
        self._limit.spend(cost, purpose, self._clocks.monotonic_us())

    def _noted(self, answer: Answer) -> Answer:
        second = self.exchange_ms() * 1000 % _MINUTE_US / MICROSECONDS
        self._limit.learn(answer.used, self._clocks.monotonic_us(), second)
        return answer

    def _refused(self, problem: ExchangeFailureError) -> ExchangeFailureError:
        if problem.failure is FailureClass.RATE_LIMIT and problem.code != OWN_LIMIT:
            self._limit.refuse(problem.retry_after_seconds, self._clocks.monotonic_us())
        return problem
