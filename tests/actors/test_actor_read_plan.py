"""How often the exchange is asked: reads count against its limits, so none is made that nobody wants."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from actor_rig import Rig, settings_of


@pytest.mark.parametrize("seed", range(8))
def test_a_pass_that_matches_reads_once(seed: int) -> None:
    """A pass reads once and no second time while its answer is on the way to the book, in whatever order actors run."""
    rig = Rig(seed=seed, settings=settings_of(["a"], "watch = false")).opened().quiet()
    world = rig.exchanges["a"]
    for _ in range(5):
        reads = world.reads
        rig.reconcile()
        rig.host.advance(3)
        assert world.reads == reads + 1


def spacings(rig: Rig, count: int) -> list[float]:
    """Seconds between the next reads."""
    world, times = rig.exchanges["a"], []
    for _ in range(count + 1):
        reads = world.reads
        rig.host.run_until(lambda reads=reads: world.reads > reads)
        times.append(rig.host.now)
    return [later - earlier for earlier, later in pairwise(times)]


def test_each_difference_is_read_again_soon() -> None:
    """Reports that came late before cost a later difference nothing: it too is read again soon, and then twice as often as else."""
    rig = Rig()
    world = rig.exchanges["a"]
    world.facts = replace(world.facts, poll_seconds=2.0)
    rig.opened().quiet()
    for number in range(10):
        report = rig.fill(f"T{number}", told=False)
        rig.host.advance(1.9)
        rig.record(report)
        rig.host.advance(5)
    rig.host.run_until(lambda reads=world.reads: world.reads > reads)
    rig.host.advance(0.1)
    world.glitch("USD", "-250")
    assert spacings(rig, 5) == pytest.approx([0.25, 0.5, 1.0, 1.0, 2.0], abs=0.05)  # found by then


def test_a_doubt_that_lasts_is_read_at_the_exchange_s_spacing() -> None:
    """Ten reads come sooner; where they decide nothing, the exchange's limit is no longer drawn upon."""
    rig = Rig()
    world = rig.exchanges["a"]
    world.facts = replace(world.facts, poll_seconds=2.0)
    rig.opened().quiet()
    rig.host.run_until(lambda reads=world.reads: world.reads > reads)
    rig.host.advance(0.1)
    world.holdings["BTC"] = Decimal(0)  # what a theft looks like: it takes fresh connections and time
    world.always = lambda snapshot: replace(snapshot, connection=1)  # and there is none to be had
    assert spacings(rig, 12) == pytest.approx([0.25, 0.5, *[1.0] * 8, 2.0, 2.0], abs=0.06)
