"""What the alerts actor remembers: the newest word on each condition, what each sink knows of it, and what is to be noted of both.

Bounded (I12): of more conditions than `CONDITIONS_MAX` the oldest give way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from reconcile_actors.domain.alerts import AlertKind, Phase
from reconcile_actors.domain.deliveries import AT_ONCE, Delivery, Outcome, Standing, due_at
from reconcile_actors.sinks.port import AlertSink

CONDITIONS_MAX: Final = 5_000


@dataclass(slots=True)
class Settling:
    """What the store has not been told yet: ids with nothing left to say, last words of sinks, conditions that are over."""

    done: list[int] = field(default_factory=list)
    told: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.done or self.told or self.over)

    def end(self, key: str) -> None:
        """A condition is over: what was to be said of it is moot."""
        self.over.add(key)
        self.told = {place: one for place, one in self.told.items() if place[1] != key}

    def put_back(self, earlier: "Settling") -> None:
        """What could not be noted, before what came since."""
        kept = {place: one for place, one in earlier.told.items() if place[1] not in self.over}
        self.done, self.told, self.over = earlier.done + self.done, {**kept, **self.told}, earlier.over | self.over


@dataclass(slots=True)
class AlertMemory:
    """Conditions by key, in the order of their newest word. `is_loaded`: all that an earlier
    process left is here. `hurries`: nothing that may be told waits until it has settled."""

    sinks: tuple[AlertSink, ...]
    repeat_seconds: float
    standing: dict[str, Standing] = field(default_factory=dict)
    is_loaded: bool = False
    hurries: bool = False
    settling: Settling = field(default_factory=Settling)
    _known: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    _replaced: dict[str, list[int]] = field(default_factory=dict)

    def recall(self, deliveries: Iterable[Delivery]) -> None:
        """What was told before a restart."""
        self._known = {(one.sink, one.key): one for one in deliveries} | self._known

    def known(self, sink: AlertSink, key: str) -> Delivery | None:
        """The last word of a sink on a condition."""
        return self._known.get((sink.name, key))

    def failures(self, sink: AlertSink) -> int:
        """How many notices a sink has refused for good, of conditions that still stand."""
        return sum(one.sink == sink.name and one.outcome is Outcome.FAILED for one in self._known.values())

    def take(self, new: Standing) -> None:
        """A newer word on a condition; the older one has nothing left to say once this one is on disk."""
        key = new.alert.key
        old = self.standing.pop(key, None)
        if old is None and self.is_loaded and new.alert.phase is Phase.RESOLVED:
            self.settling.done += [new.id] if new.id else []  # nobody was told of a beginning
            return
        if old is not None and (old.alert.phase, new.alert.phase) == (Phase.RESOLVED, Phase.FIRING):
            self._begin_anew(key)
        replaced = self._replaced.pop(key, [])
        if old is not None and old.id:
            replaced.append(old.id)
        if new.id:
            self.settling.done += replaced
        elif replaced:
            self._replaced[key] = replaced
        self.standing[key] = new.after(old)
        self._end_if_settled(key)
        if len(self.standing) > CONDITIONS_MAX:
            oldest = next(iter(self.standing))
            self._forget(oldest, self.standing[oldest])

    def note(self, delivery: Delivery) -> None:
        """A sink's word."""
        place = (delivery.sink, delivery.key)
        self._known[place] = self.settling.told[place] = delivery
        self._end_if_settled(delivery.key)

    def due_at(self, sink: AlertSink, key: str) -> int | None:
        """When (UTC us) a sink should be told of a condition, None where it need not."""
        one, known = self.standing[key], self.known(sink, key)
        due = due_at(one, known, sink.min_severity, self.repeat_seconds)
        is_new = known is None or not (known.is_firing or known.event == one.event)
        return AT_ONCE if due is not None and self.hurries and is_new else due

    def take_settling(self) -> Settling:
        """What is to be noted now."""
        taken, self.settling = self.settling, Settling()
        return taken

    def _begin_anew(self, key: str) -> None:
        """It ended and begins again before every sink's word on its end is on disk: the beginning is news to each."""
        for place, one in self._known.items():
            if place[1] == key and one.is_firing:
                self._known[place] = self.settling.told[place] = replace(one, said=None)

    def _end_if_settled(self, key: str) -> None:
        one = self.standing.get(key)
        if one is None or one.alert.phase is Phase.FIRING:
            return
        if not one.id and one.alert.kind is not AlertKind.STORE:
            return  # its row will come
        if all(self.due_at(sink, key) is None for sink in self.sinks):
            self._forget(key, one)

    def _forget(self, key: str, one: Standing) -> None:
        del self.standing[key]
        self._known = {place: delivery for place, delivery in self._known.items() if place[1] != key}
        if one.id:
            self.settling.done.append(one.id)
        self.settling.end(key)
