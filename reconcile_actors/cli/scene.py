"""The demo's play: an exchange, a market, a trading process that forgets one fill, and the service that watches."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from reconcile_actors.cli.opening import open_system
from reconcile_actors.config import Settings, load
from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.messages import DiscrepancyConfirmed, ExchangeMessage
from reconcile_actors.messages.wire import message_of
from reconcile_actors.simulation.kraken import READ_ONLY, SimulatedKraken, Tier
from reconcile_actors.simulation.reports import Report
from reconcile_actors.simulation.trader import Trader

ACCOUNT: Final = "demo"
_HOLDINGS: Final = {"XXBT": "2.5", "XETH": "40", "ZUSD": "250000", "USDT": "50000"}
_STEP_SECONDS: Final = 0.1
_SETTLE_SECONDS: Final = 3.0  # after the finding: time for a false alarm to show itself
_PATIENCE_SECONDS: Final = 20.0  # longer than any detection should take
_HONEST_SHARE: Final = 0.3
_CONFIG: Final = """\
[reconciliation]
mode = "observe"

[exchanges.{account}]
id = "kraken"
base_url = {base_url}
api_key_file = "key"
secret_file = "secret"

[valuation]
tickers = true

[store]
path = "reconcile.db"

[audit]
origin = "localhost/demo"
key_file = "audit.key"
trusted_head_file = "trusted-head"
"""

Tell = Callable[[str], object]


@dataclass(slots=True)
class Outcome:
    """What happened. `omitted` is the report that was never made, None where the play ended before it."""

    omitted: dict[str, str] | None = None
    reported: int = 0
    refused: int = 0
    confirmed: list[BalanceDiscrepancy] = field(default_factory=list)

    @property
    def explained(self) -> list[BalanceDiscrepancy]:
        """The confirmed discrepancies that are the forgotten fill: in a currency that it moved, after it happened."""
        return [one for one in self.confirmed if self._is_the_fill(one)]

    @property
    def false_alarms(self) -> list[BalanceDiscrepancy]:
        """All others."""
        return [one for one in self.confirmed if not self._is_the_fill(one)]

    @property
    def found(self) -> bool:
        """Whether the forgotten fill was found."""
        return bool(self.explained)

    @property
    def as_wished(self) -> bool:
        """Found, and nothing else was said."""
        return self.found and not self.false_alarms and not self.refused

    @property
    def latency_seconds(self) -> float | None:
        """From the fill at the exchange to the first confirmation."""
        times = [one.confirmed_at for one in self.explained if one.confirmed_at is not None]
        return (min(times) - self._happened_at()) / 1e6 if times else None

    def _is_the_fill(self, one: BalanceDiscrepancy) -> bool:
        if self.omitted is None or one.detected_at < self._happened_at():
            return False
        return one.currency in {*self.omitted["symbol"].split("/"), self.omitted["fee_currency"]}

    def _happened_at(self) -> int:
        assert self.omitted is not None
        return round(datetime.fromisoformat(self.omitted["occurred_at"]).timestamp() * 1e6)


def make_settings(directory: Path) -> Settings:
    """The settings of a play whose files stand in `directory`."""
    return load(directory / "config.toml", environ={})


async def play(directory: Path, seconds: float, tell: Tell) -> Outcome:
    """Run the play for about `seconds`; longer only while the finding is awaited, shorter never."""
    started = time.monotonic()

    def say(text: str) -> None:
        tell(f"[{time.monotonic() - started:5.1f} s] {text}")

    async with SimulatedKraken(seed=1, tier=Tier.PRO, permissions=READ_ONLY) as kraken:
        for asset, amount in _HOLDINGS.items():
            kraken.account.deposit(asset, Decimal(amount))
        _write_files(directory, kraken)
        trader = Trader(
            kraken.account, kraken.market, exchange=ACCOUNT, seed=1, actions_per_second=2.0, moves_funds=False
        )
        say("a simulated Kraken, a market and a trading process are there; the service starts")
        async with open_system(make_settings(directory)) as system:
            scene = _Scene(system, trader, say)
            async with scene.listening():
                await scene.open()
                await scene.trade_until(lambda: system.readiness()["first_comparison"], _PATIENCE_SECONDS)
                say("the account was compared for the first time")
                await scene.trade_for(max(2.0, seconds * _HONEST_SHARE - (time.monotonic() - started)))
                scene.forgets = True
                await scene.trade_until(lambda: scene.outcome.found, _PATIENCE_SECONDS)
                await scene.trade_for(max(_SETTLE_SECONDS, seconds - (time.monotonic() - started)))
    return scene.outcome


class _Scene:
    """The trading process at work: it reports all that it does, but for one fill once `forgets` is set."""

    def __init__(self, system: ConsoleSystem, trader: Trader, say: Tell) -> None:
        self.outcome = Outcome()
        self.forgets = False
        self._system = system
        self._trader = trader
        self._say = say
        self._resting: set[object] = set()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Takes confirmed discrepancies down while it is entered."""
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def open(self) -> None:
        """States what the account holds before the first trade."""
        await self._report([self._trader.opening()])

    async def trade_for(self, seconds: float) -> None:
        """Trades and reports for a while."""
        await self.trade_until(lambda: False, seconds)

    async def trade_until(self, reached: Callable[[], bool], seconds: float) -> None:
        """Trades and reports until something holds, `seconds` at most."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not reached():
            await self._report([one for one in self._trader.step(time.time()) if not self._forgotten(one)])
            await asyncio.sleep(_STEP_SECONDS)

    def _forgotten(self, report: Report) -> bool:
        if report["type"] == "OpenOrder":
            self._resting.add(report["order_id"])
        # a fill of a resting order would also leave its lock behind: the plain case is a market order's
        is_plain_fill = report["type"] == "RecordFill" and report["order_id"] not in self._resting
        if not (self.forgets and is_plain_fill and self.outcome.omitted is None):
            return False
        self.outcome.omitted = {key: value for key, value in report.items() if isinstance(value, str)}
        self._say(f"a fill happens that is not reported: {report['id']}, {report['side']} {report['symbol']}")
        return True

    async def _report(self, reports: list[Report]) -> None:
        messages = [message_of(one) for one in reports]
        records = [one for one in messages if isinstance(one, ExchangeMessage)]
        answers = await asyncio.gather(*(self._system.record(one) for one in records))
        self.outcome.reported += len(answers)
        self.outcome.refused += sum(answer.status == "refused" for answer in answers)

    async def _listen(self) -> None:
        async for event in self._system.events(DiscrepancyConfirmed):
            if isinstance(event, DiscrepancyConfirmed):
                self.outcome.confirmed.append(event.discrepancy)
                self._say(f"found: {event.discrepancy.id} ({event.discrepancy.cause})")


def _write_files(directory: Path, kraken: SimulatedKraken) -> None:
    for name, text in (("key", kraken.keys.api_key), ("secret", kraken.keys.secret)):
        file = directory / name
        file.touch(mode=0o600)
        file.write_text(text)
    config = _CONFIG.format(account=ACCOUNT, base_url=json.dumps(kraken.base_url))
    (directory / "config.toml").write_text(config)
