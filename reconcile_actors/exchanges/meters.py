"""What every call budget is made of. Pure: the time (monotonic us) is handed in."""

from enum import Enum, auto


class Purpose(Enum):
    """What a read is for: watching keeps to its share, confirming may use what is left.

    Where one counter is for all, looks into history that explain a difference have a part of it that no other may take.
    """

    WATCH = auto()
    CONFIRM = auto()
    EXPLAIN = auto()


class Meter:
    """A level that falls at a constant rate."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at_us = 0

    def level(self, decay: float, now_us: int) -> float:
        """The level now; a clock that stands or goes back lets nothing fall."""
        if now_us > self._at_us:
            self._level = max(0.0, self._level - (now_us - self._at_us) / 1e6 * decay)
            self._at_us = now_us
        return self._level

    def add(self, cost: float) -> None:
        """Raises the level."""
        self._level += cost

    def fill(self, level: float) -> None:
        """Sets the level to at least that."""
        self._level = max(self._level, level)
