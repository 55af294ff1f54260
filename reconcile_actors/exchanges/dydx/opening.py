"""How a gateway to dYdX is opened: ccxt's client for the indexer's dialect, and no key."""

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.dydx.errors import explain
from reconcile_actors.exchanges.dydx.gateway import DydxGateway


async def open_dydx(
    name: str, exchange: ExchangeConfig, credentials: Credentials, *, retry_count: int, clocks: Clocks
) -> DydxGateway:
    """A gateway to one subaccount; connects at its first read. `credentials` are empty. Raises ConfigError."""
    client = await open_client(
        "dydx",
        credentials,
        clocks=clocks,
        explain=explain,
        base_url=exchange.base_url,
        proxy=exchange.proxy,
        ca_file=exchange.ca_file,
    )
    return DydxGateway(name, exchange, client, retry_count=retry_count, clocks=clocks)
