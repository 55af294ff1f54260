"""Tries, pauses and deadlines, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.exchanges.retry import FULL_JITTER, LONGEST_PAUSE_SECONDS, retrying
from tests.unit.exchanges.exchange_fakes import VirtualTime


def failing(*failures: ExchangeFailureError) -> tuple[Callable[[], Awaitable[str]], list[int]]:
    left, tries = list(failures), [0]

    async def attempt() -> str:
        tries[0] += 1
        if left:
            raise left.pop(0)
        return "done"

    return attempt, tries


def transient(retry_after: float | None = None) -> ExchangeFailureError:
    return ExchangeFailureError(FailureClass.TRANSIENT, "timeout", retry_after_seconds=retry_after)


def run(
    time: VirtualTime, attempt: Callable[[], Awaitable[str]], tries: int = 4, timeout: float = 60.0, share: float = 1.0
) -> str:
    deadline = time.clocks.deadline_us(timeout)
    return asyncio.run(
        retrying(attempt, tries=tries, deadline_us=deadline, clocks=time.clocks, jitter=lambda pause: pause * share)
    )


def test_a_transient_failure_is_tried_again_with_growing_pauses() -> None:
    """Pauses double from a tenth of a second, and the first success is given."""
    time = VirtualTime()
    attempt, tries = failing(transient(), transient(), transient())
    assert run(time, attempt) == "done"
    assert tries == [4]
    assert time.slept == [0.1, 0.2, 0.4]


def test_pauses_are_bounded() -> None:
    """However many tries, no pause is longer than the longest."""
    time = VirtualTime()
    attempt, _ = failing(*(transient() for _ in range(9)))
    run(time, attempt, tries=10)
    assert max(time.slept) == LONGEST_PAUSE_SECONDS


def test_the_last_failure_is_raised_when_tries_run_out() -> None:
    """After the last try its failure is raised as it is, with nothing chained to it."""
    time, last = VirtualTime(), transient()
    attempt, tries = failing(transient(), last, transient())
    with pytest.raises(ExchangeFailureError) as caught:
        run(time, attempt, tries=2)
    assert caught.value is last
    assert caught.value.__context__ is None
    assert tries == [2]


@pytest.mark.parametrize("failure", [one for one in FailureClass if one is not FailureClass.TRANSIENT])
def test_only_transient_failures_are_tried_again(failure: FailureClass) -> None:
    """A refused key, a limit, maintenance, a wrong address and bad data are raised at once."""
    time = VirtualTime()
    attempt, tries = failing(ExchangeFailureError(failure, "x"))
    with pytest.raises(ExchangeFailureError):
        run(time, attempt)
    assert tries == [1]
    assert time.slept == []


def test_retry_after_is_honoured() -> None:
    """The exchange's own wish is a lower bound of the pause."""
    time = VirtualTime()
    attempt, _ = failing(transient(retry_after=5.0))
    run(time, attempt)
    assert time.slept == [5.0]


def test_no_pause_passes_the_deadline() -> None:
    """When the pause would not end before the deadline, the failure is raised now and not later."""
    time = VirtualTime()
    attempt, tries = failing(transient(retry_after=5.0))
    with pytest.raises(ExchangeFailureError):
        run(time, attempt, timeout=5.0)
    assert tries == [1]
    assert time.slept == []


def test_jitter_is_full_by_default() -> None:
    """The `backoff` package draws evenly from the whole pause."""
    assert all(0 <= FULL_JITTER(1.0) <= 1 for _ in range(100))
    time = VirtualTime()
    attempt, _ = failing(transient())
    run(time, attempt, share=0.5)
    assert time.slept == [0.05]
