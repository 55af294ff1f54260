"""A late report and an adoption that meet: what the book was told by then is not adopted on top, and what comes later is netted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from actor_exchange import FACTS
from actor_recovery import adjusted, agrees, armed
from actor_rig import Rig

from reconcile_actors.messages import DiscrepancyConfirmed, PortfolioAdjusted, RecordTransfer


def hidden_loss(seed: int, poll_seconds: float = 1.0) -> tuple[Rig, RecordTransfer]:
    """A small withdrawal that the exchange does not list yet, past doubt; and what the trading process will say of it."""
    rig = armed(seed)
    rig.exchanges["a"].facts = replace(FACTS, poll_seconds=poll_seconds)
    rig.host.advance(7)
    report = rig.transfer("W1", "-7")
    rig.exchanges["a"].glitch("USD", "-7")
    rig.await_event(DiscrepancyConfirmed)
    return rig, report


def assert_counted_once(rig: Rig) -> None:
    """The book holds what the exchange holds, and nothing was taken for a loss on the way."""
    rig.host.advance(30)
    assert agrees(rig)
    assert rig.account().open == ()
    assert sum(line.amount for one in adjusted(rig) for line in one.lines) == 0


@pytest.mark.parametrize("tenths", range(0, 40, 2))
def test_a_late_original_just_before_the_adoption_counts_once(tenths: int) -> None:
    """Whenever it is told: a read that the book without it would explain is no reason to adopt what it already tells."""
    rig, report = hidden_loss(seed=tenths)
    rig.host.advance(tenths / 10)
    assert rig.record(report).status == "recorded"
    assert_counted_once(rig)


@pytest.mark.parametrize("seed", range(8))
def test_a_late_original_counts_once_where_reads_are_rare(seed: int) -> None:
    """The read as of which it was adopted lies far enough behind the loss for the report to be known for what was adopted."""
    rig, report = hidden_loss(seed, poll_seconds=6.0)
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(5)
    assert rig.record(report).status == "recorded"
    assert_counted_once(rig)
