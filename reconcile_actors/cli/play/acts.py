"""What happens to each account in the play, one act a function. An act does something, then waits until it is seen."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from reconcile_actors.cli.play.sabotage import Defect
from reconcile_actors.cli.play.script import US, Misdeed, Script, missed
from reconcile_actors.cli.play.sightings import Mood, Sight, Sightings
from reconcile_actors.cli.play.venues import Venue
from reconcile_actors.cli.play.witness import Witness
from reconcile_actors.simulation.faults import EVERY_ENDPOINT, Fault
from reconcile_actors.simulation.reports import Report

Change = Callable[[Report], Report | None]
_LOOK_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 25.0  # longer than any of it should take


@dataclass(slots=True)
class Stage:
    """What every act needs, and a way to change what a bot says before it is said."""

    script: Script
    sightings: Sightings
    witness: Witness
    venues: dict[str, Venue]
    _waiting: dict[str, Change] = field(default_factory=dict)
    _edits: dict[tuple[object, ...], Report | None] = field(default_factory=dict)
    _said: set[tuple[object, ...]] = field(default_factory=set)

    async def until(self, reached: Callable[[], bool]) -> bool:
        """Waits until something holds; False where patience ends first."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while not reached():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def until_seen(self, *sights: Sight) -> bool:
        """Waits until all of these were seen."""
        return await self.until(lambda: self.sightings.has(*sights))

    def edit(self, venue: Venue, reports: list[Report]) -> list[Report]:
        """The reports as they leave; what a bot says twice is changed twice."""
        changed = (self._changed(venue, one) for one in reports)
        return [one for one in changed if one is not None]

    def edit_next_fill(self, venue: Venue, change: Change) -> None:
        """Changes the report of the next fill of a market order: one of a resting order would also leave its lock behind."""
        self._waiting[venue.account] = change

    def _changed(self, venue: Venue, report: Report) -> Report | None:
        if report["type"] == "OpenOrder":
            venue.resting.add(report["order_id"])
        if report["type"] != "RecordFill":
            return report
        key = (venue.account, report["symbol"], report["id"])
        if key not in self._said and report.get("order_id") not in venue.resting:
            change = self._waiting.pop(venue.account, None)
            if change is not None:
                self._edits[key] = change(report)
        self._said.add(key)
        return self._edits.get(key, report)


async def rounding_then_missed_fill(stage: Stage, venue: Venue) -> None:
    """A fee is rounded otherwise than the exchange does; then a fill is never reported."""

    def round_up(report: Report) -> Report:
        fee = Decimal(str(report["fee"]))
        step = Decimal((0, (1,), min(int(fee.as_tuple().exponent), 0)))
        stage.script.remainder = Misdeed(
            venue.account, frozenset({str(report["fee_currency"])}), time.time_ns() // 1000 - US
        )
        stage.sightings.tell(venue.account, f"the bot rounds a fee in {report['fee_currency']} up by one last digit")
        return {**report, "fee": str(fee + step)}

    def forget(report: Report) -> None:
        stage.script.fill = missed(venue.account, report)
        what = f"{report['id']}, {report['side']} {report['symbol']}"
        stage.sightings.tell(venue.account, f"a fill happens that the bot does not report: {what}")

    stage.edit_next_fill(venue, round_up)
    await stage.until_seen(Sight.REMAINDER)
    stage.edit_next_fill(venue, forget)
    await stage.until_seen(Sight.FILL_FOUND, Sight.FILL_EXPLAINED, Sight.FILL_BACKFILLED, Sight.FILL_PROVEN)


async def theft(stage: Stage, venue: Venue) -> None:
    """Somebody who is not the bot takes funds out."""
    assert venue.steal is not None, "the account can be stolen from"
    since_at = time.time_ns() // 1000
    currency = venue.steal()
    stage.script.theft = Misdeed(venue.account, frozenset({currency}), since_at)
    stage.sightings.tell(venue.account, f"a stranger withdraws most of the {currency}", Mood.TROUBLE)
    await stage.until_seen(Sight.THEFT_HELD, Sight.HALT)


async def garbage_then_crash(stage: Stage, venue: Venue, defect: Defect) -> None:
    """The exchange answers 200 with a page of HTML; later its adapter fails by a defect of its own."""
    tally = stage.witness.tallies[venue.account]
    stage.script.garbled.add(venue.account)
    venue.faults.always(EVERY_ENDPOINT, Fault.HTML)
    stage.sightings.tell(venue.account, "the exchange answers 200 with a page that is no answer", Mood.TROUBLE)
    await stage.until_seen(Sight.GARBAGE)
    venue.faults.clear()
    await _matched_again(stage, venue)
    stage.script.garbled.discard(venue.account)
    if not stage.witness.adjusted[venue.account] and not tally.discrepancies:
        stage.sightings.see(Sight.UNCHANGED, venue.account, "matched again, and nothing was changed", Mood.GOOD)
    defect.armed = True
    stage.sightings.tell(venue.account, "a defect strikes in its gateway", Mood.TROUBLE)
    await stage.until_seen(Sight.CRASHED)
    await _matched_again(stage, venue)


async def outage(stage: Stage, venue: Venue) -> None:
    """The exchange is down until the breaker has opened, and up again."""
    stage.script.out.add(venue.account)
    venue.faults.always(EVERY_ENDPOINT, Fault.HTTP_503)
    stage.sightings.tell(venue.account, "the exchange is down: 503 to everything", Mood.TROUBLE)
    await stage.until_seen(Sight.BREAKER_OPENED)
    venue.faults.clear()
    stage.sightings.tell(venue.account, "the exchange is up again; the breaker waits before it tries")
    await stage.until_seen(Sight.BREAKER_CLOSED)
    await _matched_again(stage, venue)


async def _matched_again(stage: Stage, venue: Venue) -> None:
    tally = stage.witness.tallies[venue.account]
    matched = tally.matched
    await stage.until(lambda: tally.matched > matched)
