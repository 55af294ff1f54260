"""One request to the indexer as the gateway makes it: paced by the limit and tried again inside a deadline."""

from collections.abc import Mapping

from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.dydx.errors import TOO_MANY_REQUESTS
from reconcile_actors.exchanges.dydx.limits import Purpose, RequestLimit
from reconcile_actors.exchanges.paced import PacedCalls, for_room
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass


class Calls(PacedCalls[RequestLimit]):
    """All requests of one account go through here."""

    async def get(
        self,
        method: str,
        params: Mapping[str, object],
        *,
        deadline_us: int,
        purpose: Purpose = Purpose.WATCH,
        fresh: bool = False,
    ) -> Answer:
        """The answer to a request, `method` being ccxt's name for it. Raises ExchangeFailureError."""

        async def once() -> Answer:
            await self._pace(purpose, deadline_us)
            left = self._clocks.seconds_until(deadline_us)
            try:
                return await self._client.call(method, params, timeout_seconds=left, fresh=fresh)
            except ExchangeFailureError as failure:
                problem = failure
            raise self._stepped_down(problem) if problem.failure is FailureClass.RATE_LIMIT else problem

        return await self._tried(once, deadline_us)

    async def _pace(self, purpose: Purpose, deadline_us: int) -> None:
        await for_room(lambda now_us: self._limit.wait_seconds(purpose, now_us), self._clocks, deadline_us)
        self._limit.spend(self._clocks.monotonic_us())

    def _stepped_down(self, problem: ExchangeFailureError) -> ExchangeFailureError:
        now_us, pause = self._clocks.monotonic_us(), problem.retry_after_seconds
        if pause is not None and problem.code == TOO_MANY_REQUESTS:
            pause /= 1000
        self._limit.step_down(now_us, pause)
        return ExchangeFailureError(
            FailureClass.RATE_LIMIT,
            problem.code,
            http_status=problem.http_status,
            retry_after_seconds=self._limit.wait_seconds(Purpose.CONFIRM, now_us),
        )
