"""The weights of one address: what may go at once, what must wait, and what the exchange itself says."""

import pytest

from reconcile_actors.exchanges.binance.limits import ACCOUNT, API, SAPI_UID, TRADES, CallLimit, Cost
from reconcile_actors.exchanges.meters import Purpose

NOW = 1_000_000_000


def at_once(limit: CallLimit, cost: Cost, purpose: Purpose, now_us: int = NOW) -> int:
    """How many requests may go without waiting."""
    count = 0
    while limit.wait_seconds(cost, purpose, now_us) == 0:
        limit.spend(cost, purpose, now_us)
        count += 1
    return count


def test_what_may_go_at_once() -> None:
    """A fifth of a minute's weight for confirming, half of that for watching, of which pages leave room for two balances."""
    assert at_once(CallLimit(), ACCOUNT, Purpose.CONFIRM) == 60
    assert at_once(CallLimit(), ACCOUNT, Purpose.WATCH) == 30
    limit = CallLimit()
    assert at_once(limit, TRADES, Purpose.WATCH) == 28
    assert at_once(limit, ACCOUNT, Purpose.WATCH) == 2
    assert at_once(limit, ACCOUNT, Purpose.CONFIRM) == 30


def test_weight_comes_back() -> None:
    """At four fifths of the minute's rate; a clock that stands gives nothing back."""
    limit = CallLimit()
    at_once(limit, ACCOUNT, Purpose.CONFIRM)
    assert limit.wait_seconds(ACCOUNT, Purpose.CONFIRM, NOW) == pytest.approx(0.25)
    assert limit.wait_seconds(ACCOUNT, Purpose.CONFIRM, NOW - 1) == pytest.approx(0.25)
    assert at_once(limit, ACCOUNT, Purpose.CONFIRM, NOW + 1_000_000) == 4


def test_what_the_exchange_counted_counts() -> None:
    """Others behind the address have used most of the minute: what is left of it is all there is."""
    limit = CallLimit()
    limit.learn({API: 5500, "x-other-used": 7}, NOW, 10.0)
    assert at_once(limit, ACCOUNT, Purpose.CONFIRM) == 25
    limit.learn({API: 100}, NOW, 10.0)
    assert at_once(limit, ACCOUNT, Purpose.CONFIRM) == 0, "what was used before is not given back by a later answer"


def test_nearly_nothing_left_is_nothing() -> None:
    """Within a twentieth of the limit everything waits for the next minute."""
    limit = CallLimit()
    limit.learn({API: 5701}, NOW, 15.0)
    assert limit.wait_seconds(ACCOUNT, Purpose.CONFIRM, NOW) == 45
    assert limit.wait_seconds(Cost(SAPI_UID, 1), Purpose.WATCH, NOW) == 0, "the other counters are others"


@pytest.mark.parametrize(("said", "seconds"), [(77.0, 77), (None, 60)])
def test_after_a_refusal_all_wait(said: float | None, seconds: int) -> None:
    """As long as the exchange says, or a minute; a shorter refusal later does not shorten it."""
    limit = CallLimit()
    limit.refuse(said, NOW)
    limit.refuse(1.0, NOW)
    for cost in (ACCOUNT, Cost(SAPI_UID, 1)):
        assert limit.wait_seconds(cost, Purpose.CONFIRM, NOW) == seconds
