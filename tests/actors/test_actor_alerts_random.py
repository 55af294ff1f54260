"""Whatever happens to sinks, store and process, in whatever order: in the end every sink has heard the last word, and no more than that."""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

import pytest
from alert_desk import DEAD, AlertDesk, FakeSink

from reconcile_actors.domain.alerts import Alert, AlertKind, Phase
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.sinks.port import Acknowledged, Postponed

STEPS = 80
HEAL_SECONDS = 700.0  # twice the longest pause
ALERTS = tuple(
    Alert(kind, f"a:{kind}:{number}", Phase.FIRING, Severity.WARNING, "a", "text", "advice")
    for kind in (AlertKind.HALT, AlertKind.DISCREPANCY, AlertKind.DEGRADED)
    for number in range(2)
)


@dataclass
class Story:
    """A life of several processes; `newest` is the last that was committed of each condition."""

    seed: int
    sinks: tuple[FakeSink, ...] = field(
        default_factory=lambda: (FakeSink("first"), FakeSink("second"), FakeSink("third"))
    )
    newest: dict[str, Alert] = field(default_factory=dict)
    lives: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = Random(self.seed)
        # nothing lapses here: what a process said before a restart is still true
        self.desk = AlertDesk(*self.sinks, seed=self.seed, lapse_seconds=1e8, repeat_seconds=1e8)

    def step(self) -> None:
        """Something happens, and some time passes."""
        self.draw.choice((self.commit, self.commit, self.commit, self.fault, self.store, self.kill))()
        self.desk.host.advance(self.draw.choice((0.0, 0.01, 0.3, 3.0, 40.0)))

    def commit(self) -> None:
        """A condition begins, changes, is said again, or ends."""
        one = self.draw.choice(ALERTS)
        known = self.newest.get(one.key)
        if known is not None and known.phase is Phase.FIRING and self.draw.random() < 0.5:
            one = replace(one, phase=Phase.RESOLVED)
        elif known is not None and known.phase is Phase.FIRING:
            one = replace(one, value=self.draw.choice((None, "x")), again=self.draw.random() < 0.3)
        self.newest[one.key] = one
        self.desk.commit(one.row())

    def fault(self) -> None:
        """A sink changes its mind."""
        sink = self.draw.choice(self.sinks)
        sink.always = self.draw.choice((DEAD, Postponed("http_429", 30.0), Acknowledged(), Acknowledged()))
        sink.script.extend(self.draw.choice(([], [0.5], [RuntimeError()], [1e9])))

    def store(self) -> None:
        """The store begins or ceases to fail."""
        self.desk.ledger.broken = self.draw.random() < 0.3
        self.desk.ledger.forgetful = self.draw.random() < 0.3

    def kill(self) -> None:
        """SIGKILL, and the next process."""
        self.lives.append([len(sink.told) for sink in self.sinks])
        self.desk = self.desk.restarted()

    def heal(self) -> None:
        """Everything works again, for long enough."""
        for sink in self.sinks:
            sink.always = Acknowledged()
            sink.script.clear()
        self.desk.ledger.broken = self.desk.ledger.forgetful = False
        self.desk.host.advance(HEAL_SECONDS)


def has_heard(sink: FakeSink, alert: Alert) -> bool:
    """Whether the last word that a sink heard of a condition is the newest."""
    said = [one.alert.said for one in sink.told if one.alert.key == alert.key]
    return bool(said) and said[-1] == alert.said


@pytest.mark.parametrize("seed", range(30))
def test_every_sink_hears_the_last_word(seed: int) -> None:
    """After any sequence of commits, faults and kills, and once all is well: nothing is lost, nothing is left to say."""
    print(f"seed {seed}")  # noqa: T201 - told when it fails
    story = Story(seed)
    for _ in range(STEPS):
        story.step()
    story.heal()
    for sink in story.sinks:
        lacking = [key for key, alert in story.newest.items() if not has_heard(sink, alert)]
        assert lacking == [], sink.name
    waiting = Counter(str(story.desk.ledger.outbox[number].body["key"]) for number in story.desk.ledger.waiting)
    assert waiting == Counter(key for key, alert in story.newest.items() if alert.phase is Phase.FIRING)
    assert [one.pending for one in story.desk.status()] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(30, 45))
def test_no_process_tells_the_same_event_twice(seed: int) -> None:
    """Within one life of the process each event arrives at most once at each sink, whatever the store does."""
    print(f"seed {seed}")  # noqa: T201 - told when it fails
    story = Story(seed)
    for _ in range(STEPS):
        story.step()
    story.heal()
    for place, sink in enumerate(story.sinks):
        starts = [0, *(life[place] for life in story.lives), len(sink.told)]
        for start, end in pairwise(starts):
            events = Counter(one.event for one in sink.told[start:end])
            assert [event for event, count in events.items() if count > 1] == []
