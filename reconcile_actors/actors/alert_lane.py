"""One sink as the alerts actor serves it: one notice at a time, and growing pauses while it does not answer."""

from dataclasses import dataclass, field
from random import Random

from reconcile_actors.actors.alert_memory import AlertMemory
from reconcile_actors.domain.deliveries import Delivery, Outcome, Standing, event_of
from reconcile_actors.kernel.backoff import Backoff
from reconcile_actors.logger import logger
from reconcile_actors.messages.views import SinkStatus
from reconcile_actors.sinks.port import Acknowledged, AlertSink, Notice, Postponed, Result


@dataclass(slots=True)
class Lane:
    """`quiet_until` (monotonic seconds): before it the sink is left alone. `failed` counts what it refused for good."""

    sink: AlertSink
    memory: AlertMemory
    busy: bool = False
    quiet_until: float = 0.0
    failed: int = 0
    told_at: int | None = None
    trouble: str | None = None
    _tries: dict[str, int] = field(default_factory=dict)
    _pauses: Backoff = field(default_factory=lambda: Backoff(min_seconds=1.0, max_seconds=300.0))

    def recall(self) -> None:
        """What was told before the start is known now."""
        self.failed += self.memory.failures(self.sink)

    def next_key(self, now: float, now_at: int) -> str | None:
        """The condition to tell now: what was tried least often first, then the oldest word."""
        if self.busy or now < self.quiet_until:
            return None
        due = [key for key in self.memory.standing if self._is_due(key, now_at)]
        return min(due, key=lambda key: self._tries.get(key, 0), default=None)

    def next_wait(self, now: float, now_at: int) -> float | None:
        """Seconds until something may be told; None where an answer comes first, or nothing is to be told."""
        dues = () if self.busy else [self.memory.due_at(self.sink, key) for key in self.memory.standing]
        due = min((one for one in dues if one is not None), default=None)
        return None if due is None else max((due - now_at) / 1_000_000, self.quiet_until - now)

    def notice(self, key: str, origin: str) -> Notice:
        """What is told of a condition."""
        standing = self.memory.standing[key]
        event, reminder = event_of(standing, self.memory.known(self.sink, key))
        return Notice(event, standing.at, standing.alert, origin, reminder)

    def take(self, standing: Standing, result: Result, *, now: float, now_at: int, random: Random) -> None:
        """What became of a notice."""
        key, self.busy = standing.alert.key, False
        if isinstance(result, Postponed):
            self._postpone(key, result, now, random)
            return
        known = self.memory.known(self.sink, key)
        arrived = isinstance(result, Acknowledged)
        said = standing.alert.said if arrived else (known.said if known is not None else None)
        outcome = Outcome.ACKNOWLEDGED if arrived else Outcome.FAILED
        self._tries.pop(key, None)
        if isinstance(result, Acknowledged):
            self.told_at, self.trouble = now_at, None
            self._pauses.reset()
        else:
            self.failed += 1
            self.trouble = result.reason
            logger.bind(sink=self.sink.name, key=key, reason=result.reason).error("an alert was refused for good")
        self.memory.note(Delivery(self.sink.name, key, standing.event, outcome, said, now_at))

    def status(self, now_at: int) -> SinkStatus:
        """How the sink is doing."""
        pending = sum(self._is_due(key, now_at) for key in self.memory.standing)
        return SinkStatus(self.sink.name, pending, self.failed, self.told_at, self.trouble)

    def _is_due(self, key: str, now_at: int) -> bool:
        due = self.memory.due_at(self.sink, key)
        return due is not None and due <= now_at

    def _postpone(self, key: str, result: Postponed, now: float, random: Random) -> None:
        self._tries[key] = self._tries.get(key, 0) + 1
        self._tries = {one: count for one, count in self._tries.items() if one in self.memory.standing}
        self.quiet_until = now + max(self._pauses.next_delay(random), result.after_seconds or 0.0)
        if self.trouble is None:
            logger.bind(sink=self.sink.name, reason=result.reason).warning("alerts cannot be delivered; they wait")
        self.trouble = result.reason
