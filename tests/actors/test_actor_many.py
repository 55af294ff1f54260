"""Several accounts at once: each by itself, and none the later for the others' troubles."""

from __future__ import annotations

import pytest
from actor_exchange import HANG, failure
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import PORTFOLIO, reconciliation_role
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import ActorRestarted, DiscrepancyConfirmed, DiscrepancyDetected

NAMES = ("a", "b", "c", "d", "e")


@pytest.mark.parametrize("seed", range(4))
def test_five_accounts_are_independent(seed: int) -> None:
    """One loses a fill, one cannot be read, one is paused, one crashes: each is what it is, and the fifth is matched."""
    rig = Rig(*NAMES, seed=seed).opened().quiet()
    rig.fill("T1", name="a", told=False)
    rig.exchanges["b"].always = UnknownReason.INCOMPLETE_PAGE
    rig.pause("c")
    rig.exchanges["d"].script.append(ZeroDivisionError())
    rig.host.advance(25)
    statuses = {name: (report.status, report.unknown_reason) for name in NAMES if (report := rig.reconcile(name))}
    unknown = ReconciliationStatus.UNKNOWN
    assert statuses == {
        "a": (ReconciliationStatus.DISCREPANT, None),
        "b": (unknown, UnknownReason.INCOMPLETE_PAGE),
        "c": (unknown, UnknownReason.PAUSED),
        "d": (ReconciliationStatus.MATCHED, None),
        "e": (ReconciliationStatus.MATCHED, None),
    }
    assert {one.discrepancy.exchange for one in rig.events(DiscrepancyConfirmed)} == {"a"}
    assert [one.actor for one in rig.events(ActorRestarted)] == [reconciliation_role("d")]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_loss_in_each_of_several_is_found_in_each_in_time(count: int) -> None:
    """All lose something at the same moment; each is told of within the target."""
    names = NAMES[:count]
    rig = Rig(*names).opened().quiet()
    for name in names:
        rig.exchanges[name].glitch("USD", "-300")
    happened = rig.host.now
    rig.await_event(DiscrepancyConfirmed, count=count)
    assert rig.host.now - happened <= 5
    assert {one.discrepancy.exchange for one in rig.events(DiscrepancyConfirmed)} == set(names)


@pytest.mark.parametrize("trouble", ["down", "hanging", "crashing"])
def test_twenty_in_trouble_do_not_delay_the_next(trouble: str) -> None:
    """Twenty accounts that are down, hang or crash: the twenty-first is compared and its loss found in time."""
    names = [f"x{number}" for number in range(20)] + ["good"]
    rig = Rig(*names).opened().quiet()
    for name in names[:-1]:
        rig.exchanges[name].always = {
            "down": failure(FailureClass.TRANSIENT),
            "hanging": HANG,
            "crashing": ZeroDivisionError(),
        }[trouble]
    rig.host.advance(30)
    assert rig.reconcile("good").status is ReconciliationStatus.MATCHED
    rig.exchanges["good"].glitch("USD", "-300")
    happened = rig.host.now
    rig.host.run_until(lambda: bool(rig.events(DiscrepancyConfirmed, "good")), limit_seconds=30)
    assert rig.host.now - happened <= 5
    assert rig.events(DiscrepancyDetected, "x0") == []


def test_reports_of_one_account_never_touch_another() -> None:
    """The same ids and versions in two accounts are two things."""
    rig = Rig("a", "b").opened()
    for name in ("a", "b"):
        assert rig.record(rig.transfer("T1", "5", name=name)).status == "recorded"
        assert rig.record(rig.transfer("T1", "5", name=name)).status == "duplicate"
    assert rig.portfolio("a").version == rig.portfolio("b").version == 2
    assert rig.totals("a") == rig.totals("b")


def test_a_flood_of_reports_to_one_delays_no_other() -> None:
    """Thousands of reports of one account are written in batches; another's comparison goes on between them."""
    rig = Rig("busy", "good", settings=settings_of(["busy", "good"], "interval_seconds = 3600")).opened().quiet()
    for number in range(3000):
        rig.host.tell(PORTFOLIO, rig.transfer(f"T{number}", "0.01", name="busy"))
    rig.exchanges["busy"].glitch("USD", "30")
    rig.exchanges["good"].glitch("USD", "-300")
    happened = rig.host.now
    rig.host.run_until(lambda: bool(rig.events(DiscrepancyConfirmed, "good")), limit_seconds=30)
    assert rig.host.now - happened <= 5
    rig.host.advance(5)
    assert rig.totals("busy")["USD"] == "50030.00"
