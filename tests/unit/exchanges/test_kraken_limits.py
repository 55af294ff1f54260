"""The call counter: what may go when, and what follows for the spacing of reads."""

import pytest

from reconcile_actors.exchanges.kraken.limits import (
    COST_HISTORY,
    COST_OTHER,
    INTERMEDIATE,
    PRO,
    STARTER,
    CallLimit,
    Tier,
)
from reconcile_actors.exchanges.meters import Purpose


def burst(limit: CallLimit, purpose: Purpose, now_us: int = 0, *, cost: float = COST_OTHER) -> int:
    calls = 0
    while limit.wait_seconds(cost, purpose, now_us) == 0:
        limit.spend(cost, purpose, now_us)
        calls += 1
    return calls


@pytest.mark.parametrize(("tier", "reads", "looks"), [(STARTER, 9, 2), (INTERMEDIATE, 12, 3), (PRO, 12, 3)])
def test_confirming_leaves_room_for_looks_that_explain(tier: Tier, reads: int, looks: int) -> None:
    """After a burst of confirming reads, looks into history still go at once; both end two below the maximum."""
    limit = CallLimit(tier)
    assert burst(limit, Purpose.CONFIRM) == reads
    assert burst(limit, Purpose.EXPLAIN, cost=COST_HISTORY) == looks
    assert limit.wait_seconds(COST_HISTORY, Purpose.EXPLAIN, 0) > 0


@pytest.mark.parametrize(("tier", "reads"), [(STARTER, 4), (INTERMEDIATE, 5), (PRO, 5)])
def test_watching_leaves_room_for_confirming(tier: Tier, reads: int) -> None:
    """After all that watching may take at once, a confirmation still has some calls, and a look that explains too."""
    limit = CallLimit(tier)
    burst(limit, Purpose.WATCH)
    assert burst(limit, Purpose.CONFIRM) == reads
    assert limit.wait_seconds(COST_HISTORY, Purpose.EXPLAIN, 0) == 0


@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO])
def test_looks_that_follow_each_other_leave_half_to_reads(tier: Tier) -> None:
    """While looks are asked for without a pause for long, a poll each second spacing goes without waiting for its turn."""
    limit, reads, looks = CallLimit(tier), 0, 0
    for step in range(4_000):
        now_us = int(step * tier.poll_seconds * 250_000)
        looks += burst(limit, Purpose.EXPLAIN, now_us, cost=COST_HISTORY)
        if step % 8 == 0:
            reads += 1
            assert limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, now_us) == 0
            limit.spend(COST_OTHER, Purpose.CONFIRM, now_us)
    assert looks == pytest.approx(reads, rel=0.05)


@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO])
def test_watching_for_long_takes_four_fifths(tier: Tier) -> None:
    """Over ten thousand seconds, watching as fast as allowed costs at most 80 % of what falls, plus its burst."""
    limit, now_us, spent = CallLimit(tier), 0, 0.0
    end_us = 10_000_000_000
    while now_us < end_us:
        wait = limit.wait_seconds(COST_OTHER, Purpose.WATCH, now_us)
        if wait == 0:
            limit.spend(COST_OTHER, Purpose.WATCH, now_us)
            spent += COST_OTHER
        now_us += int(wait * 1e6) + 1
    assert spent <= 10_000 * tier.decay * 0.8 + tier.maximum / 2 + 1
    assert spent >= 10_000 * tier.decay * 0.79


@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO])
def test_the_declared_spacing_needs_no_waiting(tier: Tier) -> None:
    """Balances each `poll_seconds` and a page of history each `history_seconds` go for an hour without a pause."""
    limit = CallLimit(tier)
    for poll in range(int(3600 / tier.poll_seconds)):
        now_us = int(poll * tier.poll_seconds * 1e6)
        costs = [COST_OTHER, COST_HISTORY] if poll % 4 == 0 else [COST_OTHER]
        for cost in costs:
            assert limit.wait_seconds(cost, Purpose.WATCH, now_us) == 0
            limit.spend(cost, Purpose.WATCH, now_us)
    assert burst(limit, Purpose.CONFIRM, now_us) >= 5
    assert burst(limit, Purpose.EXPLAIN, now_us, cost=COST_HISTORY) >= 2


@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO])
def test_history_puts_no_poll_off(tier: Tier) -> None:
    """While as many pages of history as may be are asked for just before it, every balance goes at its declared moment."""
    limit, pages = CallLimit(tier), 0
    for poll in range(1000):
        now_us = int(poll * tier.poll_seconds * 1e6)
        while limit.wait_seconds(COST_HISTORY, Purpose.WATCH, now_us) == 0:
            limit.spend(COST_HISTORY, Purpose.WATCH, now_us)
            pages += 1
        assert limit.wait_seconds(COST_OTHER, Purpose.WATCH, now_us) == 0
        limit.spend(COST_OTHER, Purpose.WATCH, now_us)
    assert pages > 250  # more than one each fourth poll


def test_what_is_attainable() -> None:
    """Only the highest tier finds a difference within five seconds, and the others say so."""
    assert PRO.poll_seconds == 2.0
    assert PRO.history_seconds == 8.0
    assert PRO.detection_seconds < 5
    assert 5 < INTERMEDIATE.detection_seconds < 7
    assert 7 < STARTER.detection_seconds < 9


def test_a_refusal_steps_down_and_fills_the_counter() -> None:
    """The exchange's refusal means that the account has less than thought: one tier lower, and wait."""
    limit = CallLimit(PRO)
    limit.step_down(0)
    assert limit.tier is INTERMEDIATE
    wait = limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, 0)
    assert wait == pytest.approx(3 / 0.25)
    assert limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, int(wait * 1e6) + 1) == 0
    limit.step_down(0)
    limit.step_down(0)
    assert limit.tier is STARTER


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Neither standing nor falling time lets the counter fall."""
    limit = CallLimit(PRO)
    burst(limit, Purpose.CONFIRM, 10_000_000)
    wait = limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, 10_000_000)
    assert limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, 0) == wait > 0


@pytest.mark.parametrize("tier", [STARTER, INTERMEDIATE, PRO])
def test_reads_leave_room_for_a_page_of_history_that_waits(tier: Tier) -> None:
    """However often differences are looked into, a page of history gets its turn before the next read."""
    limit = CallLimit(tier)
    burst(limit, Purpose.CONFIRM)
    with limit.claim(COST_HISTORY):
        page = limit.wait_seconds(COST_HISTORY, Purpose.WATCH, 0)
        assert 0 < page < limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, 0)
        now_us = int(page * 1_000_000) + 1
        assert limit.wait_seconds(COST_HISTORY, Purpose.WATCH, now_us) == 0
        assert limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, now_us) > 0
    assert limit.wait_seconds(COST_OTHER, Purpose.CONFIRM, now_us) == 0
