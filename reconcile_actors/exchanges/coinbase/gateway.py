"""The Coinbase gateway: reads of one account behind the port. It never trades and never moves funds (I11).

The accounts of Advanced Trade (v3) are the balances; its fills and the transactions of each account (v2) are the history.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.ccxt_client import Answer, CcxtClient
from reconcile_actors.exchanges.clocks import MICROSECONDS, Clocks
from reconcile_actors.exchanges.coinbase.calls import Calls
from reconcile_actors.exchanges.coinbase.fields import distrusted
from reconcile_actors.exchanges.coinbase.history import Fetch
from reconcile_actors.exchanges.coinbase.limits import (
    HISTORY_SECONDS,
    POLL_ROOM,
    POLL_SECONDS,
    CallLimit,
    Lane,
    detection_seconds,
)
from reconcile_actors.exchanges.coinbase.lookback import Lookback
from reconcile_actors.exchanges.coinbase.pages import Picture, read_picture, read_round
from reconcile_actors.exchanges.coinbase.prices import QUOTE, products_of, read_prices
from reconcile_actors.exchanges.coinbase.shape import summed
from reconcile_actors.exchanges.coinbase.wallets import check_wallets
from reconcile_actors.exchanges.frames import without_frames
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.port import AdapterFacts, History
from reconcile_actors.exchanges.presence import Presence
from reconcile_actors.exchanges.reading import read_balances
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter
from reconcile_actors.exchanges.rows import Content, Rejected, content_of

LAG_SECONDS: Final = 1.0
FEE_RESERVE: Final = Decimal("0.012")  # the highest taker fee
ACCOUNTS_A_PAGE: Final = 250
PRODUCTS_A_REQUEST: Final = 50  # they stand in the address, which may not grow without end


class CoinbaseGateway:
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
        """Raises ConfigError for a wallet that Coinbase does not have."""
        check_wallets(name, config.wallets)
        self._name = name
        self._client = client
        self._clocks = clocks
        self._wallets = frozenset(config.wallets)
        self._allow_empty = config.allow_empty
        self._lag_seconds = max(LAG_SECONDS, config.exchange_lag_seconds or LAG_SECONDS)
        self._calls = Calls(client, CallLimit(), clocks, retry_count=retry_count, jitter=jitter)
        self._presence = Presence()
        self._lookback = Lookback(name, self._wallets, int(self._lag_seconds * MICROSECONDS))
        self._raw_digest = ""
        self._content: Content | None = None
        self._page_count = 1
        self._without_price: set[str] = set()

    @property
    def facts(self) -> AdapterFacts:
        """What Coinbase allows; an account of several pages is read two or three times, R apart, and so less often."""
        read_seconds = 0.0 if self._page_count == 1 else 2 * self._lag_seconds + 0.3 * self._page_count
        poll_seconds = POLL_SECONDS + read_seconds
        return AdapterFacts(
            lag_seconds=self._lag_seconds,
            authoritative=frozenset({Field.TOTAL, Field.LOCKED}),
            zeros_omitted=False,
            fee_reserve=FEE_RESERVE,
            poll_seconds=poll_seconds,
            history_seconds=max(HISTORY_SECONDS, poll_seconds),
            detection_seconds=detection_seconds(poll_seconds, read_seconds),
        )

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """All balances of the configured wallets, or why they are not believed. Raises ExchangeFailureError.

        An answer that is no JSON is unreadable like any other that is not understood. After an answer that lacked an account
        the next read takes a fresh connection by itself.
        """
        purpose = Purpose.CONFIRM if confirming else Purpose.WATCH
        fetch = self._accounts(timeout_seconds, purpose, fresh=fresh or self._presence.doubtful)
        asked = without_frames(read_picture(fetch, self._pause(timeout_seconds)))
        return await read_balances(self._name, self._clocks, asked, self._understood)

    async def history(
        self,
        since_at: int,
        *,
        timeout_seconds: float,
        confirming: bool = False,  # noqa: ARG002 - one budget holds all of its looks
    ) -> History:
        """Every fill, and the transactions of every account that shows a change, since an instant (UTC us).

        `transfers_of` are the currencies of those accounts. Raises ExchangeFailureError.
        """
        return await without_frames(self._history(since_at, timeout_seconds))

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:  # noqa: ARG002 - the port's
        """The same movements: Coinbase's fills come with market, side and order."""
        return movements

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """USD prices by product; a currency without one is left out and not asked for again. Raises ExchangeFailureError."""
        wanted = sorted(set(currencies) - self._without_price - {QUOTE})
        if not wanted:
            return {}
        prices = await without_frames(self._tickers(wanted, self._clocks.deadline_us(timeout_seconds)))
        self._without_price.update(set(wanted) - set(prices))
        return prices

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def _tickers(self, wanted: Sequence[str], deadline_us: int) -> dict[str, Price]:
        prices: dict[str, Price] = {}
        for first in range(0, len(wanted), PRODUCTS_A_REQUEST):
            some = wanted[first : first + PRODUCTS_A_REQUEST]
            answer = await self._calls.public(
                "v3PublicGetBrokerageMarketProducts", {"product_ids": products_of(some)}, deadline_us=deadline_us
            )
            prices |= read_prices(answer.content, some, answer.bracket.received_at)
        return prices

    def _understood(self, picture: Picture) -> Content | Rejected:
        if self._content is not None and picture.digest == self._raw_digest:
            self._presence.settle()
            return self._content  # byte for byte what was believed before
        if not picture.rows and not self._allow_empty:
            return Rejected(UnknownReason.EMPTY, "no_account")
        rows = summed(picture.rows)
        if isinstance(rows, Rejected):
            return rows
        uuids = {row.uuid for row in picture.rows}
        if not self._presence.believes(uuids, picture.connection, picture.bracket.received_us):
            return Rejected(UnknownReason.INCOMPLETE_PAGE, "account_gone")
        self._content = content_of(rows, self._wallets)
        self._raw_digest, self._page_count = picture.digest, picture.pages
        return self._content

    async def _history(self, since_at: int, timeout_seconds: float) -> History:
        accounts = await read_round(self._accounts(timeout_seconds))
        if isinstance(accounts, Rejected):
            raise distrusted(accounts.detail)
        if self._presence.known - {row.uuid for row in accounts.rows}:
            raise distrusted("account_gone")
        fills = self._pages_of("v3PrivateGetBrokerageOrdersHistoricalFills", timeout_seconds)
        transactions = self._pages_of("v2PrivateGetAccountsAccountIdTransactions", timeout_seconds, Lane.APP)
        return await self._lookback.read(accounts, fills, transactions, since_at)

    def _pages_of(self, method: str, timeout_seconds: float, lane: Lane = Lane.TRADE) -> Fetch:
        deadline_us = self._clocks.deadline_us(timeout_seconds)

        async def fetch(params: dict[str, object]) -> Answer:
            return await self._calls.private(method, params, deadline_us=deadline_us, lane=lane, room=POLL_ROOM)

        return fetch

    def _accounts(self, timeout_seconds: float, purpose: Purpose = Purpose.WATCH, *, fresh: bool = False) -> Fetch:
        deadline_us = self._clocks.deadline_us(timeout_seconds)
        first = True

        async def fetch(params: dict[str, object]) -> Answer:
            nonlocal first
            anew, first = fresh and first, False
            return await self._calls.private(
                "v3PrivateGetBrokerageAccounts",
                {"limit": ACCOUNTS_A_PAGE, **params},
                deadline_us=deadline_us,
                purpose=purpose,
                fresh=anew,
                remember=self._page_count == 1,
            )

        return fetch

    def _pause(self, timeout_seconds: float) -> Callable[[], Awaitable[bool]]:
        deadline_us = self._clocks.deadline_us(timeout_seconds)

        async def pause() -> bool:
            if self._clocks.seconds_until(deadline_us) <= self._lag_seconds:
                return False
            await self._clocks.sleep(self._lag_seconds)
            return True

        return pause
