"""A gateway to a simulated Kraken, both on one virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.kraken import KrakenGateway
from reconcile_actors.exchanges.kraken.errors import explain
from reconcile_actors.simulation import SimulatedKraken, Tier
from tests.unit.exchanges.exchange_fakes import VirtualTime


@dataclass
class Desk:
    """Both sides of the wire; `time` moves when the gateway sleeps or a test says so."""

    kraken: SimulatedKraken
    gateway: KrakenGateway
    time: VirtualTime


@asynccontextmanager
async def desk(
    *, seed: int = 7, limited: Tier | None = None, retry_count: int = 3, **config: object
) -> AsyncIterator[Desk]:
    """`limited` is the tier that the exchange enforces, None for no limit; `config` goes into the gateway's configuration."""
    time = VirtualTime()
    async with SimulatedKraken(seed=seed, clock=lambda: time.clocks.utc_us() / 1e6, tier=limited) as kraken:
        exchange = ExchangeConfig.model_validate({"id": "kraken", "base_url": kraken.base_url, **config})
        keys = Credentials(SecretStr(kraken.keys.api_key), SecretStr(kraken.keys.secret))
        client = await open_client("kraken", keys, clocks=time.clocks, explain=explain, base_url=kraken.base_url)
        gateway = KrakenGateway(
            "main", exchange, client, retry_count=retry_count, clocks=time.clocks, jitter=lambda pause: pause
        )
        try:
            yield Desk(kraken, gateway, time)
        finally:
            kraken.faults.clear()
            await gateway.close()
