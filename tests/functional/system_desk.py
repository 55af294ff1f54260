"""A reconciliation system as a program embeds it: real threads, the real store, simulated exchanges."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from reconcile_actors import ReconciliationSystem
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.messages import Event, ReconcileNow, RecordFill, SetBalances
from reconcile_actors.messages.records import StatedBalance
from reconcile_actors.messages.views import PortfolioView
from reconcile_actors.simulation.kraken import SimulatedKraken, User

PATIENCE_SECONDS = 60  # for whatever must happen at all; no test asserts on time
E = TypeVar("E", bound=Event)
CODES = {"XXBT": "BTC", "ZUSD": "USD", "XETH": "ETH"}
QUICK = "local_lag_seconds = 0.5"


def write_settings(directory: Path, base_url: str, users: dict[str, User], lines: str = QUICK) -> Path:
    """A configuration of accounts at one simulated exchange, with keys in files of mode 0600."""
    parts = [f'[reconciliation]\n{lines}\n[store]\npath = "book.db"\n']
    parts.append('[audit]\norigin = "localhost/test"\nkey_file = "audit.key"\ntrusted_head_file = "head"\n')
    parts.append('[valuation]\nprices = {USD = "1", BTC = "60000", ETH = "3000"}\n')
    for name, user in users.items():
        write_keys(directory, name, user)
        parts.append(
            f'[exchanges.{name}]\nid = "kraken"\nbase_url = "{base_url}"\n'
            f'api_key_file = "{name}.key"\nsecret_file = "{name}.secret"\n'
        )
    config = directory / "config.toml"
    config.write_text("\n".join(parts))
    return config


def write_keys(directory: Path, name: str, user: User) -> None:
    """The keys of an account, readable by their owner alone."""
    for suffix, text in (("key", user.keys.api_key), ("secret", user.keys.secret)):
        file = directory / f"{name}.{suffix}"
        file.touch(mode=0o600)
        file.write_text(text)


def stock(user: User, **holdings: str) -> None:
    """Gives an account something to hold."""
    for asset, amount in (holdings or {"XXBT": "1.5", "ZUSD": "90000"}).items():
        user.account.deposit(asset, Decimal(amount))


def opening(name: str, user: User, version: int = 1) -> SetBalances:
    """States an account as it is."""
    balances = tuple(
        StatedBalance(currency=CODES[asset], total=one.balance, available=one.balance - one.hold, locked=one.hold)
        for asset, one in user.account.holdings().items()
    )
    return SetBalances(exchange=name, version=version, balances=balances)


def trade(kraken: SimulatedKraken, name: str, user: User, volume: str = "0.01", side: str = "buy") -> RecordFill:
    """A market order is filled; what an honest trading process would say of it."""
    kraken.market.submit(user.account, "XXBTZUSD", side, Decimal(volume))
    (fill,) = [each.fill for each in user.account.events if hasattr(each, "fill")][-1:]
    return RecordFill(
        exchange=name,
        id=fill.id,
        order_id=fill.order_id,
        symbol="BTC/USD",
        side=side,
        quantity=fill.volume,
        price=fill.price,
        fee_currency=CODES[fill.fee_asset],
        fee=fill.fee_charged,
    )


async def reconcile(system: ReconciliationSystem, name: str) -> ReconciliationReport:
    """A pass now."""
    report = await system.ask(ReconcileNow(exchange=name), timeout=PATIENCE_SECONDS)
    assert isinstance(report, ReconciliationReport)
    return report


def totals(view: object, name: str) -> dict[str, Decimal]:
    """The book's totals by currency."""
    assert isinstance(view, PortfolioView)
    (account,) = [one for one in view.accounts if one.exchange == name]
    return {one.currency: one.total for one in account.balances if one.total is not None}


@asynccontextmanager
async def listening(system: ReconciliationSystem, *types: type[E]) -> AsyncIterator["Heard[E]"]:
    """Everything of some types that is said from now on."""
    heard: Heard[E] = Heard()
    stream = system.events(*types)

    async def listen() -> None:
        async for event in stream:
            heard.put(event)  # type: ignore[arg-type] # of the types asked for

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)  # the subscription stands once the task has taken its first step
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Heard(list[E]):
    """Events in the order in which they came."""

    def __init__(self, events: Iterable[E] = ()) -> None:
        super().__init__(events)
        self._arrived = asyncio.Event()

    def put(self, event: E) -> None:
        """One more."""
        self.append(event)
        self._arrived.set()

    async def until(self, count: int) -> list[E]:
        """Waits until so many have come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return list(self)
