"""Funding that the exchange gives no id: reports account for it by time and amount, and only what was not told is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from actor_rig import Rig

from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.messages import DiscrepancyConfirmed, RecordFunding

SYMBOL = "BTC/USD:USD"
LATER_SECONDS = 30.0  # far beyond L + R; an hour of polls would take as long to play


def pay(rig: Rig, amount: str) -> None:
    """The exchange takes a payment: history lists it without an id."""
    world = rig.exchanges["a"]
    listed = world.move("unused", {"USD": amount}, MovementType.FUNDING)
    world.movements[-1] = replace(listed, id=None, instrument=SYMBOL)


def report(rig: Rig, id_: str, amount: str, own_seconds: float = 0.0) -> RecordFunding:
    """What the trading process says of it, by its own clock."""
    at = rig.host.clock.utc() + timedelta(seconds=own_seconds)
    return RecordFunding(exchange="a", id=id_, symbol=SYMBOL, currency="USD", amount=Decimal(amount), occurred_at=at)


@pytest.mark.parametrize("seed", range(3))
def test_payments_that_are_told_are_no_finding(seed: int) -> None:
    """Equal ones at two times, each told with an own time that is off by less than L + R."""
    rig = Rig(seed=seed).opened().quiet()
    for id_, off in (("P1", 0.4), ("P2", -0.4)):
        pay(rig, "-7.5")
        assert rig.record(report(rig, id_, "-7.5", off)).status == "recorded"
        rig.host.advance(LATER_SECONDS)
    assert rig.events(DiscrepancyConfirmed) == []
    assert [one for one in rig.ledger.known.values() if one.state.is_open] == []


@pytest.mark.parametrize("seed", range(3))
def test_the_one_that_was_not_told_is_named_by_its_time(seed: int) -> None:
    """The report of an equal payment before does not hide it; told late, it is over."""
    rig = Rig(seed=seed).opened().quiet()
    pay(rig, "-7.5")
    assert rig.record(report(rig, "P1", "-7.5")).status == "recorded"
    rig.host.advance(LATER_SECONDS)
    pay(rig, "-7.5")
    late = report(rig, "P2", "-7.5")
    rig.await_event(DiscrepancyConfirmed)

    def named() -> bool:
        [one] = rig.ledger.known.values()
        return one.cause == "missed_funding"

    rig.host.run_until(named, limit_seconds=30.0)
    [one] = rig.ledger.known.values()
    assert one.difference == Decimal("-7.5")
    [evidence] = one.evidence
    assert evidence.startswith(f"funding:{SYMBOL}@")
    assert rig.record(late).status == "recorded"
    rig.host.run_until(
        lambda: all(each.state is State.RESOLVED for each in rig.ledger.known.values()), limit_seconds=30.0
    )
