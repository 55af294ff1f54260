"""Whether rows that were there have gone: a shorter answer is incomplete until fresh connections keep saying the same.

Kraken lists an asset once held also at zero, so an absent row is no zero. Yet an asset can be delisted or renamed for good:
the same set of rows, seen on two connections over ten seconds, is then what the exchange means.
"""

from collections.abc import Set as AbstractSet
from typing import Final

AGREEMENT_US: Final = 10_000_000
AGREEMENT_CONNECTIONS: Final = 2


class Presence:
    """Remembers which assets the last believed answer listed. `now_us` is monotonic."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._shorter: frozenset[str] | None = None
        self._since_us = 0
        self._connections: set[int] = set()

    @property
    def doubtful(self) -> bool:
        """Whether the last answer lacked a row: the next should come over a fresh connection."""
        return self._shorter is not None

    @property
    def known(self) -> frozenset[str]:
        """What the last believed answer listed."""
        return self._known

    def believes(self, assets: AbstractSet[str], connection: int, now_us: int) -> bool:
        """Whether an answer with these assets is complete; then it becomes the measure of the next."""
        if assets >= self._known or self._agreed(frozenset(assets), connection, now_us):
            self._known = frozenset(assets)
            self.settle()
            return True
        return False

    def settle(self) -> None:
        """The last believed answer came again: whatever was shorter in between is forgotten."""
        self._shorter = None

    def _agreed(self, assets: frozenset[str], connection: int, now_us: int) -> bool:
        if assets != self._shorter:
            self._shorter, self._since_us, self._connections = assets, now_us, set()
        # Two are enough to know, and a set that grows with every read would not be bounded.
        if len(self._connections) < AGREEMENT_CONNECTIONS:
            self._connections.add(connection)
        return len(self._connections) >= AGREEMENT_CONNECTIONS and now_us - self._since_us >= AGREEMENT_US
