"""A theft in small portions: withdrawals that nobody reported are not posted one after the other without end."""

from __future__ import annotations

from decimal import Decimal

from actor_recovery import adjusted, armed, order, states

from reconcile_actors.actors.recovery_state import Recovery
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.messages import ApprovalRequested

HOUR_US = 3_600_000_000


def test_many_small_withdrawals_are_one_large_one() -> None:
    """What was posted by itself within a day counts with the next: from the limit on a person is asked, and an approval goes on."""
    rig = armed()
    for number in range(4):
        rig.exchanges["a"].move(f"W{number}", {"USD": "-300"})
        rig.host.advance(15)
    assert [line.id for one in adjusted(rig) for line in one.lines] == ["W0", "W1", "W2"]
    assert [one.reason for one in rig.events(ApprovalRequested)] == ["large_outflow"]
    assert states(rig)["USD:total:4"] is State.AWAITING_APPROVAL
    assert order(rig, "approve", "USD:total:4") == "recorded"
    rig.exchanges["a"].fill("T9", "buy", "0.1", "60000", "6")
    rig.host.advance(15)
    assert {line.id for one in adjusted(rig) for line in one.lines} == {"W0", "W1", "W2", "W3", "T9"}


def test_what_was_posted_a_day_ago_counts_no_more() -> None:
    """The limit is one of a day: older ones are forgotten one by one."""
    recovery = Recovery()
    for hour in range(30):
        recovery.note_outflow(Decimal(10), hour * HOUR_US)
    recovery.follow((), 30 * HOUR_US)
    assert recovery.outflow_usd == Decimal(230)
    recovery.follow((), 60 * HOUR_US)
    assert recovery.outflow_usd == 0
