"""However reads are asked for, the exchange's counter never overflows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.exchanges.kraken.limits import COST_HISTORY, COST_OTHER, TIERS, CallLimit
from reconcile_actors.exchanges.meters import Purpose

CALLS = st.lists(
    st.tuples(st.integers(0, 5_000_000), st.sampled_from([COST_OTHER, COST_HISTORY]), st.sampled_from(Purpose)),
    max_size=200,
)


@settings(max_examples=200, deadline=None, print_blob=True)
@given(st.sampled_from(sorted(TIERS)), CALLS)
def test_the_exchange_never_has_to_refuse(name: str, calls: list[tuple[int, float, Purpose]]) -> None:
    """A counter of the exchange's own kind, run beside ours over calls that wait as told, stays below its maximum."""
    tier = TIERS[name]
    limit, now_us, at_us, level = CallLimit(tier), 0, 0, 0.0
    for pause_us, cost, purpose in calls:
        now_us += pause_us
        while (wait := limit.wait_seconds(cost, purpose, now_us)) > 0:
            now_us += int(wait * 1e6) + 1
        limit.spend(cost, purpose, now_us)
        level = max(0.0, level - (now_us - at_us) / 1e6 * tier.decay) + cost
        at_us = now_us
        assert level <= tier.maximum - 1


READS = st.lists(st.tuples(st.integers(0, 5_000_000), st.sampled_from([Purpose.WATCH, Purpose.CONFIRM])), max_size=200)


@settings(max_examples=200, deadline=None, print_blob=True)
@given(st.sampled_from(sorted(TIERS)), READS)
def test_a_look_that_explains_need_not_wait_for_reads(name: str, reads: list[tuple[int, Purpose]]) -> None:
    """However many reads were asked for before, a look into history and one for trades go at once."""
    limit, now_us = CallLimit(TIERS[name]), 0
    for pause_us, purpose in reads:
        now_us += pause_us
        while (wait := limit.wait_seconds(COST_OTHER, purpose, now_us)) > 0:
            now_us += int(wait * 1e6) + 1
        limit.spend(COST_OTHER, purpose, now_us)
    for _ in range(2):
        assert limit.wait_seconds(COST_HISTORY, Purpose.EXPLAIN, now_us) == 0
        limit.spend(COST_HISTORY, Purpose.EXPLAIN, now_us)
