"""The circuit breaker and the backoff: pure machines, with time and chance handed in."""

from __future__ import annotations

from random import Random

import pytest

from reconcile_actors.kernel.backoff import Backoff
from reconcile_actors.kernel.circuit_breaker import BreakerSettings, CircuitBreaker, Transition

SETTINGS = BreakerSettings(failure_threshold=3, reset_seconds=10, reset_cap_seconds=50, jitter=0.0, probe_seconds=5)


def breaker(settings: BreakerSettings = SETTINGS) -> CircuitBreaker:
    return CircuitBreaker(settings, Random(1))


def opened(at: float = 0.0) -> CircuitBreaker:
    machine = breaker()
    for _ in range(3):
        machine.record_failure(at)
    assert machine.state == "open"
    return machine


def test_failures_in_a_row_open_it() -> None:
    """The threshold counts failures in a row: a success starts the count anew."""
    machine = breaker()
    assert [machine.record_failure(0), machine.record_failure(0)] == [None, None]
    assert machine.record_success(0) is None
    assert [machine.record_failure(1), machine.record_failure(1)] == [None, None]
    assert machine.allow(1)
    assert machine.record_failure(1) == Transition("closed", "open", "failures")
    assert (machine.state, machine.retry_at, machine.next_change_at) == ("open", 11, 11)
    assert not machine.allow(10.9)


def test_half_open_admits_exactly_one() -> None:
    """When the pause is over the first to ask is let through, and of ten others none."""
    machine = opened()
    assert [machine.allow(10) for _ in range(11)] == [True] + [False] * 10
    assert machine.record_success(11) == Transition("half_open", "closed", "success")
    assert machine.allow(11)


def test_a_failed_probe_opens_it_for_longer_up_to_the_cap() -> None:
    """Each failed probe doubles the pause, to no more than the cap, and a success brings back the first."""
    machine = opened()
    pauses = []
    for _ in range(4):
        now = machine.retry_at or 0.0
        assert machine.tick(now) == Transition("open", "half_open", "reset_time")
        assert machine.allow(now)
        assert machine.record_failure(now) == Transition("half_open", "open", "failures")
        pauses.append((machine.retry_at or 0.0) - now)
    assert pauses == [20, 40, 50, 50]
    now = machine.retry_at or 0.0
    assert machine.allow(now)
    machine.record_success(now)
    for _ in range(3):
        machine.record_failure(now)
    assert machine.retry_at == now + 10


def test_weeks_of_failure_overflow_nothing() -> None:
    """However often it opens, the pause stays the cap."""
    machine = opened()
    for _ in range(3_000):
        now = machine.retry_at or 0.0
        assert machine.allow(now)
        machine.record_failure(now)
    assert machine.retry_at == now + 50


def test_a_lost_probe_counts_as_failed() -> None:
    """A probe that never reports does not leave the breaker half open for ever."""
    machine = opened()
    assert machine.allow(10)
    assert machine.next_change_at == 15
    assert machine.tick(14.9) is None
    assert machine.tick(15) == Transition("half_open", "open", "probe_lost")
    assert machine.retry_at == 35


def test_the_other_side_may_ask_for_quiet() -> None:
    """`retry_after` opens it at once and is kept in full, also when it comes while it is open."""
    machine = breaker()
    assert machine.record_failure(0, retry_after=120) == Transition("closed", "open", "failures")
    assert machine.retry_at == 120
    assert machine.record_failure(1, retry_after=300) is None
    assert machine.retry_at == 301
    machine.record_failure(2, retry_after=1)
    assert machine.retry_at == 301


def test_late_successes_close_nothing() -> None:
    """A call that began before it opened, and succeeds after, is no probe."""
    machine = opened()
    assert machine.record_success(1) is None
    assert machine.state == "open"


def test_open_for_good_until_a_person_resets_it() -> None:
    """What trying again cannot mend stays open, however long, until `reset`."""
    machine = breaker()
    assert machine.open_for_good("credentials") == Transition("closed", "open", "credentials")
    assert machine.open_for_good() is None
    assert (machine.retry_at, machine.next_change_at) == (None, None)
    assert not machine.allow(1e9)
    assert machine.record_failure(1, retry_after=5) is None
    assert machine.retry_at is None
    assert machine.reset() == Transition("open", "closed", "reset")
    assert machine.reset() is None
    assert machine.allow(2)


def test_jitter_only_lengthens() -> None:
    """Pauses are spread upwards, never below what was set, and come from the generator handed in."""
    settings = BreakerSettings(failure_threshold=1, reset_seconds=10, reset_cap_seconds=10, jitter=0.5)
    pauses = set()
    for seed in range(50):
        machine = CircuitBreaker(settings, Random(seed))
        machine.record_failure(0)
        pauses.add(machine.retry_at)
        again = CircuitBreaker(settings, Random(seed))
        again.record_failure(0)
        assert again.retry_at == machine.retry_at
    assert len(pauses) > 40
    assert all(10 <= pause <= 15 for pause in pauses)


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_threshold": 0},
        {"reset_seconds": 0},
        {"reset_seconds": 400},
        {"jitter": -0.1},
        {"probe_seconds": 0},
        {"quiet_cap_seconds": 0},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    """Settings that could never work are an error at once."""
    with pytest.raises(ValueError, match="a breaker needs"):
        BreakerSettings(**wrong)


def test_backoff_grows_within_its_bounds() -> None:
    """Pauses lie between the least and a doubling value up to the most, and repeat for the same generator."""
    pauses = Backoff(1, 8)
    delays = [pauses.next_delay(Random(seed)) for seed in range(6)]
    assert all(1 <= delay <= top for delay, top in zip(delays, [1, 2, 4, 8, 8, 8], strict=True))
    again = pauses.fresh()
    assert [again.next_delay(Random(seed)) for seed in range(6)] == delays


def test_backoff_starts_anew_after_good_life() -> None:
    """Long enough health forgets earlier failures; a short one does not."""
    pauses = Backoff(1, 64, reset_after_seconds=60)
    for _ in range(5):
        pauses.next_delay(Random(1))
    assert pauses.next_delay(Random(1), healthy_seconds=59) > 1
    assert pauses.next_delay(Random(1), healthy_seconds=60) == 1


@pytest.mark.parametrize("bounds", [(0, 1), (2, 1), (-1, 1)])
def test_impossible_backoffs_are_refused(bounds: tuple[float, float]) -> None:
    """A pause of nothing would be a busy loop of restarts."""
    with pytest.raises(ValueError, match="a backoff needs"):
        Backoff(*bounds)
