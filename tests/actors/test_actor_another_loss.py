"""What stands, or a person said to ignore, is that one difference: another loss on the same leg is told, also by a single pass."""

from __future__ import annotations

import pytest
from actor_recovery import armed, await_state, order, states
from actor_rig import Rig, settings_of

from reconcile_actors.domain.discrepancy import Severity, State
from reconcile_actors.domain.report import ReconciliationStatus


@pytest.mark.parametrize("amount", ["-30", "-40000", "500"])
@pytest.mark.parametrize("is_named", [False, True])
def test_a_single_pass_tells_another_loss_beside_an_ignored_one(amount: str, is_named: bool) -> None:
    """It waits until the new difference is past doubt, rather than to report the balance that somebody ignored as a match."""
    rig = armed()
    rig.exchanges["a"].glitch("USD", "-700")
    await_state(rig, "USD:total:1", State.AWAITING_APPROVAL)
    assert order(rig, "ignore", "USD:total:1") == "recorded"
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    rig.host.stop()
    again = rig.restarted()
    again.standalone, again.armed = True, False
    again.start()
    if is_named:
        again.exchanges["a"].move("W2", {"USD": amount})
    else:
        again.exchanges["a"].glitch("USD", amount)
    report = again.reconcile()
    assert report.status is ReconciliationStatus.DISCREPANT
    assert [one.id for one in report.discrepancies] == ["a:spot:USD:total:2"]
    assert states(again)["USD:total:1"] is State.RESOLVED
    assert again.reconcile().status is ReconciliationStatus.DISCREPANT


@pytest.mark.parametrize("is_named", [False, True])
def test_a_single_pass_tells_that_a_small_loss_has_grown(is_named: bool) -> None:
    """What is known, small and explained does not stand in for what has gone since: the pass ends with all of it."""
    rig = Rig(settings=settings_of(["a"])).opened().quiet()
    rig.exchanges["a"].move("W1", {"USD": "-5"})
    await_state(rig, "USD:total:1", State.CONFIRMED)
    rig.host.advance(10)
    rig.host.stop()
    again = rig.restarted()
    again.standalone = True
    again.start()
    if is_named:
        again.exchanges["a"].move("W2", {"USD": "-40000"})
    else:
        again.exchanges["a"].glitch("USD", "-40000")
    report = again.reconcile()
    assert report.status is ReconciliationStatus.DISCREPANT
    assert [(one.severity, one.difference) for one in report.discrepancies] == [(Severity.ERROR, -40005)]
