"""How a gateway to a Coinbase account is opened, and what of its configuration can be checked before."""

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.coinbase.errors import explain
from reconcile_actors.exchanges.coinbase.gateway import CoinbaseGateway
from reconcile_actors.exchanges.coinbase.wallets import check_wallets
from reconcile_actors.exchanges.credentials import Credentials


def check_coinbase(name: str, exchange: ExchangeConfig) -> None:
    """Whether the account can be read as it is configured. Raises ConfigError."""
    check_wallets(name, exchange.wallets)


async def open_coinbase(
    name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
) -> CoinbaseGateway:
    """A gateway; connects at the first read. Raises ConfigError."""
    client = await open_client(
        "coinbase",
        credentials,
        clocks=clocks,
        explain=explain,
        base_url=exchange.base_url,
        proxy=exchange.proxy,
        ca_file=exchange.ca_file,
    )
    return CoinbaseGateway(name, exchange, client, retry_count=retry_count, clocks=clocks)
