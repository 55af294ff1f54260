"""Every way in which an actor can end, on both hosts: one `Terminated`, and nobody else is touched."""

from __future__ import annotations

from collections.abc import Callable

import pykka
import pytest
from kernel_fakes import EXCEPTIONS, SECRET, Do, Doer, fail

from reconcile_actors.kernel.behaviour import Behaviour, Context
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.errors import ActorDead, ActorFailed, HostStopped, NameTaken
from reconcile_actors.kernel.host import Host, Rejected
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.kernel.signals import Abandoned, Crashed, Stopped, Terminated, reason_type


class Broken(Doer):
    """Raises in one of its hooks."""

    def __init__(self, place: str, error: type[BaseException]) -> None:
        super().__init__()
        self.place = place
        self.error = error
        self.break_at("factory")

    def break_at(self, place: str) -> None:
        if self.place == place:
            fail(self.error)

    def started(self, context: Context) -> None:
        self.break_at("started")
        if self.place == "timer":
            context.schedule(0.01, "timer")
        if self.place in {"outcome", "then"}:

            async def work() -> None:
                return None

            context.run(work, lambda outcome: self.break_at("then") or "outcome")

    def receive(self, context: Context, message: object) -> None:
        self.break_at(str(message))

    def stop_requested(self, context: Context) -> bool:
        self.break_at("stop_requested")
        return True

    def stopping(self, context: Context) -> None:
        self.break_at("stopping")


def nothing_else(probe: Probe) -> bool:
    """The end is over when `Terminated` is told; a second one would lie in the mailbox already."""
    probe.run(lambda context: None)
    return probe.waiting == ()


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize(
    "place", ["factory", "started", "tell", "timer", "outcome", "then", "stop_requested", "stopping"]
)
def test_a_crash_anywhere_is_reported_once(
    probe: Probe, place: str, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever hook raises, and whatever it raises, the watcher gets exactly one `Terminated` that names the type."""
    monkeypatch.setattr(pykka.ActorRegistry, "stop_all", lambda **_: pytest.fail("stops everybody's actors"))
    epoch = probe.spawn("victim", lambda: Broken(place, error))
    if place == "tell":
        probe.host.tell("victim", "tell")
    if place.startswith("stop"):
        probe.stop_child("victim", deadline_seconds=5)
    terminated = probe.expect(Terminated)
    assert (terminated.name, terminated.epoch) == ("victim", epoch)
    assert isinstance(terminated.reason, Crashed)
    assert terminated.reason.error_type == error.__name__
    assert terminated.reason.location.startswith("kernel_fakes.py:")
    assert nothing_else(probe)
    assert probe.host.tell("victim", "later") == Rejected("nobody")


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_under_ask_the_asker_learns_it_and_the_actor_ends_all_the_same(
    probe: Probe, error: type[BaseException]
) -> None:
    """An exception under ask is answered with the name of its type alone, then the actor ends as under tell."""
    probe.spawn("victim", lambda: Broken("ask", error))
    future = probe.host.ask("victim", "ask", timeout_seconds=5)
    terminated = probe.expect(Terminated)
    failure = future.exception(timeout=5)
    assert isinstance(failure, ActorFailed)
    assert (failure.name, failure.error_type) == ("victim", error.__name__)
    assert SECRET not in str(failure)
    assert reason_type(terminated.reason) == error.__name__
    assert nothing_else(probe)


def test_no_secret_of_an_exception_is_logged(probe: Probe, log: list[str]) -> None:
    """A crash is logged by type and place; the exception's text, which may hold a secret, is nowhere (I7)."""
    probe.spawn("victim", lambda: Broken("tell", ValueError))
    probe.host.tell("victim", "tell")
    assert SECRET not in repr(probe.expect(Terminated))
    probe.host.stop()
    assert SECRET not in "".join(log)
    assert isinstance(probe.host, DeterministicHost) or "actor crashed" in "".join(log)


def test_an_end_in_order(probe: Probe) -> None:
    """A stop runs the last hook and is reported as `Stopped`, once."""
    seen: list[str] = []

    class Tidy(Doer):
        def stopping(self, context: Context) -> None:
            seen.append(context.name)

    probe.spawn("tidy", Tidy)
    probe.stop_child("tidy", deadline_seconds=5)
    assert probe.expect(Terminated) == Terminated("tidy", 1, Stopped())
    assert seen == ["tidy"]
    assert nothing_else(probe)


@pytest.mark.parametrize("when", ["started", "receive"])
def test_an_actor_can_end_itself(probe: Probe, when: str) -> None:
    """`context.stop()` ends the incarnation in order once the hook in which it was called has returned."""

    class Brief(Doer):
        def started(self, context: Context) -> None:
            if when == "started":
                context.stop()

    probe.spawn("brief", Brief)
    if when == "receive":
        probe.tell("brief", Do(lambda context: (context.stop(), context.tell("probe", "last words"))))
        probe.expect(str)
    assert probe.expect(Terminated).reason == Stopped()


def test_a_stop_can_be_deferred(probe: Probe) -> None:
    """An actor that is asked to stop may finish its I/O first, with its mailbox still open."""

    class Flusher(Doer):
        def stop_requested(self, context: Context) -> bool:
            async def flush() -> str:
                return "flushed"

            context.run(flush, lambda outcome: Do(lambda context: (context.tell("probe", "flushed"), context.stop())))
            return False

    probe.spawn("flusher", Flusher)
    probe.stop_child("flusher", deadline_seconds=5)
    assert probe.expect(str) == "flushed"
    assert probe.expect(Terminated).reason == Stopped()


def test_one_that_never_ends_is_abandoned(probe: Probe) -> None:
    """Past its deadline an actor is cut off: reported as `Abandoned`, its name free, its asker answered."""

    class Stubborn(Doer):
        def stop_requested(self, context: Context) -> bool:
            return False

    taken: list[object] = []
    probe.spawn("stubborn", Stubborn)
    future = probe.host.ask("stubborn", Do(lambda context: taken.append(context.take_reply())), timeout_seconds=30)
    probe.stop_child("stubborn", deadline_seconds=0.05)
    assert probe.expect(Terminated).reason == Abandoned()
    assert isinstance(future.exception(timeout=5), ActorDead)
    assert probe.spawn("stubborn", Stubborn) == 2


def test_a_stop_overtakes_the_backlog(probe: Probe) -> None:
    """A stop does not wait behind queued messages: asks among them are answered, tells are counted."""
    handled: list[object] = []

    class Slow(Doer):
        def receive(self, context: Context, message: object) -> None:
            super().receive(context, message)
            handled.append(message)

    probe.spawn("slow", Slow)

    def fill_and_stop(context: Context) -> None:
        futures.extend(probe.host.ask("slow", number, timeout_seconds=30) for number in range(3))
        context.tell("slow", "told")
        context.tell("slow", "told")
        probe.host.tell("probe", "filled")
        context.stop()

    futures: list[object] = []
    probe.tell("slow", Do(fill_and_stop))
    probe.expect(str)
    assert probe.expect(Terminated).reason == Stopped()
    assert [type(future.exception(timeout=5)) for future in futures] == [ActorDead] * 3
    assert len(handled) == 1
    assert probe.host.dead_letters.counts() == {"dead": 5}


def test_children_end_with_their_parent(probe: Probe) -> None:
    """When a parent ends, its children are cut off at once and their names are free again (I4)."""
    probe.spawn("parent", Doer)
    probe.tell("parent", Do(lambda context: (context.spawn("child", Doer), context.reply("done"))))
    assert probe.expect(str) == "done"
    assert probe.host.names == {"probe": 1, "parent": 1, "child": 1}
    probe.tell("parent", Do(lambda context: fail(ValueError)))
    assert isinstance(probe.expect(Terminated).reason, Crashed)
    assert probe.host.names == {"probe": 1}
    assert probe.spawn("child", Doer) == 2


def test_one_name_one_life(probe: Probe) -> None:
    """A second actor of a live name is refused, and epochs count up for each name (I4)."""
    assert probe.spawn("a", Doer) == 1
    with pytest.raises(NameTaken):
        probe.spawn("a", Doer)
    with pytest.raises(NameTaken):
        probe.host.spawn("a", Doer)
    probe.stop_child("a", deadline_seconds=5)
    probe.expect(Terminated)
    assert probe.spawn("a", Doer) == 2


def test_a_root_actor_is_watched_by_name(probe: Probe) -> None:
    """An actor that the host's user spawned reports its end to the role given as watcher."""
    probe.host.spawn("root", Doer, watcher="probe")
    probe.tell("root", Do(lambda context: context.stop()))
    assert probe.expect(Terminated) == Terminated("root", 1, Stopped())


def test_a_child_knows_its_parent_by_name(probe: Probe) -> None:
    """A child learns whom to report to from its context; a root has nobody."""
    probe.spawn("child", Doer)
    probe.tell("child", Do(lambda context: context.reply(("parent", context.parent))))
    assert probe.expect(tuple) == ("parent", "probe")
    assert probe.run(lambda context: str(context.parent)) == "None"


def test_after_the_host_has_stopped(host: Host) -> None:
    """A stopped host starts nothing, rejects tells, and answers asks at once, the open ones too."""
    host.spawn("mute", _Mute)
    waiting = host.ask("mute", "?", timeout_seconds=60)
    assert host.stop() == ()
    assert isinstance(waiting.exception(timeout=5), ActorDead)
    assert host.tell("mute", "?") == Rejected("nobody")
    assert isinstance(host.ask("mute", "?", timeout_seconds=60).exception(timeout=5), ActorDead)
    with pytest.raises(HostStopped):
        host.spawn("late", Doer)


def test_an_asked_and_forgotten_message_is_answered_when_the_host_stops(host: Host) -> None:
    """A handler that returns without a reply leaves the asker waiting until the deadline, or the end of the host."""
    done = host.ask("probe", "x", timeout_seconds=5)
    assert isinstance(done.exception(timeout=5), ActorDead)
    probe = Probe(host)
    probe.spawn("mute", _Mute)
    waiting = host.ask("mute", "?", timeout_seconds=60)
    probe.tell("mute", "seen?")
    probe.expect(str)
    assert not waiting.done()
    host.stop()
    assert isinstance(waiting.exception(timeout=5), ActorDead)


def test_the_host_abandons_what_does_not_end(host: Host) -> None:
    """`stop` names the root actors that did not end by the deadline; the time they took is not at others' cost."""

    class Stubborn(Doer):
        def stop_requested(self, context: Context) -> bool:
            return False

    host.spawn("easy before", Doer)
    host.spawn("stubborn", Stubborn)
    host.spawn("easy after", Doer)
    assert host.stop(deadline_seconds=0.2) == ("stubborn",)
    assert host.names == {}


def test_a_dead_actor_that_acts_is_not_heard(probe: Probe) -> None:
    """Effects of an incarnation that has ended count for nothing, whatever its code still does (I4)."""
    contexts: list[Context] = []
    probe.spawn("ghost", Doer)
    probe.tell("ghost", Do(lambda context: (contexts.append(context), context.stop())))
    probe.expect(Terminated)
    ghost = contexts[0]
    published: list[object] = []
    probe.host.subscribe(published.append)

    async def work() -> None:
        published.append("work")

    assert ghost.tell("probe", "boo") is False
    ghost.publish("boo")
    ghost.schedule(0, "boo")
    ghost.run(work, lambda outcome: "boo")
    ghost.reply("boo")
    ghost.stop_child("probe", deadline_seconds=0)
    assert ghost.take_reply().send("boo") is False
    with pytest.raises(ActorDead):
        ghost.spawn("offspring", Doer)
    assert nothing_else(probe)
    assert published == []
    assert probe.host.dead_letters.counts() == {"stale": 4}


class _Mute(Behaviour):
    def receive(self, context: Context, message: object) -> None:
        if message == "seen?":
            context.reply("seen")


def test_a_context_leads_to_no_other_actor(probe: Probe) -> None:
    """What a behaviour can reach by public names are values and its own effects, never a behaviour or a host."""
    seen: dict[str, object] = {}

    def look(context: Context) -> None:
        seen.update({name: getattr(context, name) for name in dir(context) if not name.startswith("_")})
        context.reply("looked")

    probe.spawn("looker", Doer)
    probe.tell("looker", Do(look))
    probe.expect(str)
    values = {name: value for name, value in seen.items() if not isinstance(value, Callable)}
    assert set(values) == {"name", "epoch", "parent", "random", "envelope"}
    assert not any(isinstance(value, Behaviour) for value in values.values())
