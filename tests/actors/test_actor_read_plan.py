"""How often the exchange is asked: reads count against its limits, so none is made that nobody wants."""

from __future__ import annotations

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
