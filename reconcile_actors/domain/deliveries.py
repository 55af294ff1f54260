"""What is owed to a sink: pure, from the newest word on a condition and from what the sink was told last.

Only the newest word on a condition counts. What began and ended before a sink could be told is told as one end: a try that
failed may have arrived all the same.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from reconcile_actors.domain.alerts import Alert, AlertKind, Phase
from reconcile_actors.domain.discrepancy import Severity

AT_ONCE: Final = 0  # and not when it was said: the clock may have been put back since
SETTLING_SECONDS: Final = 2.0
"""How long the news of a discrepancy waits: history and prices mostly follow at once, and one notice says it all."""
AGAIN_SECONDS: Final = 60.0
"""How soon after the last word more of the same is told, such as a loss that grows with each fill."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest word on a condition. `id` is its row's in the outbox, 0 while it has none; `at` is when it was said, `since`
    when the first word was that it follows (UTC us; None: it is the first)."""

    id: int
    at: int
    alert: Alert
    since: int | None = None

    def after(self, older: "Standing | None") -> "Standing":
        """The same word, where it follows one that may not have been told yet."""
        if older is None or older.alert.phase is not self.alert.phase:
            return self
        return replace(self, since=older.first_at)

    @property
    def first_at(self) -> int:
        """When it began."""
        return self.at if self.since is None else self.since

    @property
    def event(self) -> str:
        """Stable over restarts, and never given twice."""
        return f"{self.id}-{self.at}"


class Outcome(StrEnum):
    """What became of a notice for good."""

    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The last word of one sink on one condition: `event` is settled at `at` (UTC us), `said` is what it acknowledged last."""

    sink: str
    key: str
    event: str
    outcome: Outcome
    said: str | None
    at: int

    @property
    def is_firing(self) -> bool:
        """Whether the sink was told that it began, and not yet that it ended."""
        return self.said is not None and self.said.startswith(Phase.FIRING)


def due_at(standing: Standing, known: Delivery | None, min_severity: Severity, repeat_seconds: float) -> int | None:
    """When (UTC us) a sink should be told, 0 for at once; None where it knows all that concerns it."""
    alert = standing.alert
    fires = known is not None and known.is_firing
    heavy = alert.severity.at_least(min_severity)
    if alert.phase is Phase.FIRING:
        return _firing_due_at(standing, known, repeat_seconds) if heavy else None
    if known is not None and (known.event == standing.event or known.said == alert.said):
        return None
    return AT_ONCE if fires or heavy else None


def _firing_due_at(standing: Standing, known: Delivery | None, repeat_seconds: float) -> int:
    settles = standing.alert.kind is AlertKind.DISCREPANCY and (known is None or not known.is_firing)
    if known is None or (settles and known.event != standing.event):
        return standing.first_at + int(SETTLING_SECONDS * 1_000_000) if settles else AT_ONCE
    if known.event != standing.event and known.said != standing.alert.said:
        return AT_ONCE
    pause_seconds = min(AGAIN_SECONDS, repeat_seconds) if _is_more(standing, known) else repeat_seconds
    return known.at + int(pause_seconds * 1_000_000)


def event_of(standing: Standing, known: Delivery | None) -> tuple[str, bool]:
    """The id of what is to be told now, the same at each try, and whether it is a reminder."""
    if known is None or known.said != standing.alert.said or _is_more(standing, known):
        return standing.event, False
    return f"{standing.event}-{known.at}", True


def _is_more(standing: Standing, known: Delivery) -> bool:
    return standing.alert.again and known.event != standing.event
