"""Which exchanges this version reads, and how a gateway to one of them is opened."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from reconcile_actors.config.models import ExchangeConfig, ReconciliationConfig
from reconcile_actors.errors import ConfigError
from reconcile_actors.exchanges.binance.gateway import check_wallets as check_binance
from reconcile_actors.exchanges.binance.opening import open_binance
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.coinbase.opening import check_coinbase, open_coinbase
from reconcile_actors.exchanges.credentials import Credentials, resolve_credentials
from reconcile_actors.exchanges.dydx.opening import open_dydx
from reconcile_actors.exchanges.generic.names import ccxt_exchanges
from reconcile_actors.exchanges.generic.opening import check_generic, open_generic
from reconcile_actors.exchanges.kraken import KrakenGateway
from reconcile_actors.exchanges.kraken.errors import explain
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.kernel.own_thread import on_own_thread


class _Open(Protocol):
    async def __call__(
        self, name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
    ) -> ExchangeGateway: ...


async def _open_kraken(
    name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
) -> ExchangeGateway:
    client = await open_client(
        "kraken",
        credentials,
        clocks=clocks,
        explain=explain,
        base_url=exchange.base_url,
        proxy=exchange.proxy,
        ca_file=exchange.ca_file,
    )
    return KrakenGateway(name, exchange, client, retry_count=retry_count, clocks=clocks)


_KNOWN: Final[Mapping[str, _Open]] = {
    "binance": open_binance,
    "coinbase": open_coinbase,
    "dydx": open_dydx,
    "kraken": _open_kraken,
}


_CHECKS: Final[Mapping[str, Callable[[str, ExchangeConfig], None]]] = {
    "binance": check_binance,
    "coinbase": check_coinbase,
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
    open_one = _KNOWN.get(exchange.id)
    if open_one is not None:
        check = _CHECKS.get(exchange.id)
        if check is not None:
            check(name, exchange)
        return open_one
    if exchange.id not in ccxt_exchanges():
        in_full, others = sorted(_KNOWN), sorted(ccxt_exchanges() - _KNOWN.keys())
        raise ConfigError(
            f"exchanges.{name}.id: no such exchange; this version reads {', '.join(in_full)} in full,"
            f" and one spot wallet of {', '.join(others)}"
        )
    check_generic(name, exchange)
    return open_generic
