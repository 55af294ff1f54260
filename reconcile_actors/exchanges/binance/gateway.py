"""The Binance gateway: reads of one spot account behind the port. It never trades and never moves funds (I11).

One account answer is one atomic group: every asset with what is free and what open orders lock. History is put together from
many lists (history.py).
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.binance.calls import Calls
from reconcile_actors.exchanges.binance.history import PastOf
from reconcile_actors.exchanges.binance.limits import (
    ACCOUNT,
    DETECTION_SECONDS,
    HISTORY_SECONDS,
    POLL_SECONDS,
    TICKERS,
    CallLimit,
)
from reconcile_actors.exchanges.binance.prices import AT_PAR, QUOTE, read_prices, tickers_of
from reconcile_actors.exchanges.binance.shape import SPOT, Account, Seen, read_account
from reconcile_actors.exchanges.binance.traded import Traded
from reconcile_actors.exchanges.ccxt_client import Answer, CcxtClient
from reconcile_actors.exchanges.clocks import MICROSECONDS, Clocks
from reconcile_actors.exchanges.frames import without_frames
from reconcile_actors.exchanges.meters import Purpose
from reconcile_actors.exchanges.port import AdapterFacts, History
from reconcile_actors.exchanges.presence import Presence
from reconcile_actors.exchanges.reading import read_balances
from reconcile_actors.exchanges.retry import FULL_JITTER, Jitter
from reconcile_actors.exchanges.rows import Content, Place, Rejected, content_of, summed

LAG_SECONDS: Final = 1.0
_NO_RESERVE: Final = Decimal(0)  # fees are taken of what a fill brings, or in BNB: nothing is locked for them


class BinanceGateway:
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
        check_wallets(name, config.wallets)
        self._name = name
        self._client = client
        self._clocks = clocks
        self._allow_empty = config.allow_empty
        self._lag_seconds = max(LAG_SECONDS, config.exchange_lag_seconds or LAG_SECONDS)
        lag_us = int(self._lag_seconds * MICROSECONDS)
        self._calls = Calls(client, CallLimit(), clocks, retry_count=retry_count, jitter=jitter)
        self._traded = Traded(lag_us)
        self._past = PastOf(name, self._calls, self._traded, lag_us=lag_us, now_us=clocks.monotonic_us)
        self._presence = Presence()
        self._uid: int | None = None
        self._raw_digest = ""
        self._content: Content | None = None
        self._seen: Seen = {}
        self._held: set[Place] = set()

    @property
    def facts(self) -> AdapterFacts:
        """What Binance allows an address that it has to itself."""
        return AdapterFacts(
            lag_seconds=self._lag_seconds,
            authoritative=frozenset({Field.TOTAL, Field.LOCKED}),
            zeros_omitted=False,
            fee_reserve=_NO_RESERVE,
            poll_seconds=POLL_SECONDS,
            history_seconds=HISTORY_SECONDS,
            detection_seconds=DETECTION_SECONDS,
        )

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """All balances of the spot wallet, or why they are not believed. Raises ExchangeFailureError.

        An answer that is no JSON is unreadable like any other that is not understood. After an answer that lacked a row the
        next read takes a fresh connection by itself.
        """
        asked = self._calls.signed(
            "privateGetAccount",
            {"omitZeroBalances": "false"},
            ACCOUNT,
            deadline_us=self._clocks.deadline_us(timeout_seconds),
            purpose=Purpose.CONFIRM if confirming else Purpose.WATCH,
            fresh=fresh or self._presence.doubtful,
            remember=True,
        )
        return await read_balances(self._name, self._clocks, asked, self._understood)

    async def history(
        self,
        since_at: int,
        *,
        timeout_seconds: float,
        confirming: bool = False,  # noqa: ARG002 - one budget holds all of its looks
    ) -> History:
        """Every movement since an instant (UTC us) that Binance lists, as far as it says. Raises ExchangeFailureError."""
        return await without_frames(self._past.read(since_at, self._clocks.deadline_us(timeout_seconds)))

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:  # noqa: ARG002 - the port's
        """The same movements: Binance's fills say market, side and order by themselves."""
        return movements

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """USD prices by ticker, a USDT being taken for a dollar; a currency without one is left out. Raises ExchangeFailureError."""
        return await without_frames(self._tickers(currencies, self._clocks.deadline_us(timeout_seconds)))

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.close()

    async def _tickers(self, currencies: Sequence[str], deadline_us: int) -> dict[str, Price]:
        prices = {QUOTE: Price(Decimal(1), AT_PAR)} if QUOTE in currencies else {}
        wanted = tickers_of(currencies, await self._past.markets(deadline_us)) if set(currencies) - {QUOTE} else {}
        if wanted:
            names = json.dumps(sorted(wanted), separators=(",", ":"))
            answer = await self._calls.public(
                "publicGetTickerPrice", {"symbols": names}, TICKERS, deadline_us=deadline_us
            )
            prices |= read_prices(answer.content, wanted, answer.bracket.received_at)
        return prices

    def _understood(self, answer: Answer) -> Content | Rejected:
        if self._content is not None and answer.digest == self._raw_digest:
            self._presence.settle()
            self._traded.observe_same(answer.bracket)
            return self._content  # byte for byte what was believed before
        account = read_account(answer.content, self._seen)
        if isinstance(account, Rejected):
            return account
        if self._uid is not None and account.uid != self._uid:
            return Rejected(UnknownReason.CONFIGURATION, "another_account")
        if not account.rows and not self._allow_empty:
            return Rejected(UnknownReason.EMPTY, "no_row")
        if not self._presence.believes(account.rows.keys(), answer.connection, answer.bracket.received_us):
            return Rejected(UnknownReason.INCOMPLETE_PAGE, "row_gone")
        return self._believed(account, answer)

    def _believed(self, account: Account, answer: Answer) -> Content:
        """Of hundreds of assets only those that were ever held are shown: the others are stated to be zero."""
        rows = summed(row for _, row in account.rows.values())
        self._held.update(row.place for row in rows if row.total)
        self._traded.observe({row.place.currency: row.total for row in rows}, answer.bracket)
        self._uid, self._seen = account.uid, account.rows
        self._content = content_of([row for row in rows if row.place in self._held], frozenset({SPOT}))
        self._raw_digest = answer.digest
        return self._content


def check_wallets(name: str, wallets: Sequence[str]) -> None:
    """Raises ConfigError unless it is the spot wallet that is compared."""
    if tuple(wallets) != (SPOT,):
        raise ConfigError(f'exchanges.{name}.wallets: of Binance only the spot wallet is read; set wallets = ["spot"]')
