"""The supervisor, in virtual time: restarts, parking, breakers, ordered stop; and a short run on threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kernel_fakes import Do, Doer, fail

from reconcile_actors.kernel.backoff import Backoff
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.kernel.child import ChildSpec
from reconcile_actors.kernel.circuit_breaker import BreakerSettings
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.host import Host
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.kernel.signals import (
    Abandoned,
    BreakerChanged,
    BreakerTransition,
    ChildAbandoned,
    ChildParked,
    ChildRestarted,
    ChildResumed,
    ChildRow,
    ChildTable,
    Crashed,
    DescribeChildren,
    Healthy,
    ResumeChild,
    Stopped,
    Terminated,
    Unhealthy,
)
from reconcile_actors.kernel.supervisor import Supervisor

BREAKER = BreakerSettings(failure_threshold=2, reset_seconds=10, reset_cap_seconds=40, jitter=0, probe_seconds=5)
EVEN = Backoff(1, 1)

CRASH = Do(lambda context: fail(ValueError))
STOP = Do(lambda context: context.stop())


class Child(Doer):
    """Passes on to the probe what its supervisor tells it, and reports to it what it is told to."""

    def receive(self, context: Context, message: object) -> None:
        if isinstance(message, BreakerChanged):
            context.tell("probe", (context.name, message))
        elif isinstance(message, Healthy | Unhealthy):
            context.tell(context.parent or "", message)
        else:
            super().receive(context, message)


class Scene:
    """A supervisor with children, on a deterministic host, and an ear for its events."""

    def __init__(self, *specs: ChildSpec, seed: int = 1) -> None:
        self.host = DeterministicHost(seed)
        self.probe = Probe(self.host)
        self.events: list[object] = []
        self.host.subscribe(self.events.append)
        self.probe.spawn("supervisor", lambda: Supervisor(specs))
        self.host.settle()

    def child(self, to: str, message: object, advance: float = 0.0) -> None:
        self.host.tell(to, message)
        self.host.advance(advance)

    def row(self, name: str = "a") -> ChildRow:
        table = self.host.request("supervisor", DescribeChildren())
        assert isinstance(table, ChildTable)
        return next(row for row in table.rows if row.name == name)

    def take_events(self) -> list[object]:
        events, self.events[:] = list(self.events), []
        return events

    def told(self) -> list[object]:
        return [self.probe.expect(tuple)[1] for _ in self.probe.waiting]


def spec(name: str = "a", factory: Callable[[], Child] = Child, **settings: Any) -> ChildSpec:
    return ChildSpec(name, factory, **{"backoff": EVEN, **settings})


def test_a_crashed_child_is_restarted_after_its_pause() -> None:
    """A crash leads to a new epoch after the backoff, and to an event that says why and after how long."""
    scene = Scene(spec(), spec("b"))
    assert scene.host.names == {"probe": 1, "supervisor": 1, "a": 1, "b": 1}
    scene.child("a", CRASH, 0.9)
    assert scene.row().state == "backing_off"
    assert "a" not in scene.host.names
    scene.host.advance(0.2)
    assert scene.host.names["a"] == 2
    assert scene.take_events() == [ChildRestarted("a", 2, "ValueError", 1.0)]
    assert scene.row() == ChildRow("a", 2, "alive", healthy=False, breaker=None, restarts=1)
    assert scene.row("b").restarts == 0


@pytest.mark.parametrize(
    ("restart", "message", "restarted"),
    [
        ("permanent", CRASH, True),
        ("permanent", STOP, True),
        ("transient", CRASH, True),
        ("transient", STOP, False),
        ("temporary", CRASH, False),
        ("temporary", STOP, False),
    ],
)
def test_restart_types(restart: str, message: Do, restarted: bool) -> None:
    """Permanent children always come back, transient ones after a crash, temporary ones never."""
    scene = Scene(spec(restart=restart))
    scene.child("a", message, 5)
    assert ("a" in scene.host.names) is restarted
    assert scene.row().state == ("alive" if restarted else "ended")


def test_pauses_grow_until_the_child_was_well_for_long() -> None:
    """Being alive is no health: only a child that said `Healthy`, long enough ago, starts again with a short pause."""
    scene = Scene(spec(backoff=Backoff(1, 64, reset_after_seconds=60), intensity=100))
    for _ in range(4):
        scene.child("a", CRASH, 70)
    grown = [event.delay_seconds for event in scene.take_events()]
    assert all(delay <= top for delay, top in zip(grown, [1, 2, 4, 8], strict=True))
    assert grown[3] > 1
    scene.child("a", Healthy(), 61)
    scene.child("a", CRASH, 70)
    assert [event.delay_seconds for event in scene.take_events()] == [1]


def test_too_many_restarts_park_one_child_and_no_other() -> None:
    """Intensity counts for each child by itself; a parked child stays down until somebody resumes it."""
    scene = Scene(spec(intensity=2, period_seconds=60), spec("b", intensity=2, period_seconds=60))
    for _ in range(3):
        scene.child("a", CRASH, 2)
    scene.child("b", CRASH, 100)
    assert scene.row().state == "parked"
    assert scene.row("b").state == "alive"
    assert ChildParked("a", 3, "ValueError") in scene.take_events()
    assert scene.host.request("supervisor", ResumeChild("a")) == ChildResumed("a", known=True)
    assert scene.row() == ChildRow("a", 4, "alive", healthy=False, breaker=None, restarts=3)
    scene.child("a", CRASH, 2)
    assert scene.row().state == "alive"
    assert scene.host.request("supervisor", ResumeChild("x")) == ChildResumed("x", known=False)


def test_restarts_spread_over_time_park_nobody() -> None:
    """Only restarts within the period count."""
    scene = Scene(spec(intensity=2, period_seconds=60))
    for _ in range(10):
        scene.child("a", CRASH, 40)
    assert scene.row() == ChildRow("a", 11, "alive", healthy=False, breaker=None, restarts=10)


def test_a_child_that_cannot_be_made() -> None:
    """A factory that raises is one more crash: paused, counted, parked."""
    scene = Scene(spec(factory=lambda: fail(KeyboardInterrupt), intensity=2))
    scene.host.advance(10)
    assert scene.row().state == "parked"
    assert [type(event) for event in scene.take_events()] == [ChildRestarted, ChildRestarted, ChildParked]


def test_an_unhealthy_child_lives_on_and_is_told_to_be_quiet() -> None:
    """Expected failures open the breaker; the child stays, probes once when told, and closes it by being healthy."""
    scene = Scene(spec(breaker=BREAKER))
    scene.child("a", Healthy())
    scene.child("a", Unhealthy("network"))
    assert scene.told() == []
    scene.child("a", Unhealthy("network"))
    assert scene.told() == [BreakerChanged("open", 10.0)]
    assert scene.row() == ChildRow("a", 1, "alive", healthy=False, breaker="open", restarts=0)
    scene.host.advance(9.9)
    assert scene.told() == []
    scene.host.advance(0.2)
    assert scene.told() == [BreakerChanged("half_open", None)]
    scene.child("a", Unhealthy("network"))
    assert scene.told() == [BreakerChanged("open", pytest.approx(30.1))]
    scene.host.advance(20)
    assert scene.told() == [BreakerChanged("half_open", None)]
    scene.child("a", Healthy(), 100)
    assert scene.told() == [BreakerChanged("closed", None)]
    assert scene.take_events() == [
        BreakerTransition("a", "closed", "open", "network"),
        BreakerTransition("a", "open", "half_open", "reset_time"),
        BreakerTransition("a", "half_open", "open", "network"),
        BreakerTransition("a", "open", "half_open", "reset_time"),
        BreakerTransition("a", "half_open", "closed", "success"),
    ]
    assert scene.row().healthy


def test_a_probe_that_never_reports() -> None:
    """A half open breaker whose child stays silent opens again."""
    scene = Scene(spec(breaker=BREAKER))
    for _ in range(2):
        scene.child("a", Unhealthy("network"))
    scene.host.advance(15.1)
    assert scene.row().breaker == "open"
    assert BreakerTransition("a", "half_open", "open", "probe_lost") in scene.take_events()


def test_the_other_sides_wish_for_quiet_is_kept() -> None:
    """`retry_after` opens the breaker at the first failure and for that long."""
    scene = Scene(spec(breaker=BREAKER))
    scene.child("a", Unhealthy("rate_limited", retry_after=77))
    assert scene.told() == [BreakerChanged("open", 77.0)]


@pytest.mark.parametrize("wish", [float("inf"), 1e300, float("nan"), -5.0])
def test_no_wish_for_quiet_puts_a_child_out_of_reach(wish: float) -> None:
    """Whatever number the other side makes up, the breaker is tried again within a day, and no timer breaks on it."""
    scene = Scene(spec(breaker=BREAKER))
    scene.child("a", Unhealthy("rate_limited", retry_after=wish))
    (told,) = scene.told()
    assert isinstance(told, BreakerChanged)
    assert told.retry_at is not None
    assert 10 <= told.retry_at <= 86_400
    scene.host.advance(told.retry_at)
    assert scene.told() == [BreakerChanged("half_open", None)]


def test_a_permanent_failure_waits_for_a_person() -> None:
    """Refused credentials open the breaker for good; resuming closes it and tells the child."""
    scene = Scene(spec(breaker=BREAKER))
    scene.child("a", Unhealthy("credentials", permanent=True), 10_000)
    assert scene.told() == [BreakerChanged("open", None)]
    scene.host.request("supervisor", ResumeChild("a"))
    scene.host.settle()
    assert scene.told() == [BreakerChanged("closed", None)]
    assert scene.row().epoch == 1


def test_a_child_that_crashes_while_its_breaker_is_open_waits_for_it() -> None:
    """A restart needs both the backoff and the breaker, and the new life begins as the one probe."""
    scene = Scene(spec(breaker=BREAKER))
    for _ in range(2):
        scene.child("a", Unhealthy("network"))
    scene.told()
    scene.child("a", CRASH, 9)
    assert scene.row().state == "backing_off"
    scene.host.advance(1.1)
    assert scene.row() == ChildRow("a", 2, "alive", healthy=False, breaker="half_open", restarts=1)
    assert scene.told() == [BreakerChanged("half_open", None)]
    assert scene.take_events()[-1] == ChildRestarted("a", 2, "ValueError", 10.0)


def test_a_child_that_crashes_behind_a_breaker_open_for_good() -> None:
    """It is not restarted until somebody resumes it."""
    scene = Scene(spec(breaker=BREAKER))
    scene.child("a", Unhealthy("credentials", permanent=True))
    scene.child("a", CRASH, 10_000)
    assert scene.row().state == "backing_off"
    scene.host.request("supervisor", ResumeChild("a"))
    assert scene.row() == ChildRow("a", 2, "alive", healthy=False, breaker="closed", restarts=1)


def test_a_crash_in_the_probe_is_a_failed_probe() -> None:
    """A child that ends while it probes has not shown that all is well."""
    scene = Scene(spec(breaker=BREAKER))
    for _ in range(2):
        scene.child("a", Unhealthy("network"))
    scene.host.advance(10.1)
    scene.child("a", CRASH)
    assert scene.row().breaker == "open"
    assert scene.take_events()[-1] == BreakerTransition("a", "half_open", "open", "ended_in_probe")


def test_words_of_others_and_of_the_past_do_not_count() -> None:
    """Reports count only from the child's present epoch (I4); ends of earlier epochs and strange messages neither."""
    scene = Scene(spec(breaker=BREAKER, intensity=100))
    contexts: list[Context] = []
    scene.child("a", Do(contexts.append))
    scene.probe.tell("supervisor", Healthy())
    scene.host.tell("supervisor", Healthy())
    scene.host.tell("supervisor", "what?")
    scene.host.tell("supervisor", DescribeChildren())
    scene.host.tell("supervisor", Terminated("a", 99, Stopped()))
    scene.host.tell("supervisor", Terminated("nobody", 1, Stopped()))
    directory = scene.host._edge.directory
    directory.deliver(directory.envelope(Healthy(), to="supervisor", sender="a", sender_epoch=99))
    scene.host.advance(5)
    assert scene.row() == ChildRow("a", 1, "alive", healthy=False, breaker="closed", restarts=0)
    assert scene.host.names["supervisor"] == 1
    scene.child("a", CRASH, 5)
    assert contexts[0].tell("supervisor", Healthy()) is False
    assert scene.row().healthy is False
    assert scene.host.dead_letters.counts() == {"stale": 1}


def test_health_without_a_breaker() -> None:
    """A child without a breaker may report too; nothing follows but the row."""
    scene = Scene(spec())
    scene.child("a", Healthy())
    assert scene.row().healthy
    scene.child("a", Healthy())
    scene.child("a", Unhealthy("network"))
    assert scene.row() == ChildRow("a", 1, "alive", healthy=False, breaker=None, restarts=0)
    assert scene.take_events() == []


class Noted(Child):
    """Notes its end."""

    ends: list[str]

    def __init__(self, ends: list[str], *, stubborn: bool = False) -> None:
        super().__init__()
        self.ends = ends
        self.stubborn = stubborn

    def stop_requested(self, context: Context) -> bool:
        return not self.stubborn

    def stopping(self, context: Context) -> None:
        self.ends.append(context.name)


def test_children_are_stopped_in_reverse_order_each_with_its_deadline() -> None:
    """An ordered stop goes backwards, waits for each, and cuts off the one that does not end."""
    ends: list[str] = []
    scene = Scene(
        spec("a", lambda: Noted(ends)),
        spec("b", lambda: Noted(ends, stubborn=True), shutdown_seconds=3),
        spec("c", lambda: Noted(ends)),
        spec("d", lambda: Noted(ends)),
    )
    scene.child("d", CRASH)
    began = scene.host.now
    scene.probe.stop_child("supervisor", deadline_seconds=60)
    assert scene.probe.fish(Terminated, within_seconds=60) == Terminated("supervisor", 1, Stopped())
    assert ends == ["c", "a"]
    assert scene.host.now - began == pytest.approx(3)
    assert scene.take_events() == [ChildAbandoned("b", 1)]
    assert scene.host.names == {"probe": 1}


def test_what_happens_during_an_ordered_stop() -> None:
    """Meanwhile nothing is restarted, and a second request to stop changes nothing."""
    scene = Scene(spec("a"), spec("b", lambda: Noted([], stubborn=True), shutdown_seconds=3, breaker=BREAKER))
    scene.probe.stop_child("supervisor", deadline_seconds=60)
    scene.host.settle()
    scene.probe.stop_child("supervisor", deadline_seconds=60)
    scene.child("a", CRASH)
    scene.child("b", Unhealthy("network", permanent=True))
    scene.host.tell("supervisor", ResumeChild("a"))
    scene.host.advance(2)
    assert "a" not in scene.host.names
    scene.host.advance(2)
    assert scene.host.names == {"probe": 1}


def test_a_supervisor_without_living_children_stops_at_once() -> None:
    """With nobody left to wait for, a stop is a stop."""
    scene = Scene(spec(restart="temporary"))
    scene.child("a", STOP)
    assert scene.host.stop() == ()
    assert scene.host.now == 0


def test_a_restart_that_comes_due_as_the_supervisor_stops() -> None:
    """A child that waits for its restart when the stop comes is not restarted."""
    scene = Scene(spec("a"), spec("b", lambda: Noted([], stubborn=True), shutdown_seconds=5))
    scene.child("a", CRASH)
    scene.probe.stop_child("supervisor", deadline_seconds=60)
    scene.host.advance(10)
    assert not any(isinstance(event, ChildRestarted) for event in scene.events)


def test_a_restart_that_comes_due_after_the_host_has_closed() -> None:
    """The host starts nothing any more, but the supervisor has not been told yet: it lives on, and stops the others in order."""
    order: list[str] = []
    scene = Scene(spec("a"), spec("b", lambda: Noted(order)))
    scene.child("a", CRASH)
    scene.host._edge.directory.close()
    scene.host.advance(10)
    assert scene.row("a").state == "ended"
    assert scene.row("b").state == "alive"
    assert not any(isinstance(event, ChildRestarted) for event in scene.events)
    scene.probe.stop_child("supervisor", deadline_seconds=60)
    scene.host.advance(1)
    assert order == ["b"]


@pytest.mark.parametrize("wrong", [{"intensity": -1}, {"period_seconds": 0}, {"shutdown_seconds": -1}])
def test_impossible_specs_are_refused(wrong: dict[str, float]) -> None:
    """A specification that could not work is an error where it is written."""
    with pytest.raises(ValueError, match="a child needs"):
        spec(**wrong)


def test_two_children_of_one_name_are_refused() -> None:
    """Names are addresses: there cannot be two."""
    with pytest.raises(ValueError, match="same name"):
        Supervisor([spec(), spec()])


def test_on_either_host(host: Host) -> None:
    """The same supervisor restarts, reports and stops in order on threads as it does in turns."""
    probe = Probe(host, dilation=3).listen()
    ends: list[str] = []
    specs = [spec(name, lambda: Noted(ends), backoff=Backoff(0.001, 0.002), breaker=BREAKER) for name in ("a", "b")]
    probe.spawn("supervisor", lambda: Supervisor(specs))
    probe.tell("supervisor", DescribeChildren())
    assert [row.state for row in probe.expect(ChildTable).rows] == ["alive", "alive"]
    host.tell("a", CRASH)
    assert probe.expect(ChildRestarted).epoch == 2
    host.tell("b", Unhealthy("credentials", permanent=True))
    assert {type(probe.expect(lambda _: True)) for _ in range(2)} == {BreakerTransition, tuple}
    probe.stop_child("supervisor", deadline_seconds=10)
    assert probe.fish(Terminated).reason == Stopped()
    assert ends == ["b", "a"]


def test_reasons_are_values() -> None:
    """The kinds of end are told apart by type and compare by content."""
    assert Crashed("ValueError", "x.py:1") == Crashed("ValueError", "x.py:1")
    assert len({Stopped(), Abandoned(), Stopped()}) == 2
