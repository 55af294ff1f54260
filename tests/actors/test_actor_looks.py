"""How often the exchange's history is asked: a look costs more than a read, and what it has shown is not asked for again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from actor_rig import Rig, settings_of

from reconcile_actors.messages import DiscrepancyConfirmed, PortfolioAdjusted, TradingHaltRequested

RECOVER = 'mode = "recover"'


def sparing(*, armed: bool = False) -> Rig:
    """An account that is polled each two seconds and whose history is due each minute."""
    rig = Rig(settings=settings_of(["a"], RECOVER), armed=armed)
    world = rig.exchanges["a"]
    world.facts = replace(world.facts, poll_seconds=2.0, history_seconds=60.0)
    return rig.opened().quiet(90)


def test_a_report_on_its_way_costs_no_look() -> None:
    """A fill that is told a third of a second late leads to reads, and history is not asked."""
    rig = sparing()
    world = rig.exchanges["a"]
    before = len(world.looks)
    rig.host.run_until(lambda: len(world.looks) > before, limit_seconds=120)
    rig.host.advance(5)
    looks, reads = len(world.looks), world.reads
    for number in range(10):
        report = rig.fill(f"T{number}", told=False)
        rig.host.advance(0.3)
        rig.record(report)
        rig.host.advance(3)
    assert world.reads > reads + 10
    assert len(world.looks) == looks


@pytest.mark.parametrize("moment", [0.1, 0.7, 1.3, 1.9])
def test_a_missed_fill_is_repaired_after_one_look(moment: float) -> None:
    """One look names a fill that was missed; it is posted within a second of its confirmation, with no further look."""
    rig = sparing(armed=True)
    world = rig.exchanges["a"]
    rig.host.advance(moment)
    looks = len(world.looks)
    rig.fill("T9", told=False)
    rig.await_event(DiscrepancyConfirmed)
    assert rig.events(PortfolioAdjusted) == []
    rig.await_event(PortfolioAdjusted, within=1.0)
    assert len(world.looks) == looks + 1


def test_a_theft_that_history_lists_halts_within_five_seconds() -> None:
    """From the withdrawal to the request to halt, at a poll each two seconds."""
    rig = sparing(armed=True)
    rig.exchanges["a"].move("W1", {"BTC": "-1.5"})
    rig.await_event(TradingHaltRequested, within=5.0)
