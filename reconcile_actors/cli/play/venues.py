"""The exchanges of the play: each a simulator on loopback with a market, an account, and a trading process."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Final, Protocol

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.binance import SimulatedBinance
from reconcile_actors.simulation.binance.instruments import BINANCE_PAIRS
from reconcile_actors.simulation.coinbase import SimulatedCoinbase
from reconcile_actors.simulation.coinbase.instruments import COINBASE_PAIRS
from reconcile_actors.simulation.dydx import SimulatedDydx
from reconcile_actors.simulation.dydx.trader import DydxTrader
from reconcile_actors.simulation.faults import Faults
from reconcile_actors.simulation.kraken import READ_ONLY, SimulatedKraken, Tier
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.reports import Misreporting, Report
from reconcile_actors.simulation.trader import DEFAULT_PAIRS, Trader

# As a real trading process reports: a little late, and now and then twice.
_REAL: Final = Misreporting(lateness_seconds=(0.0, 0.3), duplicate_fills=frozenset({2, 5, 9}))
_ACTIONS_PER_SECOND: Final = 2.0
_FEE: Final = Decimal("0.0005")


class TradingProcess(Protocol):
    """The bot of one account: it trades, and says what it did. `stopped`, it places no further order."""

    stopped: bool

    def step(self, now: float) -> list[Report]:
        """Does what is due by `now` (Unix seconds); returns the reports that are due."""
        ...


@dataclass(slots=True)
class Venue:
    """One account at one exchange. `steal` takes most of what it holds of a currency, which is returned, and tells nobody."""

    account: str
    config: str
    faults: Faults
    bot: TradingProcess
    openings: list[Report]
    steal: Callable[[], str] | None = None
    resting: set[object] = field(default_factory=set)


@asynccontextmanager
async def open_venues(directory: Path, *, latency_seconds: float = 0.0) -> AsyncIterator[dict[str, Venue]]:
    """All of them, by account; key files stand in `directory`. `latency_seconds` is each exchange's round trip."""
    async with AsyncExitStack() as stack:
        makers = (_kraken, _binance, _coinbase, _dydx)
        venues = [await make(stack, directory, latency_seconds) for make in makers]
        yield {one.account: one for one in venues}


async def _kraken(stack: AsyncExitStack, directory: Path, latency_seconds: float) -> Venue:
    simulated = SimulatedKraken(seed=1, tier=Tier.PRO, permissions=READ_ONLY, latency_seconds=latency_seconds)
    exchange = await stack.enter_async_context(simulated)
    for asset, amount in {"XXBT": "2.5", "XETH": "40", "ZUSD": "250000", "USDT": "50000"}.items():
        exchange.account.deposit(asset, Decimal(amount))

    def steal() -> str:
        whole = exchange.account.available("XXBT").quantize(Decimal("0.1"), ROUND_DOWN)
        exchange.account.withdraw("XXBT", whole - _FEE, fee=_FEE)
        return "BTC"

    bot = _bot("kraken-main", exchange.account, exchange.market, DEFAULT_PAIRS)
    keys = _keys(directory, "kraken-main", exchange.keys.api_key, exchange.keys.secret)
    return Venue(
        account="kraken-main",
        config=_table("kraken-main", "kraken", exchange.base_url, keys),
        faults=exchange.faults,
        bot=bot,
        openings=[bot.opening()],
        steal=steal,
    )


async def _binance(stack: AsyncExitStack, directory: Path, latency_seconds: float) -> Venue:
    exchange = await stack.enter_async_context(SimulatedBinance(seed=2, latency_seconds=latency_seconds))
    for asset, amount in {"BTC": "2.5", "ETH": "40", "USDT": "250000"}.items():
        exchange.account.deposit(asset, Decimal(amount))

    bot = _bot("binance-main", exchange.account, exchange.market, BINANCE_PAIRS)
    keys = _keys(directory, "binance-main", exchange.keys.api_key, exchange.keys.secret)
    return Venue(
        account="binance-main",
        config=_table("binance-main", "binance", exchange.base_url, keys),
        faults=exchange.faults,
        bot=bot,
        openings=[bot.opening()],
    )


async def _coinbase(stack: AsyncExitStack, directory: Path, latency_seconds: float) -> Venue:
    exchange = await stack.enter_async_context(SimulatedCoinbase(seed=3, latency_seconds=latency_seconds))
    for asset, amount in {"BTC": "2.5", "ETH": "40", "USD": "250000", "USDT": "50000"}.items():
        exchange.account.deposit(asset, Decimal(amount))
    bot = _bot("coinbase-main", exchange.account, exchange.market, COINBASE_PAIRS)
    keys = _keys(directory, "coinbase-main", exchange.keys.api_key, exchange.keys.secret)
    return Venue(
        account="coinbase-main",
        config=_table("coinbase-main", "coinbase", exchange.base_url, keys),
        faults=exchange.faults,
        bot=bot,
        openings=[bot.opening()],
    )


async def _dydx(stack: AsyncExitStack, _directory: Path, latency_seconds: float) -> Venue:
    exchange = await stack.enter_async_context(SimulatedDydx(seed=4, latency_seconds=latency_seconds))
    exchange.account.deposit(Decimal(250_000))
    bot = DydxTrader(
        exchange.account,
        exchange.chain,
        exchange="dydx-main",
        seed=4,
        actions_per_second=_ACTIONS_PER_SECOND,
        moves_funds=False,
        misreporting=_REAL,
    )
    subaccount = f'address = "{exchange.address}"\nsubaccount = 0\n'
    return Venue(
        account="dydx-main",
        config=_table("dydx-main", "dydx", exchange.base_url, subaccount),
        faults=exchange.faults,
        bot=bot,
        openings=bot.opening(),
    )


def _bot(name: str, account: Account, market: Market, pairs: tuple[str, ...]) -> Trader:
    return Trader(
        account,
        market,
        exchange=name,
        seed=1,
        actions_per_second=_ACTIONS_PER_SECOND,
        pairs=pairs,
        moves_funds=False,
        misreporting=_REAL,
    )


def _keys(directory: Path, account: str, api_key: str, secret: str) -> str:
    """Key files that only their owner reads, and the lines that name them."""
    for name, text in (("key", api_key), ("secret", secret)):
        file = directory / f"{account}.{name}"
        file.touch(mode=0o600)
        file.write_text(text)
    return f'api_key_file = "{account}.key"\nsecret_file = "{account}.secret"\n'


def _table(account: str, exchange_id: str, base_url: str, rest: str) -> str:
    return f'[exchanges.{account}]\nid = "{exchange_id}"\nbase_url = {json.dumps(base_url)}\n{rest}\n'
