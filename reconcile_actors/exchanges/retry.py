"""Trying again: exponential pauses with full jitter inside a deadline, as the `backoff` package draws them.

Its decorators are not used, because they sleep by a clock of their own and know neither our deadline nor Retry-After.
"""

from collections.abc import Awaitable, Callable, Generator
from typing import Final, TypeVar

import backoff

from reconcile_actors.exchanges.clocks import Clocks
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

T = TypeVar("T")
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
Jitter = Callable[[float], float]
"""Spreads a pause, so that many accounts do not come back at once."""
FULL_JITTER: Final[Jitter] = backoff.full_jitter


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    tries: int,
    deadline_us: int,
    clocks: Clocks,
    jitter: Jitter = FULL_JITTER,
) -> T:
    """The first success of at most `tries` attempts. Only a transient failure is tried again, and no pause passes the deadline.

    Raises the last ExchangeFailureError.
    """
    pauses = _pauses()
    while True:
        tries -= 1
        try:
            return await attempt()
        except ExchangeFailureError as failure:
            last = failure
        pause = max(jitter(next(pauses)), last.retry_after_seconds or 0.0)
        hopeless = last.failure is not FailureClass.TRANSIENT or pause >= clocks.seconds_until(deadline_us)
        if tries <= 0 or hopeless:
            raise last  # outside the handler: no chain of exceptions grows behind it
        await clocks.sleep(pause)


def _pauses() -> Generator[float, None, None]:
    pauses: Generator[float, None, None] = backoff.expo(factor=FIRST_PAUSE_SECONDS, max_value=LONGEST_PAUSE_SECONDS)
    next(pauses)  # the generator's first step yields nothing
    return pauses
