"""Detection and repair by polling: one account at each of the four exchanges, fills missed again and again while bots trade."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reconcile_actors import ReconciliationSystem
from reconcile_actors.cli.play.script import US, Misdeed, missed
from reconcile_actors.cli.play.venues import Venue, open_venues
from reconcile_actors.config import load
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.messages import (
    AcknowledgeAdjustment,
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    Event,
    ExchangeMessage,
    PortfolioAdjusted,
)
from reconcile_actors.messages.wire import message_of
from reconcile_actors.simulation.reports import Report
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target

_GENERAL = """\
[reconciliation]
mode = "recover"
{lag}
[valuation.prices]
BTC = "60000"
ETH = "3000"
SOL = "150"
USDT = "1"
USDC = "1"
[store]
path = "reconcile.db"
[audit]
origin = "localhost/bench"
key_file = "audit.key"
trusted_head_file = "trusted-head"

"""
_STEP_SECONDS = 0.1
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 30.0
_QUIET_SECONDS = 2.0
_BETWEEN_SECONDS = 4.0  # each explanation costs calls that Kraken's counter must give back


@dataclass(slots=True)
class _Post:
    """One account under measurement: what is missed at the moment, and how long everything took."""

    venue: Venue
    armed: bool = False
    fault: Misdeed | None = None
    told: list[float] = field(default_factory=list)
    proven: list[float] = field(default_factory=list)
    lost: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)
    strangers: list[BalanceDiscrepancy] = field(default_factory=list)
    _open: set[str] = field(default_factory=set)
    _told: bool = False

    def said(self, reports: list[Report]) -> list[Report]:
        """The reports, but for one fill where one is to be missed."""
        return [one for one in reports if not self._is_forgotten(one)]

    def _is_forgotten(self, report: Report) -> bool:
        if report["type"] == "OpenOrder":
            self.venue.resting.add(report["order_id"])
        plain = report["type"] == "RecordFill" and report.get("order_id") not in self.venue.resting
        if self.fault is not None and plain and self._is_fault(report, self.fault):
            return True  # the bot would say it twice
        if not (self.armed and plain):
            return False
        self.armed, self.fault = False, missed(self.venue.account, report)
        self._open, self._told = set(), False
        return True

    @staticmethod
    def _is_fault(report: Report, fault: Misdeed) -> bool:
        """Exchanges may number the fills of each symbol for themselves."""
        return report["id"] == fault.id and str(report["symbol"]) == fault.symbol

    def take(self, event: Event) -> None:
        """What is told of the account."""
        match event:
            case DiscrepancyConfirmed(discrepancy=one):
                if self.fault is None or not self.fault.explains(one.exchange, one.currency, one.detected_at):
                    self.strangers.append(one)
                    return
                self._open.add(one.id)
                if not self._told:
                    self._told = True
                    self.told.append(time.time() - self.fault.since_at / US)
            case DiscrepancyResolved(discrepancy=one) if one.id in self._open and self.fault is not None:
                self._open.discard(one.id)
                if not self._open:
                    self.proven.append(time.time() - self.fault.since_at / US)
                    self.fault = None
                    self.done.set()
            case _:
                pass  # of no concern here

    async def miss_one(self) -> None:
        """One fill is missed, told and repaired; or patience ends."""
        self.done.clear()
        self.armed = True
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.done.wait()
        except TimeoutError:
            self.lost += 1


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    posts = asyncio.run(_run(size.pick(25, 1), size, directory))
    highest = Target(Bound.HIGHEST_BELOW, 5)
    lines = [
        Line(f"{one.venue.account}, missed fill until told", "s", _spread(one.told), target=highest) for one in posts
    ]
    told = sorted(seconds for one in posts for seconds in one.told)
    p99 = told[math.ceil(len(told) * 0.99) - 1] if told else _PATIENCE_SECONDS
    lines.append(Line("all four, 99th percentile", "s", Spread.of([p99]), target=Target(Bound.VALUE_BELOW, 5)))
    proven = [seconds for one in posts for seconds in one.proven]
    lines.append(Line("until repaired and proven", "s", _spread(proven)))
    none = Target(Bound.VALUE_BELOW, 0)
    note = f"{len(told)} missed fills, two actions a second an account, round trip {size.pick(100, 0)} ms"
    lines.append(
        Line("not told, repaired and proven", "", Spread.of([sum(one.lost for one in posts)]), target=none, note=note)
    )
    false_alarms = sum(len(one.strangers) for one in posts)
    lines.append(Line("false alarms", "", Spread.of([false_alarms]), target=none, note=note))
    return lines


def _spread(samples: Sequence[float]) -> Spread:
    return Spread.of(samples or [_PATIENCE_SECONDS])


async def _run(each: int, size: Size, directory: Path) -> list[_Post]:
    async with open_venues(directory, latency_seconds=size.pick(0.1, 0.0)) as venues:
        config = _GENERAL.format(lag=size.pick("", "local_lag_seconds = 0.4"))
        (directory / "config.toml").write_text(config + "".join(one.config for one in venues.values()))
        posts = {name: _Post(venue) for name, venue in venues.items()}
        settings = load(directory / "config.toml", environ={})
        async with ReconciliationSystem.open(settings, arm=True) as system, _at_work(system, posts):
            for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
                if system.readiness()["first_comparison"]:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
            await asyncio.sleep(size.pick(_QUIET_SECONDS, 0.0))
            await asyncio.gather(*(_miss(one, each, size.pick(_BETWEEN_SECONDS, 0.0)) for one in posts.values()))
            await asyncio.sleep(size.pick(_QUIET_SECONDS, 0.0))  # for a false alarm to show itself
    return list(posts.values())


async def _miss(post: _Post, each: int, between_seconds: float) -> None:
    for _ in range(each):
        await post.miss_one()
        await asyncio.sleep(between_seconds)


@asynccontextmanager
async def _at_work(system: ReconciliationSystem, posts: dict[str, _Post]) -> AsyncIterator[None]:
    for post in posts.values():
        await _record(system, post.venue.openings)
    tasks = [asyncio.create_task(_listen(system, posts)), asyncio.create_task(_trade(system, posts))]
    try:
        yield
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _trade(system: ReconciliationSystem, posts: dict[str, _Post]) -> None:
    while True:
        for post in posts.values():
            await _record(system, post.said(post.venue.bot.step(time.time())))
        await asyncio.sleep(_STEP_SECONDS)


async def _record(system: ReconciliationSystem, reports: list[Report]) -> None:
    messages = [message_of(one) for one in reports]
    answers = await asyncio.gather(*(system.record(one) for one in messages if isinstance(one, ExchangeMessage)))
    assert all(answer.status != "refused" for answer in answers), "the trading process reports rightly"


async def _listen(system: ReconciliationSystem, posts: dict[str, _Post]) -> None:
    async for event in system.events(DiscrepancyConfirmed, DiscrepancyResolved, PortfolioAdjusted):
        if isinstance(event, PortfolioAdjusted):
            done = event.adjustment
            await system.ask(AcknowledgeAdjustment(exchange=done.exchange, id=done.id), timeout=10)
        elif isinstance(event, DiscrepancyConfirmed | DiscrepancyResolved):
            posts[event.discrepancy.exchange].take(event)


FIGURE = Figure("four_exchanges", "missed fills at four exchanges, found and repaired", measure)
