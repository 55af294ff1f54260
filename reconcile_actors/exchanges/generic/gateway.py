"""The gateway for every exchange of ccxt that has no room of its own: one spot wallet, totals alone, no history.

It knows nothing of the exchange but what ccxt says, and believes that only where the raw answer explains it (`gate`). It never
trades and never moves funds (I11).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Bracket, Snapshot, UnknownReason, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.frames import without_frames
from reconcile_actors.exchanges.generic.budget import Budget
from reconcile_actors.exchanges.generic.client import INVALID_NONCE, Reading, UnifiedClient
from reconcile_actors.exchanges.generic.content import content_of
from reconcile_actors.exchanges.generic.gate import Believed, Gate
from reconcile_actors.exchanges.generic.probing import Legs
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.paced import for_room
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeFailureError, FailureClass, History
from reconcile_actors.exchanges.presence import Presence
from reconcile_actors.exchanges.reading import GROUP, snapshot_of
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter, retrying
from reconcile_actors.exchanges.rows import Content, Rejected

LAG_SECONDS: Final = 2.0


class GenericGateway:
    """Fulfils `ExchangeGateway`; see there for what the methods promise."""

    def __init__(
        self,
        name: str,
        config: ExchangeConfig,
        client: UnifiedClient,
        *,
        retry_count: int,
        clocks: Clocks,
        jitter: Jitter = FULL_JITTER,
    ) -> None:
        self._name = name
        self._wallet = config.wallets[0]
        self._lag_seconds = max(1.0, config.exchange_lag_seconds or LAG_SECONDS)
        self._client = client
        self._clocks = clocks
        self._tries = retry_count + 1
        self._jitter = jitter
        self._budget = Budget(client.spacing_seconds)
        self._gate = Gate(client.code_of, allow_empty=config.allow_empty)
        self._presence = Presence()
        self._believed: tuple[Sequence[str], Believed, Content] | None = None

    @property
    def facts(self) -> AdapterFacts:
        """Totals alone are compared, because nobody described what this exchange counts as locked."""
        return AdapterFacts(
            lag_seconds=self._lag_seconds,
            authoritative=frozenset({Field.TOTAL}),
            zeros_omitted=False,
            fee_reserve=Decimal(0),
            poll_seconds=self._budget.poll_seconds,
            history_seconds=self._budget.poll_seconds,
            detection_seconds=self._budget.detection_seconds,
            has_history=False,
        )

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """All balances that ccxt's `fetch_balance` gives, or why they are not believed. Raises ExchangeFailureError."""
        return await without_frames(self._read(timeout_seconds, fresh=fresh, confirming=confirming))

    async def history(
        self,
        since_at: int,
        *,
        timeout_seconds: float,  # noqa: ARG002 - the port's signature
        confirming: bool = False,  # noqa: ARG002 - the port's signature
    ) -> History:
        """Nothing, seen through nothing: `facts` say that there is no history."""
        return History((), since_at, since_at)

    async def enrich(
        self,
        movements: Sequence[Movement],
        *,
        timeout_seconds: float,  # noqa: ARG002 - the port's signature
    ) -> Sequence[Movement]:
        """The same movements."""
        return movements

    async def prices(
        self,
        currencies: Sequence[str],  # noqa: ARG002 - the port's signature
        *,
        timeout_seconds: float,  # noqa: ARG002 - the port's signature
    ) -> Mapping[str, Price]:
        """None: without a price a difference is never small, so nothing is hidden by it."""
        return {}

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def _read(self, timeout_seconds: float, *, fresh: bool, confirming: bool) -> Snapshot | Unreadable:
        requested_us, requested_at = self._clocks.monotonic_us(), self._clocks.utc_us()
        try:
            reading = await self._tried(timeout_seconds, fresh=fresh or self._presence.doubtful, confirming=confirming)
        except ExchangeFailureError as failure:
            if failure.failure is not FailureClass.BAD_DATA:
                raise
            bracket = Bracket(requested_us, self._clocks.monotonic_us(), requested_at, self._clocks.utc_us())
            return Unreadable(self._name, GROUP, bracket, UnknownReason.BAD_SHAPE, failure.code)
        return await self._understood(reading)

    async def _understood(self, reading: Reading) -> Snapshot | Unreadable:
        if self._believed is None or reading.digests != self._believed[0]:
            problem = await self._look_into(reading)
            if problem is not None:
                self._client.unlearn()
                return problem
        else:
            self._presence.settle()  # byte for byte what was believed before
        assert self._believed is not None, "what was looked into without a problem is believed"
        digests, believed, content = self._believed
        return snapshot_of(
            self._name,
            content,
            reading.brackets[believed.answer],
            raw_digest=digests[believed.answer],
            connection=reading.connection,
        )

    async def _look_into(self, reading: Reading) -> Unreadable | None:
        async def reread(number: int, content: object) -> Mapping[str, Legs] | None:
            return await self._client.reread(reading, number, content)

        believed = await self._gate.judge(reading.result, reading.contents, reread)
        if isinstance(believed, Rejected):
            return Unreadable(self._name, GROUP, reading.brackets[-1], believed.reason, believed.detail)
        bracket = reading.brackets[believed.answer]
        if not self._presence.believes(believed.rows.keys(), reading.connection, bracket.received_us):
            return Unreadable(self._name, GROUP, bracket, UnknownReason.INCOMPLETE_PAGE, "row_gone")
        self._believed = (reading.digests, believed, content_of(believed.rows, self._wallet))
        return None

    async def _tried(self, timeout_seconds: float, *, fresh: bool, confirming: bool) -> Reading:
        deadline_us = self._clocks.deadline_us(timeout_seconds)
        refused_nonces = 0

        async def once() -> Reading:
            nonlocal refused_nonces
            await self._pace(deadline_us, confirming=confirming)
            try:
                left = self._clocks.seconds_until(deadline_us)
                return await self._client.balance(timeout_seconds=left, fresh=fresh)
            except ExchangeFailureError as failure:
                problem = failure
            if problem.failure is FailureClass.RATE_LIMIT:
                self._budget.step_down(self._clocks.monotonic_us())
            elif problem.code == INVALID_NONCE:
                refused_nonces += 1
                self._client.mend_clock()
                if refused_nonces > 1:  # no clock explains it: another program uses the same key
                    problem = ExchangeFailureError(
                        FailureClass.CONFIGURATION, INVALID_NONCE, http_status=problem.http_status
                    )
            raise problem

        return await retrying(
            once, tries=self._tries, deadline_us=deadline_us, clocks=self._clocks, jitter=self._jitter
        )

    async def _pace(self, deadline_us: int, *, confirming: bool) -> None:
        purpose = Purpose.CONFIRM if confirming else Purpose.WATCH
        await for_room(lambda now_us: self._budget.wait_seconds(purpose, now_us), self._clocks, deadline_us)
        self._budget.spend(self._clocks.monotonic_us())
