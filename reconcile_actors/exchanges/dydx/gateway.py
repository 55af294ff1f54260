"""The dYdX gateway: reads of one subaccount at the indexer, by address and without a key. It never trades and never moves funds (I11).

One subaccount answer is one atomic group: USDC, net of what funding is owed, and every open position. Fills, transfers and
funding payments are the history.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Balance, Field, Position
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Bracket, Snapshot, UnknownReason, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.ccxt_client import Answer, CcxtClient
from reconcile_actors.exchanges.clocks import MICROSECONDS, Clocks
from reconcile_actors.exchanges.dydx.calls import Calls
from reconcile_actors.exchanges.dydx.errors import NO_SUBACCOUNT
from reconcile_actors.exchanges.dydx.fields import USDC, symbol_of
from reconcile_actors.exchanges.dydx.history import read_history
from reconcile_actors.exchanges.dydx.limits import Purpose, RequestLimit
from reconcile_actors.exchanges.dydx.movements import Reader
from reconcile_actors.exchanges.dydx.plausibility import Heights, adds_up, adds_up_by_itself, read_oracle_prices
from reconcile_actors.exchanges.dydx.shape import Rejected, Subaccount, read_subaccount
from reconcile_actors.exchanges.frames import without_frames
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeFailureError, FailureClass, History
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter

GROUP: Final = "subaccount"
LAG_SECONDS: Final = 2.0
STEPS: Final = {USDC: Decimal("0.000001")}
_SUBACCOUNT: Final = "indexerGetAddressesAddressSubaccountNumberSubaccountNumber"
_MARKETS: Final = "indexerGetPerpetualMarkets"
_EMPTY: Final = Subaccount(None, {}, money.ZERO, money.ZERO)


class DydxGateway:
    """Fulfils `ExchangeGateway`; see there for what the methods promise."""

    def __init__(
        self,
        name: str,
        config: ExchangeConfig,
        client: CcxtClient,
        *,
        retry_count: int,
        clocks: Clocks,
        jitter: Jitter = FULL_JITTER,
    ) -> None:
        if config.address is None or config.subaccount is None:
            raise ConfigError(f"exchanges.{name}: dydx is read by address and subaccount: set both")
        self._name = name
        self._client = client
        self._clocks = clocks
        self._wallet = config.wallets[0]
        self._address = config.address
        self._number = config.subaccount
        self._allow_empty = config.allow_empty
        self._lag_seconds = max(LAG_SECONDS, config.exchange_lag_seconds or LAG_SECONDS)
        self._limit = RequestLimit()
        self._calls = Calls(client, self._limit, clocks, retry_count=retry_count, jitter=jitter)
        self._heights = Heights(self._lag_seconds)
        self._known = False
        self._doubtful = False

    @property
    def facts(self) -> AdapterFacts:
        """What the indexer allows at this moment."""
        return AdapterFacts(
            lag_seconds=self._lag_seconds,
            authoritative=frozenset({Field.TOTAL, Field.POSITION}),
            zeros_omitted=True,
            fee_reserve=money.ZERO,
            poll_seconds=self._limit.poll_seconds,
            history_seconds=self._limit.history_seconds,
            detection_seconds=self._limit.detection_seconds,
        )

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """USDC and every position, or why nothing is believed. Raises ExchangeFailureError."""
        return await without_frames(self._read(timeout_seconds, fresh=fresh, confirming=confirming))

    async def history(
        self,
        since_at: int,
        *,
        timeout_seconds: float,
        confirming: bool = False,  # noqa: ARG002 - one budget holds all of its looks
    ) -> History:
        """Fills, transfers and funding payments since an instant (UTC us). Raises ExchangeFailureError.

        Funding payments from two hours before it may be among them, because they are listed late.
        """
        reader = Reader(self._name, self._wallet, self._address, self._number)
        lag_us = int(self._lag_seconds * MICROSECONDS)
        may_be_unknown = self._allow_empty and not self._known
        read = read_history(self._pages(timeout_seconds), reader, since_at, lag_us, may_be_unknown=may_be_unknown)
        return await without_frames(read)

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:  # noqa: ARG002 - the port's signature
        """The same movements: a fill of the indexer says its market, side and order by itself."""
        return movements

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """The oracle's prices; USDC counts as a dollar, as it does for the exchange itself. Raises ExchangeFailureError."""
        wanted, oracle = set(currencies), dict[str, Decimal]()
        if wanted - {USDC}:
            oracle = await without_frames(self._oracle_prices(self._clocks.deadline_us(timeout_seconds)))
        at = self._clocks.utc_us()
        found = {_base(ticker): Price(price, "ticker", at) for ticker, price in oracle.items()}
        found[USDC] = Price(Decimal(1), "identity", at)
        return {currency: price for currency, price in found.items() if currency in wanted}

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    # -- reading -------------------------------------------------------------------------------------------------------

    async def _read(self, timeout_seconds: float, *, fresh: bool, confirming: bool) -> Snapshot | Unreadable:
        deadline_us = self._clocks.deadline_us(timeout_seconds)
        requested_us, requested_at = self._clocks.monotonic_us(), self._clocks.utc_us()
        purpose = Purpose.CONFIRM if confirming else Purpose.WATCH
        answer = await self._ask(deadline_us, purpose, fresh=fresh or self._doubtful)
        if isinstance(answer, ExchangeFailureError):
            bracket = Bracket(requested_us, self._clocks.monotonic_us(), requested_at, self._clocks.utc_us())
            return self._failed(answer, bracket)
        try:
            account = await self._understood(answer, deadline_us, purpose)
        except ExchangeFailureError as error:
            if error.failure is not FailureClass.BAD_DATA:
                raise
            account = Rejected(UnknownReason.BAD_SHAPE, error.code)
        self._doubtful = isinstance(account, Rejected)
        if isinstance(account, Rejected):
            return Unreadable(self._name, GROUP, answer.bracket, account.reason, account.detail)
        self._known = True
        return self._snapshot(account, answer.bracket, answer.digest, answer.connection)

    async def _ask(self, deadline_us: int, purpose: Purpose, *, fresh: bool) -> Answer | ExchangeFailureError:
        params = {"address": self._address, "subaccountNumber": self._number}
        try:
            return await self._calls.get(_SUBACCOUNT, params, deadline_us=deadline_us, purpose=purpose, fresh=fresh)
        except ExchangeFailureError as failure:
            return failure

    def _failed(self, failure: ExchangeFailureError, bracket: Bracket) -> Snapshot | Unreadable:
        if failure.failure is FailureClass.BAD_DATA:
            return Unreadable(self._name, GROUP, bracket, UnknownReason.BAD_SHAPE, failure.code)
        if failure.code == NO_SUBACCOUNT and self._known:
            # a subaccount is never taken away: this indexer has lost it, or has not come so far yet
            self._doubtful = True
            return Unreadable(self._name, GROUP, bracket, UnknownReason.INCOMPLETE_PAGE, "subaccount_gone")
        if failure.code == NO_SUBACCOUNT and self._allow_empty:
            return self._snapshot(_EMPTY, bracket, "", 0)
        raise failure

    async def _understood(self, answer: Answer, deadline_us: int, purpose: Purpose) -> Subaccount | Rejected:
        account = read_subaccount(answer.content, self._address, self._number)
        if isinstance(account, Rejected):
            return account
        stale = self._heights.judge(account.height, answer.bracket.requested_us)
        if stale is not None:
            return stale
        if adds_up_by_itself(account):
            return account
        if account.positions and adds_up(account, await self._oracle_prices(deadline_us, purpose)):
            return account
        return Rejected(UnknownReason.IMPLAUSIBLE, "equity_differs")

    async def _oracle_prices(self, deadline_us: int, purpose: Purpose = Purpose.WATCH) -> dict[str, Decimal]:
        answer = await self._calls.get(_MARKETS, {}, deadline_us=deadline_us, purpose=purpose)
        return read_oracle_prices(answer.content)

    def _snapshot(self, account: Subaccount, bracket: Bracket, raw_digest: str, connection: int) -> Snapshot:
        balances = {} if account.usdc is None else {(self._wallet, USDC): self._balance(account.usdc)}
        positions: dict[tuple[str, str], Position] = {}
        for ticker, size in account.positions.items():
            symbol = symbol_of(ticker)
            assert symbol is not None, "the gate lets only markets with a symbol pass"
            positions[self._wallet, symbol] = Position(symbol, size, self._wallet)
        lines = [f"{USDC} {money.plain(account.usdc)}"] if account.usdc is not None else []
        lines += sorted(f"{symbol} {money.plain(one.quantity)}" for (_, symbol), one in positions.items())
        return Snapshot(
            exchange=self._name,
            group=GROUP,
            bracket=bracket,
            balances=balances,
            positions=positions,
            digest=hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest(),
            raw_digest=raw_digest,
            steps=STEPS,
            connection=connection,
        )

    def _balance(self, usdc: Decimal) -> Balance:
        # free collateral follows from prices and margins: it is no part of the balance that is free
        return Balance(USDC, usdc, None, None, None, self._wallet)

    def _pages(self, timeout_seconds: float) -> Callable[[str, dict[str, object]], Awaitable[Answer]]:
        deadline_us = self._clocks.deadline_us(timeout_seconds)
        own: dict[str, object] = {"address": self._address, "subaccountNumber": self._number}

        async def fetch(method: str, params: dict[str, object]) -> Answer:
            asked = {**own, **params} if params else params  # the height is nobody's
            return await self._calls.get(method, asked, deadline_us=deadline_us, purpose=Purpose.HISTORY)

        return fetch


def _base(ticker: str) -> str:
    symbol = symbol_of(ticker)
    return ticker if symbol is None else symbol.partition("/")[0]
