"""A gateway to a simulated dYdX indexer, both on one virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.dydx import DydxGateway
from reconcile_actors.exchanges.dydx.errors import explain
from reconcile_actors.simulation.dydx import SimulatedDydx
from tests.unit.exchanges.exchange_fakes import VirtualTime


@dataclass
class Desk:
    """Both sides of the wire; `time` moves when the gateway sleeps or a test says so."""

    dydx: SimulatedDydx
    gateway: DydxGateway
    time: VirtualTime

    def fund(self) -> None:
        """Money, a long and a short position; then a minute passes."""
        self.dydx.account.deposit(Decimal(100_000))
        self.dydx.account.trade("BTC-USD", "sell", Decimal("0.5"))
        self.dydx.account.trade("ETH-USD", "buy", Decimal(2))
        self.time.advance(60)


@asynccontextmanager
async def desk(
    *, seed: int = 7, limit: int | None = None, retry_count: int = 3, **config: object
) -> AsyncIterator[Desk]:
    """`limit` is what the indexer enforces in a window, None for no limit; `config` goes into the gateway's configuration."""
    time = VirtualTime()
    clock = lambda: time.clocks.utc_us() / 1e6  # noqa: E731 - one expression, used once
    async with SimulatedDydx(seed=seed, clock=clock, requests_a_window=limit) as dydx:
        exchange = ExchangeConfig.model_validate(
            {"id": "dydx", "address": dydx.address, "base_url": dydx.base_url, **config}
        )
        keys = Credentials(SecretStr(""), SecretStr(""))
        client = await open_client("dydx", keys, clocks=time.clocks, explain=explain, base_url=dydx.base_url)
        gateway = DydxGateway(
            "main", exchange, client, retry_count=retry_count, clocks=time.clocks, jitter=lambda pause: pause
        )
        try:
            yield Desk(dydx, gateway, time)
        finally:
            dydx.faults.clear()
            await gateway.close()
