"""A gateway to a simulated Binance, both on one virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import ccxt.async_support
from pydantic import SecretStr

from reconcile_actors.config.models import ExchangeConfig
from reconcile_actors.exchanges.binance import BinanceGateway
from reconcile_actors.exchanges.binance.errors import explain
from reconcile_actors.exchanges.ccxt_client import open_client
from reconcile_actors.exchanges.credentials import Credentials
from reconcile_actors.exchanges.transport import redirected
from reconcile_actors.simulation.binance import SimulatedBinance
from reconcile_actors.simulation.binance.limits import WeightLimits
from tests.unit.exchanges.exchange_fakes import VirtualTime


@dataclass
class Desk:
    """Both sides of the wire; `time` moves when the gateway sleeps or a test says so."""

    binance: SimulatedBinance
    gateway: BinanceGateway
    time: VirtualTime

    @property
    def now_at(self) -> int:
        return self.time.clocks.utc_us()

    def fund(self, **amounts: str) -> None:
        """Gives the account something to hold, and time to pass."""
        for asset, amount in (amounts or {"BTC": "1.5", "USDT": "100000", "ETH": "10"}).items():
            self.binance.account.deposit(asset, Decimal(amount))
        self.time.advance(60)


@asynccontextmanager
async def desk(
    *,
    seed: int = 7,
    limits: WeightLimits | None = None,
    retry_count: int = 3,
    ahead_seconds: float = 0,
    **config: object,
) -> AsyncIterator[Desk]:
    """`limits` is what the exchange enforces, None for nothing; `config` goes into the gateway's configuration.

    The gateway's clock is `ahead_seconds` ahead of the exchange's.
    """
    time = VirtualTime()

    def clock() -> float:
        return time.clocks.utc_us() / 1e6 - ahead_seconds

    async with SimulatedBinance(seed=seed, clock=clock, limits=limits) as binance:
        exchange = ExchangeConfig.model_validate({"id": "binance", "base_url": binance.base_url, **config})
        keys = Credentials(SecretStr(binance.keys.api_key), SecretStr(binance.keys.secret))
        client = await open_client("binance", keys, clocks=time.clocks, explain=explain, base_url=binance.base_url)
        gateway = BinanceGateway(
            "main", exchange, client, retry_count=retry_count, clocks=time.clocks, jitter=lambda pause: pause
        )
        try:
            yield Desk(binance, gateway, time)
        finally:
            binance.faults.clear()
            await gateway.close()


class plain_binance:  # noqa: N801 - reads like the function that it could be
    """A ccxt client as anybody would use it, on the simulated exchange."""

    def __init__(self, binance: SimulatedBinance) -> None:
        self._client = ccxt.async_support.binance(
            {"apiKey": binance.keys.api_key, "secret": binance.keys.secret, "enableRateLimit": False}
        )
        self._client.milliseconds = lambda: int(binance.clock() * 1000)
        self._client.options |= {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False}
        self._client.has["fetchCurrencies"] = False
        fetch = self._client.fetch

        async def fetch_here(url: str, *rest: object, **options: object) -> object:
            return await fetch(redirected(url, binance.base_url), *rest, **options)

        self._client.fetch = fetch_here

    async def __aenter__(self) -> "ccxt.async_support.binance":
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()
