"""What open orders lock: found where only that differs, and never a finding while reports are merely late."""

from __future__ import annotations

from decimal import Decimal

import pytest
from actor_rig import Rig

from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.messages import CloseOrder, DiscrepancyConfirmed, DiscrepancyResolved, OpenOrder, SetBalances
from reconcile_actors.messages.records import StatedBalance


def stated(rig: Rig, locked: str, version: int = 1) -> None:
    """The whole wallet, with what of USD is locked."""
    balances = (
        StatedBalance(currency="BTC", total="2", locked="0"),
        StatedBalance(currency="USD", total="50000", locked=locked),
    )
    answer = rig.record(SetBalances(exchange="a", version=version, balances=balances, as_of=rig.host.clock.utc()))
    assert answer.status == "recorded"


def order(rig: Rig, order_id: str) -> OpenOrder:
    """An order that locks 600 USD at the exchange from now on; what a trading process says of it."""
    world = rig.exchanges["a"]
    world.locked["USD"] = world.locked.get("USD", Decimal(0)) + 600
    return OpenOrder(
        exchange="a",
        order_id=order_id,
        symbol="BTC/USD",
        side="buy",
        quantity="0.01",
        price="60000",
        occurred_at=rig.host.clock.utc(),
    )


def closing(rig: Rig, order_id: str) -> CloseOrder:
    """The order is gone at the exchange; what a trading process says of it."""
    rig.exchanges["a"].locked["USD"] -= 600
    return CloseOrder(exchange="a", order_id=order_id, occurred_at=rig.host.clock.utc())


@pytest.mark.parametrize("seed", range(4))
def test_a_lock_that_only_one_side_knows_is_found_by_watching(seed: int) -> None:
    """Where balances agree, what they lock is judged all the same, and the finding ends when both sides agree again."""
    rig = Rig(seed=seed).start()
    stated(rig, "0")
    rig.quiet()
    order(rig, "O1")
    happened = rig.host.now
    event = rig.await_event(DiscrepancyConfirmed)
    assert rig.host.now - happened <= 8
    one = event.discrepancy
    assert (one.id, one.difference) == ("a:spot:USD:locked:1", Decimal(600))
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.DISCREPANT
    rig.host.advance(10)
    assert len(rig.events(DiscrepancyConfirmed)) == 1
    rig.exchanges["a"].locked.clear()
    rig.await_event(DiscrepancyResolved)
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_a_pass_waits_for_what_is_locked() -> None:
    """A single pass right after the start finds it as well: balances that agree do not end it."""
    before = Rig().start()
    stated(before, "500")
    rig = before.restarted().start()
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.DISCREPANT
    assert [(one.id, one.difference) for one in report.discrepancies] == [("a:spot:USD:locked:1", Decimal(-500))]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("late", [0.0, 0.7, 1.6])
def test_orders_that_are_reported_late_are_no_finding(seed: int, late: float) -> None:
    """Orders that come and go, each reported within L: every pass matches and nothing is confirmed."""
    rig = Rig(seed=seed).start()
    stated(rig, "0")
    rig.quiet()
    for number in range(12):
        told = order(rig, f"O{number}")
        rig.host.advance(late)
        assert rig.record(told).status == "recorded"
        rig.host.advance(1.3)
        gone = closing(rig, f"O{number}")
        rig.host.advance(late)
        assert rig.record(gone).status == "recorded"
        rig.host.advance(0.4)
        if number % 4 == 0:
            assert rig.reconcile().status is ReconciliationStatus.MATCHED
    assert rig.events(DiscrepancyConfirmed) == []
