"""The probe itself, and the small parts: dead letters, subscribers, replies to nobody."""

from __future__ import annotations

import threading

import pytest
from kernel_fakes import SECRET, Do, Doer

from reconcile_actors.kernel.dead_letters import SAMPLE_LIMIT, DeadLetter, DeadLetterReason, DeadLetters
from reconcile_actors.kernel.deterministic_host import NothingHappened
from reconcile_actors.kernel.errors import NameTaken
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.kernel.replies import NoReply
from reconcile_actors.kernel.subscribers import EventThread, Subscribers


def test_expect(probe: Probe) -> None:
    """The next message must fit, by type or by predicate; what was found stays at hand."""
    probe.host.tell("probe", 1)
    probe.host.tell("probe", "text")
    probe.host.tell("probe", SECRET)
    assert probe.expect(int) == 1
    assert probe.expect(lambda message: message == "text") == "text"
    assert probe.last.message == "text"
    with pytest.raises(NothingHappened, match="got str, expected int") as caught:
        probe.expect(int)
    assert SECRET not in str(caught.value)
    with pytest.raises(NothingHappened, match=r"got nothing within 0\.01 s, expected int"):
        probe.expect(int, within_seconds=0.01)


def test_fish(probe: Probe) -> None:
    """Messages before the one that fits are thrown away."""
    for message in (1, 2, "text", 3):
        probe.host.tell("probe", message)
    assert probe.fish(str) == "text"
    assert probe.expect(int) == 3
    probe.host.tell("probe", 4)
    with pytest.raises(NothingHappened, match=r"got no str within 0\.01 s, only \['int'\]"):
        probe.fish(str, within_seconds=0.01)
    with pytest.raises(NothingHappened, match="a match"):
        probe.fish(Matcher(), within_seconds=0.01)


class Matcher:
    """A predicate without a name."""

    def __call__(self, message: object) -> bool:
        return False


def test_expect_none(probe: Probe) -> None:
    """Silence is silence, and a message is none."""
    probe.expect_none(within_seconds=0.01)
    probe.host.tell("probe", 1)
    with pytest.raises(NothingHappened, match="got int where nothing was expected"):
        probe.expect_none(within_seconds=1)


def test_a_probe_answers(probe: Probe) -> None:
    """A probe can stand in for an actor that is asked."""
    future = probe.host.ask("probe", "?", timeout_seconds=30)
    assert probe.expect(str) == "?"
    assert probe.reply("!")
    assert future.result(timeout=5) == "!"
    probe.host.tell("probe", "no question")
    probe.expect(str)
    with pytest.raises(LookupError):
        probe.reply("!")
    with pytest.raises(LookupError):
        Probe(probe.host, "other").reply("!")


def test_what_the_kernel_refuses_a_probe_is_raised(probe: Probe) -> None:
    """An error of a probe's own action reaches the test and leaves the probe alive."""
    with pytest.raises(NameTaken):
        probe.spawn("probe", Doer)
    assert probe.run(lambda context: context.name) == "probe"


def test_a_probe_that_cannot_act(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe whose action crashes it says so instead of waiting for ever."""
    probe.run(lambda context: context.stop())
    monkeypatch.setattr("reconcile_actors.kernel.probe.EXPECT_SECONDS", 0.01)
    with pytest.raises(NothingHappened, match="did not get its turn"):
        probe.run(lambda context: None)


def test_dead_letters_are_bounded_and_hold_no_contents() -> None:
    """Counts by reason, and the last few by type and role (I7, I12)."""
    letters = DeadLetters()
    for number in range(3 * SAMPLE_LIMIT):
        letters.add(DeadLetterReason.FULL, SECRET, to=f"role{number}", sender="me")
    letters.add(DeadLetterReason.NOBODY, 1, to="x", sender=None)
    assert len(letters.samples()) == SAMPLE_LIMIT
    assert letters.samples()[-1] == DeadLetter(DeadLetterReason.NOBODY, "int", "x", None)
    assert (letters.count(), letters.count(DeadLetterReason.FULL)) == (31, 30)
    assert letters.counts() == {"full": 30, "nobody": 1}
    assert SECRET not in repr(letters.samples())


def test_a_slow_subscriber_costs_events_not_memory() -> None:
    """What subscribers do not keep up with is dropped and counted, and a stop delivers what is there (I12)."""
    letters = DeadLetters()
    subscribers = Subscribers(letters)
    events = EventThread(subscribers, letters, limit=2)
    begun, release = threading.Event(), threading.Event()
    seen: list[object] = []

    def slow(event: object) -> None:
        begun.set()
        release.wait(10)
        seen.append(event)

    subscribers.add(slow)
    events.put(0)
    assert begun.wait(5)
    for number in range(1, 5):
        events.put(number)
    release.set()
    events.stop()
    events.put("late")
    assert seen == [0, 1, 2]
    assert letters.counts() == {"event_overflow": 3}


def test_a_subscriber_may_stop_the_thread_that_calls_it() -> None:
    """Stopping from inside does not wait for itself; stopping what never ran is no matter."""
    letters = DeadLetters()
    subscribers = Subscribers(letters)
    events = EventThread(subscribers, letters)
    done = threading.Event()
    subscribers.add(lambda event: (events.stop(), done.set()))
    events.put(1)
    assert done.wait(5)
    EventThread(subscribers, letters).stop()


def test_no_reply_is_no_obligation() -> None:
    """Where nobody asked, a failure is nobody's business."""
    letters = DeadLetters()
    assert NoReply("x", letters).fail(ValueError()) is False
    assert letters.counts() == {}


def test_doing_nothing_is_a_behaviour(probe: Probe) -> None:
    """An actor needs only `receive`; the other hooks have sensible defaults."""
    probe.spawn("plain", Doer)
    probe.tell("plain", Do(lambda context: context.reply(context.envelope is not None)))
    assert probe.expect(bool) is True
