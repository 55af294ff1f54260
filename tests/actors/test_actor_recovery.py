"""Repairs of an armed account on the deterministic host: what is posted by itself, what waits for a person, and that it is proved."""

from __future__ import annotations

import pytest
from actor_rig import Rig, settings_of

from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.messages import (
    AdjustmentProposed,
    DiscrepancyConfirmed,
    PortfolioAdjusted,
)

RECOVER = 'mode = "recover"'


def armed(seed: int = 0, more: str = "") -> Rig:
    """An account that is repaired, past its start."""
    return Rig(seed=seed, settings=settings_of(["a"], RECOVER, more), armed=True).opened().quiet()


def states(rig: Rig) -> dict[str, State]:
    """The state of every discrepancy that there ever was."""
    return {id_: one.state for id_, one in rig.ledger.known.items()}


def truth(rig: Rig) -> dict[str, str]:
    """What the exchange holds."""
    return {name: f"{amount:f}" for name, amount in rig.exchanges["a"].holdings.items()}


def same(left: dict[str, str], right: dict[str, str]) -> bool:
    from decimal import Decimal

    return {k: Decimal(v) for k, v in left.items()} == {k: Decimal(v) for k, v in right.items()}


@pytest.mark.parametrize("seed", range(8))
def test_a_missed_fill_is_backfilled(seed: int) -> None:
    """The fill that history names is posted under its own id, both legs at once, and the next read proves it."""
    rig = armed(seed)
    rig.fill("T1")
    rig.fill("T9", told=False)
    event = rig.await_event(PortfolioAdjusted)
    adjustment = event.adjustment
    assert adjustment.action is Action.BACKFILL
    assert {line.id for line in adjustment.lines} == {"T9"}
    rig.host.advance(6)
    assert same(rig.totals(), truth(rig))
    assert set(states(rig).values()) == {State.RESOLVED}
    assert len(rig.events(AdjustmentProposed)) == 1
    assert rig.account().open == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_small_remainder_is_adopted(seed: int) -> None:
    """What nothing explains is adopted within the limit, and stands in suspense."""
    rig = armed(seed)
    rig.exchanges["a"].glitch("USD", "-7")
    event = rig.await_event(PortfolioAdjusted)
    assert event.adjustment.action is Action.ADOPT
    rig.host.advance(6)
    assert set(states(rig).values()) == {State.RESOLVED}
    (one,) = rig.portfolio().suspense
    assert (one.leg.currency, f"{one.amount:f}") == ("USD", "-7")
    assert len(rig.events(DiscrepancyConfirmed)) == 1
