"""The host on threads: Pykka's traps, other people's Pykka actors, and the private names leaned upon."""

from __future__ import annotations

import inspect
import subprocess
import sys
import threading
from concurrent.futures import Future

import pykka
import pykka._actor
import pykka._envelope
import pykka.messages
import pytest
from kernel_fakes import EXCEPTIONS, Do, Doer, fail, running_pykka_host

from reconcile_actors.kernel.behaviour import Behaviour, Context
from reconcile_actors.kernel.errors import ActorDead, DeadlineExceeded
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.kernel.pykka_actor import Inbox, KernelActor
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.kernel.signals import Abandoned, Crashed, Stopped, Terminated


class Foreign(pykka.ThreadingActor):
    """An actor of the process in which the service is embedded."""

    use_daemon_thread = True

    def on_receive(self, message: object) -> object:
        return message


def kernel_ref(name: str) -> pykka.ActorRef[KernelActor]:
    refs = pykka.ActorRegistry.get_by_class(KernelActor)
    return next(ref for ref in refs if ref._actor_weakref()._incarnation.name == name)


def registered() -> set[str]:
    return {ref._actor_weakref()._incarnation.name for ref in pykka.ActorRegistry.get_by_class(KernelActor)}


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_another_programs_pykka_actors_live_on(threads: PykkaHost, error: type[BaseException]) -> None:
    """A crash of any kind stops no Pykka actor that is not ours."""
    foreign = Foreign.start()
    try:
        probe = Probe(threads, dilation=3)
        probe.spawn("victim", Doer)
        threads.ask("victim", Do(lambda context: fail(error)), timeout_seconds=5).exception(timeout=5)
        probe.expect(Terminated)
        assert foreign.ask("alive?", timeout=5) == "alive?"
    finally:
        foreign.stop(timeout=5)


def test_private_names_of_pykka() -> None:
    """The private names that the kernel leans on are there and mean what they meant in Pykka 4.5."""
    assert pykka._envelope.Envelope.__slots__ == ["message", "reply_to"]
    assert isinstance(pykka.messages._ActorStop(), pykka.messages._ActorStop)
    actor = pykka._actor.Actor
    assert "self.actor_inbox = self._create_actor_inbox()" in inspect.getsource(actor.__init__)
    assert "obj._start_actor_loop()" in inspect.getsource(actor.start)
    running = inspect.getsource(actor._actor_loop_running)
    assert "while not self.actor_stopped.is_set():" in running
    assert "envelope = self.actor_inbox.get()" in running
    assert "self._handle_receive(envelope.message)" in running
    assert "return self.on_receive(message)" in inspect.getsource(actor._handle_receive)
    assert "while not self.actor_inbox.empty():" in inspect.getsource(actor._actor_loop_teardown)
    assert "self.actor_inbox.put(Envelope(message" in inspect.getsource(pykka.ActorRef.tell)
    assert set(inspect.get_annotations(pykka._actor.ActorInbox.put)) == {"envelope", "return"}
    assert issubclass(KernelActor, pykka.ThreadingActor)


def test_a_stop_through_pykka_is_an_ordinary_stop(threads: PykkaHost) -> None:
    """When the embedding process stops all Pykka actors, ours end in order, and it does not wait in vain."""
    probe = Probe(threads, dilation=3)
    probe.spawn("ours", Doer)
    assert kernel_ref("ours").stop(timeout=5) is True
    assert probe.expect(Terminated).reason == Stopped()
    inbox = Inbox()
    future = pykka.ThreadingFuture()
    inbox.put(pykka._envelope.Envelope(pykka.messages._ActorStop(), future))
    assert future.get(timeout=5) is None
    assert inbox.empty()


def test_what_comes_through_pykka_is_not_handled(threads: PykkaHost) -> None:
    """Broadcasts and proxy calls of the embedding process are dead letters; an asker among them is refused."""
    probe = Probe(threads, dilation=3)
    probe.spawn("ours", Doer)
    pykka.ActorRegistry.broadcast("hello", target_class=KernelActor)
    with pytest.raises(pykka.ActorDeadError):
        kernel_ref("ours").ask("hello", timeout=5)
    assert threads.dead_letters.counts() == {"foreign": 3}
    probe.tell("ours", "still there?")
    assert probe.expect(str) == "still there?"


def test_actors_leave_no_trace(threads: PykkaHost) -> None:
    """Threads are daemons with telling names, and after the end neither a thread nor a registration is left."""
    probe = Probe(threads, dilation=3)
    probe.spawn("ours", Doer)
    probe.tell("ours", Do(lambda context: context.reply(threading.current_thread())))
    thread = probe.expect(threading.Thread)
    assert thread.daemon
    assert thread.name == "actor-ours-1"
    threads.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert registered().isdisjoint({"ours", "probe"})


def test_an_interpreter_can_exit_beside_a_running_actor() -> None:
    """An actor left running, and one that hangs, hold no interpreter open."""
    program = """
import threading
from reconcile_actors.kernel.behaviour import Behaviour
from reconcile_actors.kernel.io_loop import IoLoop
from reconcile_actors.kernel.pykka_host import PykkaHost
class Hangs(Behaviour):
    def receive(self, context, message):
        threading.Event().wait()
host = PykkaHost(IoLoop())
host.spawn("hangs", Hangs)
host.spawn("idle", Hangs)
host.tell("hangs", "now")
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0


def test_no_ask_is_lost_at_a_stop(threads: PykkaHost) -> None:
    """Beside a busy asker 2,000 actors are stopped, and every single ask is resolved long before its deadline."""
    rounds, asks = 2_000, []
    go_on = threading.Event()

    def ask_without_end() -> None:
        while not go_on.is_set():
            asks.extend(threads.ask("target", "?", timeout_seconds=300) for _ in range(20))
            asks[-1].exception(timeout=300)

    ended = threading.Semaphore(0)

    class Watcher(Doer):
        def receive(self, context: Context, message: object) -> None:
            if isinstance(message, Terminated):
                ended.release()

    threads.spawn("watcher", Watcher, mailbox_limit=10_000)
    asker = threading.Thread(target=ask_without_end)
    asker.start()
    switch_interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # more chances for the race, and the busy asker holds up the rest for less
    try:
        for _ in range(rounds):
            threads.spawn("target", Doer, watcher="watcher")
            threads.tell("target", Do(lambda context: context.stop()))
            assert ended.acquire(timeout=30)
    finally:
        sys.setswitchinterval(switch_interval)
        go_on.set()
        asker.join()
    kinds = {type(future.exception(timeout=30)).__name__ for future in asks}
    assert len(asks) > rounds / 10
    assert kinds <= {"NoneType", "ActorDead", "MailboxFull"}
    assert "ActorDead" in kinds


def test_a_hanging_actor_is_cut_off(threads: PykkaHost) -> None:
    """A thread that hangs in a handler is abandoned: its asker answered, its name free, its later words unheard."""
    begun, release = threading.Event(), threading.Event()
    said: list[bool] = []

    def hang(context: Context) -> None:
        begun.set()
        release.wait(30)
        said.append(context.tell("probe", "too late"))

    probe = Probe(threads, dilation=3)
    probe.spawn("hangs", Doer)
    future = threads.ask("hangs", Do(hang), timeout_seconds=300)
    behind = threads.ask("hangs", "behind", timeout_seconds=300)
    assert begun.wait(5)
    probe.stop_child("hangs", deadline_seconds=0.05)
    assert probe.expect(Terminated).reason == Abandoned()
    assert isinstance(future.exception(timeout=5), ActorDead)
    assert isinstance(behind.exception(timeout=5), ActorDead)
    thread = next(thread for thread in threading.enumerate() if thread.name == "actor-hangs-1")
    assert probe.spawn("hangs", Doer) == 2
    release.set()
    thread.join(5)
    assert said == [False]
    assert probe.waiting == ()


def test_an_ask_ends_though_the_io_loop_hangs(threads: PykkaHost) -> None:
    """Deadlines are kept by a thread of their own, so that a blocked I/O loop holds up no asker."""
    release = threading.Event()

    async def block() -> None:
        release.wait(30)

    probe = Probe(threads, dilation=3)
    probe.spawn("client", Doer)
    future = threads.ask("client", Do(lambda context: context.run(block, lambda _: "done")), timeout_seconds=0.05)
    assert isinstance(future.exception(timeout=5), DeadlineExceeded)
    release.set()


def test_no_thread_to_be_had(threads: PykkaHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """An actor whose thread cannot be started ends like any other that crashed."""
    probe = Probe(threads, dilation=3)

    def refuse(_: KernelActor) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(pykka.ThreadingActor, "_start_actor_loop", refuse)
        assert probe.spawn("unborn", Doer) == 1
    assert probe.expect(Terminated).reason == Crashed("RuntimeError", "launch")
    assert "unborn" not in registered()


def test_a_cancelled_ask(threads: PykkaHost) -> None:
    """An asker may stop waiting; the reply is then a dead letter."""
    probe = Probe(threads, dilation=3)
    probe.spawn("slow", Doer)
    kept = []
    future: Future[object] = threads.ask(
        "slow", Do(lambda context: kept.append(context.take_reply())), timeout_seconds=30
    )
    assert future.cancel()
    probe.tell("slow", Do(lambda context: context.reply([reply_to.send("late") for reply_to in kept])))
    assert probe.expect(list) == [False]
    assert threads.dead_letters.counts() == {"late_reply": 1}


def test_without_an_io_loop_the_outcome_is_a_failure() -> None:
    """I/O on a loop that is not running fails as a value, at once."""
    host = PykkaHost(IoLoop())
    probe = Probe(host, dilation=3)

    async def work() -> None:
        return None

    probe.run(lambda context: context.run(work, lambda outcome: outcome.error_type))
    assert probe.expect(str) == "HostStopped"
    host.stop()


def test_a_handler_that_stops_the_host_waits_for_itself_only_until_the_deadline() -> None:
    """Even an actor that stops its own host, which it should not, ends within the deadline."""
    with running_pykka_host() as host:
        results: list[tuple[str, ...]] = []
        done = threading.Event()

        class Suicidal(Behaviour):
            def receive(self, context: Context, message: object) -> None:
                results.append(host.stop(deadline_seconds=0.1))
                done.set()

        host.spawn("suicidal", Suicidal)
        host.tell("suicidal", "now")
        assert done.wait(10)
        assert results == [("suicidal",)]
