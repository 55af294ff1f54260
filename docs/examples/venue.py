"""Your exchange, for the examples: a simulated Binance on loopback with one account, and the configuration that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from reconcile_actors.messages import RecordFill, SetBalances, StatedBalance
from reconcile_actors.simulation.records import Fill, OrderFilled
from reconcile_actors.testing import SimulatedBinance

ACCOUNT = "binance-main"
START = {"BTC": Decimal(2), "USDT": Decimal(100_000)}
_CONFIG = """
[reconciliation]
mode = "recover"

[exchanges.{account}]
id = "binance"
base_url = "{base_url}"
api_key_file = "key"
secret_file = "secret"
"""


@dataclass
class Venue:
    """What a bot's own exchange client gives it."""

    binance: SimulatedBinance
    config: Path

    def opening(self) -> SetBalances:
        """What the account holds before the first trade."""
        balances = tuple(StatedBalance(currency=one, total=amount) for one, amount in START.items())
        return SetBalances(exchange=ACCOUNT, version=1, balances=balances)

    def order(self, side: str, quantity: Decimal) -> str:
        """A market order for BTC/USDT, filled at once; the id of its trade."""
        order = self.binance.market.submit(self.binance.account, "BTCUSDT", side, quantity)
        return next(one.id for one in self._fills() if one.order_id == order.id)

    def trade(self, id_: str) -> RecordFill:
        """A trade by its id, as the report that is due of it."""
        fill = next(one for one in self._fills() if one.id == id_)
        return RecordFill(
            exchange=ACCOUNT,
            id=fill.id,
            order_id=fill.order_id,
            symbol="BTC/USDT",
            side=fill.side.value,
            quantity=fill.volume,
            price=fill.price,
            cost=fill.cost,
            fee_currency=fill.fee_asset,
            fee=fill.fee_charged,
            occurred_at=datetime.fromtimestamp(fill.at, UTC),
        )

    def _fills(self) -> Iterator[Fill]:
        return (event.fill for event in self.binance.account.events if isinstance(event, OrderFilled))

    def steal(self, currency: str, amount: Decimal) -> None:
        """Somebody else withdraws."""
        self.binance.account.withdraw(currency, amount)

    def holdings(self) -> dict[str, Decimal]:
        """The truth."""
        return {currency: self.binance.account.balance(currency) for currency in START}


@contextmanager
def open_venue(directory: Path) -> Iterator[Venue]:
    """Starts the exchange and writes `config.toml` and the keys into a directory."""
    with SimulatedBinance.start_in_thread(seed=1) as binance:
        for currency, amount in START.items():
            binance.account.deposit(currency, amount)
        for name, text in (("key", binance.keys.api_key), ("secret", binance.keys.secret)):
            (directory / name).touch(mode=0o600)
            (directory / name).write_text(text)
        config = directory / "config.toml"
        config.write_text(_CONFIG.format(account=ACCOUNT, base_url=binance.base_url))
        yield Venue(binance, config)
