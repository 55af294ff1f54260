"""A gateway to a simulated Coinbase, both on one virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.coinbase import CoinbaseGateway
from reconcile_actors.exchanges.coinbase.errors import explain
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.simulation.coinbase import SimulatedCoinbase
from tests.unit.exchanges.exchange_fakes import VirtualTime


@dataclass
class Desk:
    """Both sides of the wire; `time` moves when the gateway sleeps or a test says so. `skew` is how far the exchange is ahead."""

    coinbase: SimulatedCoinbase
    gateway: CoinbaseGateway
    time: VirtualTime
    skew: list[float]


@asynccontextmanager
async def desk(
    *, seed: int = 7, limited: bool = False, page_rows: int = 250, retry_count: int = 3, **config: object
) -> AsyncIterator[Desk]:
    """`config` goes into the gateway's configuration."""
    time, skew = VirtualTime(), [0.0]
    coinbase = SimulatedCoinbase(
        seed=seed, clock=lambda: time.clocks.utc_us() / 1e6 + skew[0], limited=limited, page_rows=page_rows
    )
    async with coinbase:
        exchange = ExchangeConfig.model_validate({"id": "coinbase", "base_url": coinbase.base_url, **config})
        keys = Credentials(SecretStr(coinbase.keys.api_key), SecretStr(coinbase.keys.secret))
        client = await open_client("coinbase", keys, clocks=time.clocks, explain=explain, base_url=coinbase.base_url)
        gateway = CoinbaseGateway(
            "main", exchange, client, retry_count=retry_count, clocks=time.clocks, jitter=lambda pause: pause
        )
        try:
            yield Desk(coinbase, gateway, time, skew)
        finally:
            coinbase.faults.clear()
            await gateway.close()
