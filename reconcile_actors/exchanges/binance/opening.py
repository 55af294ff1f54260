"""How a gateway to a Binance account is opened."""

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.exchanges.binance.errors import explain
from reconcile_actors.exchanges.binance.gateway import BinanceGateway
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.credentials import Credentials


async def open_binance(
    name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
) -> BinanceGateway:
    """A gateway that connects at its first read. Raises ConfigError."""
    client = await open_client(
        "binance",
        credentials,
        clocks=clocks,
        explain=explain,
        base_url=exchange.base_url,
        proxy=exchange.proxy,
        ca_file=exchange.ca_file,
    )
    return BinanceGateway(name, exchange, client, retry_count=retry_count, clocks=clocks)
