"""One Coinbase request as the gateway makes it: paced by its limit, tried again inside a deadline, its clock mended once."""

from collections.abc import Mapping
from typing import Final

from reconcile_actors.exchanges.ccxt_client import Answer, CcxtClient
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.coinbase.fields import amount_of, answer_of
from reconcile_actors.exchanges.coinbase.limits import CallLimit, Lane
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.paced import PacedCalls, for_room
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter

CLOCK_SKEW: Final = "clock_skew"
# Tokens hold from the second of signing on: a second in hand, so that a clock slightly ahead is not refused.
_IN_HAND_US: Final = 1_000_000
_SKEW_US: Final = 2_000_000
_TIME: Final = "v3PublicGetBrokerageTime"


class Calls(PacedCalls[CallLimit]):
    """All requests of one account go through here."""

    def __init__(
        self, client: CcxtClient, limit: CallLimit, clocks: Clocks, *, retry_count: int, jitter: Jitter = FULL_JITTER
    ) -> None:
        super().__init__(client, limit, clocks, retry_count=retry_count, jitter=jitter)
        self._offset_us = 0
        client.tell_time_by(lambda: (clocks.utc_us() + self._offset_us - _IN_HAND_US) // 1000)

    async def private(
        self,
        method: str,
        params: Mapping[str, object],
        *,
        deadline_us: int,
        lane: Lane = Lane.TRADE,
        purpose: Purpose = Purpose.WATCH,
        room: float = 0.0,
        fresh: bool = False,
        remember: bool = False,
    ) -> Answer:
        """The answer to a signed request. Raises ExchangeFailureError.

        Coinbase refuses a wrong key and a wrong clock with the same word, so a refusal has the clock measured once.
        """
        refused = False

        async def once() -> Answer:
            nonlocal refused
            await self._pace(lane, purpose, deadline_us, room)
            left = self._clocks.seconds_until(deadline_us)
            try:
                return await self._client.call(method, params, timeout_seconds=left, fresh=fresh, remember=remember)
            except ExchangeFailureError as failure:
                problem = failure
            if problem.failure is FailureClass.RATE_LIMIT:
                pause = self._limit.refuse(lane, problem.retry_after_seconds, self._clocks.monotonic_us())
                problem = ExchangeFailureError(
                    FailureClass.RATE_LIMIT,
                    problem.code,
                    http_status=problem.http_status,
                    retry_after_seconds=pause,
                )
            elif problem.http_status == 401 and not refused:
                refused = True
                if await self._clock_mended(deadline_us):
                    problem = ExchangeFailureError(FailureClass.TRANSIENT, CLOCK_SKEW, http_status=401)
            raise problem

        return await self._tried(once, deadline_us)

    async def public(self, method: str, params: Mapping[str, object], *, deadline_us: int) -> Answer:
        """The answer to an open request. Raises ExchangeFailureError."""
        return await self._uncounted(method, params, deadline_us)

    async def _pace(self, lane: Lane, purpose: Purpose, deadline_us: int, room: float) -> None:
        await for_room(lambda now_us: self._limit.wait_seconds(lane, purpose, now_us, room), self._clocks, deadline_us)
        self._limit.spend(lane, purpose, self._clocks.monotonic_us())

    async def _clock_mended(self, deadline_us: int) -> bool:
        """Whether the exchange's clock is another than ours was taken for; from now on tokens bear the exchange's."""
        left = self._clocks.seconds_until(deadline_us)
        try:
            answer = await self._client.call(_TIME, {}, timeout_seconds=left, private=False)
            theirs_at = int(amount_of(answer_of(answer.content), "epochMillis")) * 1000
        except ExchangeFailureError:
            return False  # then the refusal itself is what is told
        ours_at = (answer.bracket.requested_at + answer.bracket.received_at) // 2
        offset_us = theirs_at - ours_at
        moved = abs(offset_us - self._offset_us) >= _SKEW_US
        if moved:
            self._offset_us = offset_us
        return moved
