"""One repair, ended at every boundary between two messages: the book and the log hold all of it or nothing, and it is done once."""

from __future__ import annotations

from collections import Counter

import pytest
from actor_recovery import acknowledge, adjusted, agrees, armed, states, suspense
from actor_rig import Rig

from reconcile_actors.actors.protocol import AUDIT, PORTFOLIO, Commit, GetWindow, WindowIs, reconciliation_role
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.messages import DiscrepancyConfirmed, PortfolioAdjusted

ROLE = reconciliation_role("a")
LOSSES = {"missed": "backfill", "glitch": "adopt"}


def lost(loss: str) -> Rig:
    """An armed account with a loss that is just certain."""
    rig = armed(3)
    if loss == "missed":
        rig.fill("T9", told=False)
    else:
        rig.exchanges["a"].glitch("USD", "-7")
    rig.await_event(DiscrepancyConfirmed)
    return rig


def steps_of(loss: str) -> int:
    """How many turns pass until the repair is proved."""
    rig = lost(loss)
    before = len(rig.host.trace)
    rig.host.run_until(lambda: set(states(rig).values()) == {State.RESOLVED}, limit_seconds=30)
    return len(rig.host.trace) - before + 2


def run_for(rig: Rig, turns: int) -> None:
    """Lets so many messages be handled."""
    until = len(rig.host.trace) + turns
    rig.host.run_until(lambda: len(rig.host.trace) >= until, limit_seconds=60)


def crash(rig: Rig, role: str) -> None:
    """Ends an actor by a message that is broken inside, as only a bug can make one."""
    kind = {AUDIT: Commit, PORTFOLIO: GetWindow, ROLE: WindowIs}[role]
    rig.host.tell(role, object.__new__(kind))


def check_whole(rig: Rig) -> None:
    """I3: wherever there is a row of an adjustment there is its entry, and the other way round."""
    own = [row for row in rig.ledger.rows["a"] if '"type": "posted"' in row.message]
    assert len(own) == rig.ledger.kinds().count("adjustment.posted") <= 1


def check_end(rig: Rig, loss: str) -> None:
    """Repaired once, proved, told and acknowledged."""
    rig.host.advance(60)
    check_whole(rig)
    assert agrees(rig)
    assert set(states(rig).values()) == {State.RESOLVED}
    (adjustment,) = adjusted(rig)
    counted = Counter(
        row.movement.id for row in rig.ledger.rows["a"] if row.movement.type is not MovementType.STATEMENT
    )
    assert set(counted.values()) == {1}
    assert suspense(rig) == ({} if loss == "missed" else {"USD": "-7"})
    assert acknowledge(rig, adjustment.id) == "recorded"
    count = len(rig.events(PortfolioAdjusted))
    rig.host.advance(70)
    assert len(rig.events(PortfolioAdjusted)) == count


@pytest.mark.parametrize("loss", LOSSES)
def test_a_process_that_ends_at_any_moment(loss: str) -> None:
    """Whatever was not committed is gone with the process; the next one ends what was begun, and posts nothing twice."""
    for turns in range(0, steps_of(loss), 5):
        rig = lost(loss)
        run_for(rig, turns)
        check_whole(rig)
        again = rig.restarted(seed=turns).start()
        check_end(again, loss)


@pytest.mark.parametrize("role", [ROLE, PORTFOLIO, AUDIT])
@pytest.mark.parametrize("loss", LOSSES)
def test_an_actor_that_crashes_at_any_moment(loss: str, role: str) -> None:
    """Whichever actor ends, the repair is made, once, or was already."""
    for turns in range(0, steps_of(loss), 5):
        rig = lost(loss)
        run_for(rig, turns)
        crash(rig, role)
        check_end(rig, loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_store_that_refuses_for_a_while(loss: str) -> None:
    """A unit that is refused leaves nothing behind, in memory neither; the repair is made once the store takes it."""
    rig = lost(loss)
    rig.ledger.refuse = lambda unit: (
        "store_full" if any(one.kind == "adjustment.posted" for one in unit.entries) else None
    )
    rig.host.advance(20)
    assert adjusted(rig) == []
    assert suspense(rig) == {}
    assert not agrees(rig)
    rig.ledger.refuse = lambda _unit: None
    check_end(rig, loss)
