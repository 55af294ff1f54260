"""What an alert sink is: one try to deliver one notice, and what became of it. When to try again is not its concern."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from reconcile_actors.domain.alerts import Alert
from reconcile_actors.domain.discrepancy import Severity


@dataclass(frozen=True, slots=True)
class Notice:
    """One telling of an alert. `event` is the same for every try of it, over restarts too; `at` is when it came to be (UTC us).

    `origin` names the service that tells it, `reminder` that nothing is new but the time that has passed.
    """

    event: str
    at: int
    alert: Alert
    origin: str
    reminder: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """It arrived."""


@dataclass(frozen=True, slots=True)
class Postponed:
    """It may arrive later; `reason` is a constant word, `after_seconds` what the other side asked to be left alone for."""

    reason: str
    after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never arrive as it is: a person must mend something. `reason` is a constant word."""

    reason: str


Result: TypeAlias = Acknowledged | Postponed | Failed


class AlertSink(Protocol):
    """One place where alerts go. `name` is the same after a restart, and holds no secret."""

    @property
    def name(self) -> str:
        """How it is called in the store, in logs and in the status."""
        ...

    @property
    def min_severity(self) -> Severity:
        """What is below does not concern it."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """Deadline of one try."""
        ...

    async def deliver(self, notice: Notice) -> Result:
        """One try, on the I/O loop. Expected failures are results; what it raises counts as postponed."""
        ...
