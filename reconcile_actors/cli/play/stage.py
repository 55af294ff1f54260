"""The play itself: the service watches the accounts, the bots trade and report, and the acts take their course."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconcile_actors.cli.play import acts
from reconcile_actors.cli.play.acts import Stage
from reconcile_actors.cli.play.sabotage import Defect
from reconcile_actors.cli.play.script import Script
from reconcile_actors.cli.play.sightings import Mood, Say, Sight, Sightings
from reconcile_actors.cli.play.venues import Venue, open_venues
from reconcile_actors.cli.play.witness import Tally, Witness
from reconcile_actors.config import Settings, load
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.messages import (
    AcknowledgeAdjustment,
    AcknowledgeHalt,
    Event,
    ExchangeMessage,
    PortfolioAdjusted,
    TradingHaltRequested,
)
from reconcile_actors.messages.wire import message_of
from reconcile_actors.simulation.reports import Report
from reconcile_actors.system import ReconciliationSystem
from reconcile_actors.wiring import gateway_makers

_STEP_SECONDS: Final = 0.1
_START_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = 10.0
_CRASHING: Final = "binance-main"  # which account's gateway has the defect
_PAUSE_SECONDS: Final = 1.0  # between the beginnings of two acts, where somebody watches
_GENERAL: Final = """\
[reconciliation]
mode = "recover"
interval_seconds = 4

[valuation.prices]
BTC = "60000"
ETH = "3000"
USDT = "1"
USDC = "1"

[store]
path = "reconcile.db"

[audit]
origin = "localhost/demo"
key_file = "audit.key"
trusted_head_file = "trusted-head"

"""


@dataclass(slots=True)
class Outcome:
    """What was seen. `accounts` by name; `false_alarms` are confirmed discrepancies that nothing explains."""

    sightings: Sightings
    accounts: dict[str, Tally]
    false_alarms: list[BalanceDiscrepancy]
    reported: int = 0
    refused: int = 0

    @property
    def as_wished(self) -> bool:
        """Everything was seen, and nothing else."""
        return not (self.sightings.missing or self.false_alarms or self.refused)


def make_settings(directory: Path) -> Settings:
    """The settings of a play whose files stand in `directory`."""
    return load(directory / "config.toml", environ={})


async def play(directory: Path, seconds: float, say: Say, *, paced: bool) -> Outcome:
    """The whole play; it lasts until all acts have ended, and at least `seconds`. Paced, acts begin one after the other."""
    started = time.monotonic()
    sightings = Sightings(lambda: time.monotonic() - started, say)
    async with open_venues(directory) as venues:
        (directory / "config.toml").write_text(_GENERAL + "".join(one.config for one in venues.values()))
        sightings.tell("", f"{len(venues)} simulated exchanges trade; the service starts, armed to repair")
        settings = make_settings(directory)
        makers, defect = dict(gateway_makers(settings)), Defect()
        makers[_CRASHING] = defect.around(makers[_CRASHING])
        script, tallies = Script(), {name: Tally() for name in venues}
        witness = Witness(script, sightings, tallies)
        outcome = Outcome(sightings, tallies, witness.false_alarms)
        stage = Stage(script, sightings, witness, venues)
        async with (
            ReconciliationSystem.open(settings, arm=True, gateways=makers) as system,
            _at_work(system, stage, outcome),
        ):
            await stage.until(lambda: sightings.has(Sight.MATCHED))
            await asyncio.gather(*_begun(_acts(stage, defect), _PAUSE_SECONDS if paced else 0.0))
            await stage.until(lambda: sightings.clock() >= seconds)
    return outcome


def _acts(stage: Stage, defect: Defect) -> list[Coroutine[object, object, None]]:
    return [
        acts.outage(stage, stage.venues["dydx-main"]),
        acts.rounding_then_missed_fill(stage, stage.venues["coinbase-main"]),
        acts.theft(stage, stage.venues["kraken-main"]),
        acts.garbage_then_crash(stage, stage.venues[_CRASHING], defect),
    ]


def _begun(every: list[Coroutine[object, object, None]], pause: float) -> list[Coroutine[object, object, None]]:
    async def later(seconds: float, act: Coroutine[object, object, None]) -> None:
        await asyncio.sleep(seconds)
        await act

    return [later(place * pause, act) for place, act in enumerate(every)]


@asynccontextmanager
async def _at_work(system: ReconciliationSystem, stage: Stage, outcome: Outcome) -> AsyncIterator[None]:
    """The bots trade, report and obey, and the witness listens, while it is entered."""
    for venue in stage.venues.values():
        await _report(system, venue.openings, outcome)
    tasks = [asyncio.create_task(_listen(system, stage)), asyncio.create_task(_trade(system, stage, outcome))]
    try:
        yield
    finally:
        for one in tasks:
            one.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for each in ended:
        if isinstance(each, Exception):
            raise each


async def _trade(system: ReconciliationSystem, stage: Stage, outcome: Outcome) -> None:
    while True:
        for venue in stage.venues.values():
            await _report(system, stage.edit(venue, venue.bot.step(time.time())), outcome)
        await asyncio.sleep(_STEP_SECONDS)


async def _report(system: ReconciliationSystem, reports: list[Report], outcome: Outcome) -> None:
    messages = [message_of(one) for one in reports]
    answers = await asyncio.gather(*(system.record(one) for one in messages if isinstance(one, ExchangeMessage)))
    outcome.reported += len(answers)
    outcome.refused += sum(answer.status == "refused" for answer in answers)


async def _listen(system: ReconciliationSystem, stage: Stage) -> None:
    async for event in system.events():
        stage.witness.take(event)
        await _obey(system, stage.venues, stage.sightings, event)


async def _obey(system: ReconciliationSystem, venues: dict[str, Venue], sightings: Sightings, event: Event) -> None:
    """As a trading process does: takes an adjustment over, and stops when it is asked to."""
    match event:
        case PortfolioAdjusted(adjustment=one):
            await system.ask(AcknowledgeAdjustment(exchange=one.exchange, id=one.id), timeout=_ANSWER_SECONDS)
        case TradingHaltRequested(halt=halt) if not venues[halt.exchange].bot.stopped:
            venues[halt.exchange].bot.stopped = True
            await system.ask(AcknowledgeHalt(exchange=halt.exchange, id=halt.id), timeout=_ANSWER_SECONDS)
            sightings.tell(halt.exchange, "the bot has stopped trading", Mood.GOOD)
        case _:
            pass  # of no concern to a bot
