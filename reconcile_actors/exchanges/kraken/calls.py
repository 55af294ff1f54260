"""One Kraken request as the gateway makes it: paced by the counter, tried again inside a deadline, its nonce mended once."""

from collections.abc import Mapping

from reconcile_actors.exchanges.ccxt_client import Answer
from reconcile_actors.exchanges.kraken.errors import INVALID_NONCE
from reconcile_actors.exchanges.kraken.limits import COST_OTHER, CallLimit
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.paced import PacedCalls, for_room
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass


class Calls(PacedCalls[CallLimit]):
    """All requests of one account go through here."""

    async def private(
        self,
        method: str,
        params: Mapping[str, object],
        *,
        deadline_us: int,
        cost: float = COST_OTHER,
        purpose: Purpose = Purpose.WATCH,
        fresh: bool = False,
        remember: bool = False,
    ) -> Answer:
        """The answer to a signed request. Raises ExchangeFailureError; a nonce refused twice is a configuration failure,
        because then another program uses the same key."""
        refused_nonces = 0

        async def once() -> Answer:
            nonlocal refused_nonces
            await self._pace(cost, purpose, deadline_us)
            left = self._clocks.seconds_until(deadline_us)
            try:
                return await self._client.call(method, params, timeout_seconds=left, fresh=fresh, remember=remember)
            except ExchangeFailureError as failure:
                problem = failure
            if problem.failure is FailureClass.RATE_LIMIT:
                problem = self._stepped_down(problem, cost, purpose)
            elif problem.code == INVALID_NONCE:
                refused_nonces += 1
                self._client.skip_nonces()
                if refused_nonces > 1:
                    problem = ExchangeFailureError(
                        FailureClass.CONFIGURATION, INVALID_NONCE, http_status=problem.http_status
                    )
            raise problem

        return await self._tried(once, deadline_us)

    async def public(self, method: str, params: Mapping[str, object], *, deadline_us: int) -> Answer:
        """The answer to an open request, which Kraken does not count. Raises ExchangeFailureError."""
        return await self._uncounted(method, params, deadline_us)

    async def _pace(self, cost: float, purpose: Purpose, deadline_us: int) -> None:
        # A page that watching waits for has its turn before the next read; one that explains a difference has room of its own.
        with self._limit.claim(cost if purpose is Purpose.WATCH else 0.0):
            await for_room(lambda now_us: self._limit.wait_seconds(cost, purpose, now_us), self._clocks, deadline_us)
        self._limit.spend(cost, purpose, self._clocks.monotonic_us())

    def _stepped_down(self, problem: ExchangeFailureError, cost: float, purpose: Purpose) -> ExchangeFailureError:
        now_us = self._clocks.monotonic_us()
        self._limit.step_down(now_us)
        return ExchangeFailureError(
            FailureClass.RATE_LIMIT,
            problem.code,
            http_status=problem.http_status,
            retry_after_seconds=max(
                problem.retry_after_seconds or 0.0, self._limit.wait_seconds(cost, purpose, now_us)
            ),
        )
