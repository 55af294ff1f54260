"""What a figure is: a few lines of numbers, each with its spread, its baseline, its ratio and its target."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Size(Enum):
    """How much is measured: FULL for numbers, TINY only to see that the code runs."""

    FULL = "full"
    TINY = "tiny"

    def pick(self, full: T, tiny: T) -> T:
        """One of two values."""
        return full if self is Size.FULL else tiny


@dataclass(frozen=True, slots=True)
class Spread:
    """Several runs of the same thing."""

    median: float
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """The spread of at least one sample."""
        return cls(statistics.median(samples), min(samples), max(samples), len(samples))


class Bound(Enum):
    """What a target bounds, and from which side."""

    VALUE_BELOW = "value <="
    HIGHEST_BELOW = "max <="
    RATIO_BELOW = "ratio <="


@dataclass(frozen=True, slots=True)
class Target:
    """A number to keep to."""

    bound: Bound
    limit: float

    def __str__(self) -> str:
        return f"{self.bound.value} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Line:
    """One number. `baseline` was measured in the same run, in turns with it. `note` says what the reader must know."""

    name: str
    unit: str
    ours: Spread
    baseline: Spread | None = None
    target: Target | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the baseline's, median by median."""
        return None if self.baseline is None or not self.baseline.median else self.ours.median / self.baseline.median

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        match self.target.bound:
            case Bound.VALUE_BELOW:
                return self.ours.median <= self.target.limit
            case Bound.HIGHEST_BELOW:
                return self.ours.high <= self.target.limit
            case Bound.RATIO_BELOW:
                assert self.ratio is not None, "a ratio needs a baseline"
                return self.ratio <= self.target.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """`measure` works in an empty directory of its own. `baselines` are the files whose source is shown with the numbers."""

    name: str
    title: str
    measure: Callable[[Size, Path], Sequence[Line]]
    baselines: tuple[Path, ...] = ()


def baseline(name: str) -> Path:
    """The file of a bare script."""
    return Path(__file__).parent / "baselines" / f"{name}.py"
