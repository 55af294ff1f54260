"""Which exchanges this version reads, and how a gateway to one of them is opened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from reconcile_actors.config.models import ExchangeConfig, ReconciliationConfig
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.binance.errors import explain as explain_binance
from reconcile_actors.exchanges.binance.gateway import BinanceGateway
from reconcile_actors.exchanges.binance.gateway import check_wallets as check_binance
from reconcile_actors.exchanges.ccxt_client import CcxtClient, Explain, open_client
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.coinbase.errors import explain as explain_coinbase
from reconcile_actors.exchanges.coinbase.gateway import CoinbaseGateway
from reconcile_actors.exchanges.coinbase.wallets import check_wallets as check_coinbase
from reconcile_actors.exchanges.credentials import Credentials, resolve_credentials
from reconcile_actors.exchanges.dydx.errors import explain as explain_dydx
from reconcile_actors.exchanges.dydx.gateway import DydxGateway
from reconcile_actors.exchanges.generic.names import ccxt_exchanges
from reconcile_actors.exchanges.generic.opening import check_generic, open_generic
from reconcile_actors.exchanges.kraken.errors import explain as explain_kraken
from reconcile_actors.exchanges.kraken.gateway import KrakenGateway
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.kernel.own_thread import on_own_thread


class _Open(Protocol):
    async def __call__(
        self, name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
    ) -> ExchangeGateway: ...


class _Make(Protocol):
    def __call__(
        self, name: str, exchange: ExchangeConfig, client: CcxtClient, /, *, retry_count: int, clocks: Clocks
    ) -> ExchangeGateway: ...


@dataclass(frozen=True, slots=True)
class _Known:
    """An exchange that is read in full; `check` raises ConfigError for wallets that it does not have."""

    explain: Explain
    make: _Make
    check: Callable[[str, Sequence[str]], None] | None = None

    async def open(
        self, name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
    ) -> ExchangeGateway:
        client = await open_client(
            exchange.id,
            credentials,
            clocks=clocks,
            explain=self.explain,
            base_url=exchange.base_url,
            proxy=exchange.proxy,
            ca_file=exchange.ca_file,
        )
        return self.make(name, exchange, client, retry_count=retry_count, clocks=clocks)


_KNOWN: Final[Mapping[str, _Known]] = {
    "binance": _Known(explain_binance, BinanceGateway, check_binance),
    "coinbase": _Known(explain_coinbase, CoinbaseGateway, check_coinbase),
    "dydx": _Known(explain_dydx, DydxGateway),
    "kraken": _Known(explain_kraken, KrakenGateway),
}


def check_exchanges(exchanges: Mapping[str, ExchangeConfig]) -> None:
    """Whether every account's exchange is one that this version reads. Raises ConfigError."""
    for name, exchange in exchanges.items():
        _opener(name, exchange)


async def open_gateway(
    name: str, exchange: ExchangeConfig, reconciliation: ReconciliationConfig, *, clocks: Clocks | None = None
) -> ExchangeGateway:
    """A gateway to the account `name`. Reads its keys and loads ccxt (about a second); connects at the first read.

    Raises ConfigError or CredentialsError.
    """
    open_one = _opener(name, exchange)
    credentials = await on_own_thread(lambda: resolve_credentials(name, exchange), name="reconcile-keys")
    return await open_one(
        name, exchange, credentials, retry_count=reconciliation.retry_count, clocks=clocks or Clocks()
    )


def _opener(name: str, exchange: ExchangeConfig) -> _Open:
    known = _KNOWN.get(exchange.id)
    if known is not None:
        if known.check is not None:
            known.check(name, exchange.wallets)
        return known.open
    if exchange.id not in ccxt_exchanges():
        in_full, others = sorted(_KNOWN), sorted(ccxt_exchanges() - _KNOWN.keys())
        raise ConfigError(
            f"exchanges.{name}.id: no such exchange; this version reads {', '.join(in_full)} in full,"
            f" and one spot wallet of {', '.join(others)}"
        )
    check_generic(name, exchange)
    return open_generic
