"""The Kraken gateway: reads of one account behind the port. It never trades and never moves funds (I11).

One BalanceEx answer is one atomic group: every asset with its total and what open orders hold. The ledger is the history.
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
from reconcile_actors.exchanges.frames import without_frames
from reconcile_actors.exchanges.kraken.calls import Calls
from reconcile_actors.exchanges.kraken.errors import UNKNOWN_PAIR
from reconcile_actors.exchanges.kraken.history import LedgerRead, read_ledger
from reconcile_actors.exchanges.kraken.ledger import movements_of
from reconcile_actors.exchanges.kraken.limits import COST_HISTORY, TIERS, CallLimit
from reconcile_actors.exchanges.kraken.prices import QUOTE, pairs_of, read_prices
from reconcile_actors.exchanges.kraken.shape import raw_rows, read_rows
from reconcile_actors.exchanges.kraken.trades import with_trades
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeFailureError, History
from reconcile_actors.exchanges.presence import Presence
from reconcile_actors.exchanges.reading import read_balances
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter
from reconcile_actors.exchanges.rows import Content, Rejected, Row, content_of

LAG_SECONDS: Final = 1.0
FEE_RESERVE: Final = Decimal("0.005")
LEDGER_ROWS_MAX: Final = 20_000  # kept from one look to the next


class KrakenGateway:
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
        self._name = name
        self._client = client
        self._clocks = clocks
        self._wallets = frozenset(config.wallets)
        self._allow_empty = config.allow_empty
        self._lag_seconds = max(LAG_SECONDS, config.exchange_lag_seconds or LAG_SECONDS)
        self._limit = CallLimit(TIERS[config.tier])
        self._calls = Calls(client, self._limit, clocks, retry_count=retry_count, jitter=jitter)
        self._presence = Presence()
        self._raw_digest = ""
        self._content: Content | None = None
        self._seen: dict[str, tuple[object, Row]] = {}
        self._without_price: set[str] = set()
        self._ledger: LedgerRead | None = None

    @property
    def facts(self) -> AdapterFacts:
        """What Kraken allows at this moment's tier."""
        tier = self._limit.tier
        return AdapterFacts(
            lag_seconds=self._lag_seconds,
            authoritative=frozenset({Field.TOTAL, Field.LOCKED}),
            zeros_omitted=False,
            fee_reserve=FEE_RESERVE,
            poll_seconds=tier.poll_seconds,
            history_seconds=tier.history_seconds,
            detection_seconds=tier.detection_seconds,
            tier=tier.name,
        )

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """All balances of the configured wallets, or why they are not believed. Raises ExchangeFailureError.

        An answer that is no JSON is unreadable like any other that is not understood. After an answer that lacked a row the
        next read takes a fresh connection by itself.
        """
        asked = self._calls.private(
            "privatePostBalanceEx",
            {},
            deadline_us=self._clocks.deadline_us(timeout_seconds),
            purpose=Purpose.CONFIRM if confirming else Purpose.WATCH,
            fresh=fresh or self._presence.doubtful,
            remember=True,
        )
        return await read_balances(self._name, self._clocks, asked, self._understood)

    async def history(self, since_at: int, *, timeout_seconds: float, confirming: bool = False) -> History:
        """Every ledger movement since an instant (UTC us), as far as `through_at`. Raises ExchangeFailureError."""
        purpose = Purpose.EXPLAIN if confirming else Purpose.WATCH
        fetch = self._pages("privatePostLedgers", timeout_seconds, purpose)
        lag_us = int(self._lag_seconds * MICROSECONDS)
        read = await without_frames(read_ledger(fetch, since_at, lag_us, self._ledger))
        self._ledger = read if len(read.seen) <= LEDGER_ROWS_MAX else None
        movements = [
            movement
            for movement in movements_of(self._name, read.rows)
            if movement.wallet in self._wallets and (movement.occurred_at or 0) >= since_at
        ]
        return History(movements, since_at, read.through_at)

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:
        """The same movements, fills with market, side and order id where Kraken's trades say so. Raises ExchangeFailureError.

        Costs two of the counter a page of trades, so it is for fills that need explaining and not part of `history`.
        """
        fetch = self._pages("privatePostTradesHistory", timeout_seconds, Purpose.EXPLAIN)
        return await without_frames(with_trades(movements, fetch))

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """USD prices by ticker; a currency without one is left out and not asked for again. Raises ExchangeFailureError."""
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
        try:
            answer = await self._calls.public("publicGetTicker", {"pair": pairs_of(wanted)}, deadline_us=deadline_us)
        except ExchangeFailureError as failure:
            if failure.code != UNKNOWN_PAIR:
                raise
            answer = None
        if answer is None:  # one unknown pair makes Kraken refuse all: so all that there are
            answer = await self._calls.public("publicGetTicker", {}, deadline_us=deadline_us)
        return read_prices(answer.content, wanted, answer.bracket.received_at)

    def _pages(
        self, method: str, timeout_seconds: float, purpose: Purpose
    ) -> Callable[[dict[str, object]], Awaitable[Answer]]:
        deadline_us = self._clocks.deadline_us(timeout_seconds)

        async def fetch(params: dict[str, object]) -> Answer:
            return await self._calls.private(
                method, params, deadline_us=deadline_us, cost=COST_HISTORY, purpose=purpose
            )

        return fetch

    def _understood(self, answer: Answer) -> Content | Rejected:
        if self._content is not None and answer.digest == self._raw_digest:
            self._presence.settle()
            return self._content  # byte for byte what was believed before
        rows = read_rows(answer.content, self._seen)
        if isinstance(rows, Rejected):
            return rows
        if not rows and not self._allow_empty:
            return Rejected(UnknownReason.EMPTY, "no_row")
        if not self._presence.believes(rows.keys(), answer.connection, answer.bracket.received_us):
            return Rejected(UnknownReason.INCOMPLETE_PAGE, "row_gone")
        raw = raw_rows(answer.content)
        self._seen = {asset: (raw[asset], row) for asset, row in rows.items()}
        self._content = content_of(list(rows.values()), self._wallets)
        self._raw_digest = answer.digest
        return self._content
