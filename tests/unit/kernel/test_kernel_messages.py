"""Messages, replies, deadlines, timers and I/O: the same on both hosts."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

import pytest
from kernel_fakes import SECRET, Do, Doer, fail, resolved

from reconcile_actors.kernel.behaviour import Context, Failure, Outcome, Success, Timer
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.errors import ActorDead, ActorFailed, DeadlineExceeded, MailboxFull
from reconcile_actors.kernel.host import Accepted, Rejected
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.kernel.signals import Stopped, Terminated


def fill(probe: Probe, count: int, then: object = None) -> list[object]:
    """Within one handler of `small`, tell itself `count` messages, and give what each tell returned."""
    results: list[object] = []

    def act(context: Context) -> None:
        results.extend(context.tell("small", Do(lambda context: None)) for _ in range(count))
        if callable(then):
            then(context)
        context.reply("filled")

    probe.tell("small", Do(act))
    probe.fish(lambda message: message == "filled")
    return results


def test_a_full_mailbox_refuses_and_never_blocks(probe: Probe) -> None:
    """Past the bound tells are refused, to oneself as well, and counted; nobody waits."""
    probe.spawn("small", Doer, mailbox_limit=2)
    assert fill(probe, 4) == [True, True, False, False]
    assert probe.host.dead_letters.counts() == {"full": 2}


def test_an_ask_of_a_full_mailbox_is_answered(probe: Probe) -> None:
    """An ask that finds the mailbox full fails at once, and a tell says why."""
    futures = []
    told = []

    def act(_: Context) -> None:
        futures.append(probe.host.ask("small", "?", timeout_seconds=30))
        told.append(probe.host.tell("small", "!"))

    probe.spawn("small", Doer, mailbox_limit=1)
    fill(probe, 1, act)
    assert isinstance(resolved(probe, futures[0]), MailboxFull)
    assert told == [Rejected("full")]


def test_what_is_exempt_from_the_bound(probe: Probe) -> None:
    """A full mailbox still takes what its actor is owed: ends of children, replies, timers, I/O outcomes, and a stop."""
    probe.spawn("echo", Doer)

    async def work() -> str:
        return "outcome"

    heard: list[str] = []

    class Small(Doer):
        def receive(self, context: Context, message: object) -> None:
            if isinstance(message, Do):
                super().receive(context, message)
                return
            heard.append(type(message).__name__ if isinstance(message, Terminated) else str(message))
            if len(heard) == 4:
                context.tell("probe", sorted(heard))

    def act(context: Context) -> None:
        context.spawn("child", lambda: fail(ValueError) or Doer())
        context.tell("echo", "reply")
        context.schedule(0, "timer")
        context.run(work, lambda outcome: "outcome")

    probe.spawn("small", Small, mailbox_limit=1)
    fill(probe, 1, act)
    assert probe.expect(list) == ["Terminated", "outcome", "reply", "timer"]
    fill(probe, 1, lambda context: probe.host.tell("probe", Do(lambda context: None)))
    probe.stop_child("small", deadline_seconds=5)
    probe.fish(Terminated)


def test_a_message_to_nobody(probe: Probe) -> None:
    """A tell to a role that nobody plays is False and a dead letter; an ask fails at once."""
    assert probe.run(lambda context: context.tell("nobody", SECRET)) is False
    assert probe.host.tell("nobody", SECRET) == Rejected("nobody")
    assert isinstance(resolved(probe, probe.host.ask("nobody", "?", timeout_seconds=30)), ActorDead)
    assert probe.host.dead_letters.count() == 3
    assert SECRET not in repr(probe.host.dead_letters.samples())


def test_one_reply_a_request(probe: Probe) -> None:
    """A second answer, to an asker outside or to an actor, reaches nobody and is counted (I6)."""
    probe.spawn("twice", Doer)
    future = probe.host.ask(
        "twice", Do(lambda context: (context.reply("first"), context.reply("second"))), timeout_seconds=30
    )
    probe.tell("twice", Do(lambda context: (context.reply("third"), context.reply("fourth"))))
    assert probe.expect(str) == "third"
    assert resolved(probe, future) == "first"
    probe.expect_none()
    assert probe.host.dead_letters.counts() == {"second_reply": 2}


def test_a_reply_that_nobody_asked_for(probe: Probe) -> None:
    """An answer to a message that came from nowhere is a dead letter, and no crash."""
    probe.spawn("polite", Doer)
    assert probe.host.tell("polite", "hello") == Accepted()
    probe.tell("polite", "still there?")
    assert probe.expect(str) == "still there?"
    assert probe.host.dead_letters.counts() == {"no_asker": 1}


def test_a_reply_may_come_later(probe: Probe) -> None:
    """An obligation can be kept, and met from a later handler, for an asker outside and for an actor."""
    kept = []
    probe.spawn("later", Doer)
    future = probe.host.ask("later", Do(lambda context: kept.append(context.take_reply())), timeout_seconds=30)
    probe.tell("later", Do(lambda context: kept.append(context.take_reply())))
    probe.tell("later", Do(lambda context: [reply_to.send("at last") for reply_to in kept]))
    assert probe.expect(str) == "at last"
    assert resolved(probe, future) == "at last"


def test_an_obligation_can_be_met_by_a_failure(probe: Probe) -> None:
    """A kept obligation may end in a failure: the asker outside gets it, an actor hears nothing."""
    kept = []
    probe.spawn("later", Doer)
    future = probe.host.ask("later", Do(lambda context: kept.append(context.take_reply())), timeout_seconds=30)
    probe.tell("later", Do(lambda context: kept.append(context.take_reply())))
    probe.tell("later", Do(lambda context: [reply_to.fail(ActorDead("x")) for reply_to in kept]))
    assert isinstance(resolved(probe, future), ActorDead)
    probe.expect_none()


def test_a_kept_obligation_dies_with_its_actor(probe: Probe) -> None:
    """An asker whose request was kept learns at once that the actor has ended, without waiting for its deadline."""
    probe.spawn("later", Doer)
    future = probe.host.ask("later", Do(lambda context: context.take_reply()), timeout_seconds=30)
    crashing = probe.host.ask("later", Do(lambda context: (context.take_reply(), fail(ValueError))), timeout_seconds=30)
    assert isinstance(resolved(probe, future), ActorDead)
    assert isinstance(resolved(probe, crashing), ActorFailed)


def test_an_ask_without_a_reply_ends_at_its_deadline(probe: Probe) -> None:
    """Every ask resolves: by `DeadlineExceeded` when the actor says nothing, and a later reply is a dead letter."""
    kept = []
    probe.spawn("mute", Doer)
    future = probe.host.ask("mute", Do(lambda context: kept.append(context.take_reply())), timeout_seconds=0.02)
    probe.tell("mute", "ready?")
    probe.expect(str)
    probe.run(lambda context: context.schedule(0.05, Do(lambda context: None)))
    probe.expect(Do)
    error = resolved(probe, future)
    assert isinstance(error, DeadlineExceeded)
    assert isinstance(error, TimeoutError)
    probe.tell("mute", Do(lambda context: context.reply(kept[0].send("too late"))))
    assert probe.expect(bool) is False
    assert probe.host.dead_letters.counts() == {"late_reply": 1}


@pytest.mark.parametrize("timeout_seconds", [0, -1, float("nan"), float("inf")])
def test_an_ask_needs_a_deadline(probe: Probe, timeout_seconds: float) -> None:
    """No ask without an end to its wait."""
    with pytest.raises(ValueError, match="finite timeout"):
        probe.host.ask("probe", "?", timeout_seconds=timeout_seconds)


def test_a_message_past_its_deadline_is_not_handled(probe: Probe) -> None:
    """When its turn comes too late a message is dropped and counted, and its asker has been answered."""
    handled: list[object] = []
    probe.spawn("busy", Doer)

    def act(context: Context) -> None:
        past = context.monotonic()
        context.tell("busy", Do(lambda context: handled.append("actor's")), deadline=past)
        probe.host.tell("busy", Do(lambda context: handled.append("outsider's")), deadline=past)
        context.tell("busy", Do(lambda context: handled.append("in time")), deadline=past + 60)
        context.reply("told")

    probe.tell("busy", Do(act))
    probe.expect(str)
    probe.tell("busy", "done?")
    assert probe.expect(str) == "done?"
    assert handled == ["in time"]
    assert probe.host.dead_letters.counts() == {"deadline": 2}


def test_an_expired_ask_is_not_begun(threads: PykkaHost) -> None:
    """An ask whose deadline passes while it waits behind another message is answered then, and never handled."""
    handled: list[object] = []
    errors: list[object] = []

    def act(_: Context) -> None:
        future = threads.ask("busy", Do(lambda context: handled.append("too late")), timeout_seconds=0.001)
        errors.append(future.exception(timeout=5))

    probe = Probe(threads)
    probe.spawn("busy", Doer)
    probe.tell("busy", Do(act))
    probe.tell("busy", "done?")
    probe.expect(str)
    assert isinstance(errors[0], DeadlineExceeded)
    assert handled == []
    assert threads.dead_letters.counts() == {"deadline": 1}


def test_ids_are_carried(probe: Probe) -> None:
    """The correlation id goes with all that a message sets off; the causation id names the message before (ids of envelopes)."""
    seen = []

    def act(context: Context) -> None:
        seen.append(context.envelope)
        context.tell("probe", "told")
        context.schedule(0, Do(lambda context: (seen.append(context.envelope), context.tell("probe", "timer"))))

    probe.spawn("middle", Doer)
    probe.host.tell("middle", Do(act), correlation_id="order-1")
    probe.expect(str)
    told = probe.last.envelope
    probe.expect(str)
    timer = probe.last.envelope
    assert seen[0].correlation_id == told.correlation_id == timer.correlation_id == "order-1"
    assert seen[0].causation_id is None
    assert told.causation_id == seen[0].message_id
    assert seen[1].causation_id == seen[0].message_id
    assert timer.causation_id == seen[1].message_id
    assert (told.sender, told.sender_epoch, told.to) == ("middle", 1, "probe")
    assert isinstance(seen[1].message, Do)


def test_an_outcome_carries_the_ids_of_what_began_it(probe: Probe) -> None:
    """I/O does not break the chain of correlation, for an ask either."""

    async def work() -> int:
        return 5

    def act(context: Context) -> None:
        kept = context.take_reply()
        context.run(work, lambda outcome: Do(lambda context: kept.send((outcome, context.envelope))))

    probe.spawn("middle", Doer)
    future = probe.host.ask("middle", Do(act), timeout_seconds=5, correlation_id="order-2")
    outcome, envelope = resolved(probe, future)
    assert outcome == Success(5)
    assert envelope.correlation_id == "order-2"


def test_no_content_in_the_text_of_an_envelope_or_outcome(probe: Probe) -> None:
    """Text forms name types and roles only (I7)."""
    probe.spawn("echo", Doer)
    probe.tell("echo", SECRET)
    probe.expect(str)
    assert SECRET not in repr(probe.last.envelope)
    assert SECRET not in repr((Success(SECRET), Failure(ValueError(SECRET))))
    assert Failure(ValueError(SECRET)).error_type == "ValueError"


def test_a_timer(probe: Probe) -> None:
    """A scheduled message comes once, not before its time, and a refused delay crashes nobody else."""
    started = probe.host.clock.monotonic()
    probe.run(lambda context: context.schedule(0.02, "tick"))
    assert probe.expect(str) == "tick"
    assert probe.host.clock.monotonic() >= started + 0.02
    probe.spawn("doer", Doer)
    probe.tell("doer", Do(lambda context: context.schedule(-1, "never")))
    probe.expect(Terminated)


def test_a_cancelled_timer_is_not_handled_even_from_the_mailbox(probe: Probe) -> None:
    """Cancelling takes effect at once, though the message may lie in the mailbox by then."""
    timers: list[Timer] = []
    heard = []

    def waste_time(context: Context) -> None:
        context.tell("doer", Do(lambda context: [timer.cancel() for timer in timers]))
        timers.append(context.schedule(0, Do(lambda context: heard.append("cancelled"))))
        timers.append(context.schedule(30, Do(lambda context: heard.append("cancelled"))))

    probe.spawn("doer", Doer)
    probe.tell("doer", Do(waste_time))
    probe.tell("doer", "there?")
    assert probe.expect(str) == "there?"
    probe.expect_none()
    assert heard == []


def test_timers_and_outcomes_ask_for_no_reply(probe: Probe) -> None:
    """Nobody waits for an answer to one's own timer or I/O: a reply there is a dead letter, not a message to oneself."""

    async def work() -> str:
        return "outcome"

    def act(context: Context) -> None:
        context.schedule(0, "timer")
        context.run(work, lambda outcome: "outcome")

    probe.spawn("polite", Doer)
    probe.tell("polite", Do(act))
    probe.run(lambda context: context.schedule(0.2, "enough"))
    probe.expect(str)
    assert probe.host.dead_letters.counts() == {"no_asker": 2}


def test_timers_and_io_that_are_over_are_forgotten(turns: DeterministicHost) -> None:
    """An actor that schedules, cancels and runs without end holds on to nothing that is over (I12)."""

    async def work() -> None:
        return None

    def act(context: Context) -> None:
        for _ in range(100):
            context.schedule(1, "tick").cancel()
            context.schedule(1, Do(lambda context: None))
            context.run(work, lambda outcome: Do(lambda context: None))

    probe = Probe(turns)
    probe.spawn("busy", Doer)
    probe.tell("busy", Do(act))
    turns.advance(5)
    assert turns._edge.directory._live["busy"]._held == {}


def test_a_message_in_hand_when_the_end_comes(turns: DeterministicHost) -> None:
    """What was taken from the mailbox just before the end came from elsewhere is accounted for like the rest."""
    turns.spawn("late", Doer)
    life = turns._edge.directory._live["late"]
    futures = [turns.ask("late", number, timeout_seconds=30) for number in range(2)]
    item = life.mailbox.take()
    assert life.finish(Stopped())
    assert not life.finish(Stopped())
    life.handle(item)
    assert [type(future.exception(timeout=0)) for future in futures] == [ActorDead] * 2
    assert turns.dead_letters.counts() == {"dead": 2}
    assert not life.begun


def test_nothing_of_an_earlier_life_reaches_the_next(probe: Probe) -> None:
    """Timers, outcomes and replies meant for an incarnation that has ended never reach its successor (I4)."""
    kept = []
    heard: list[object] = []

    async def slow() -> None:
        await asyncio.sleep(0.02)

    class Listener(Doer):
        def receive(self, context: Context, message: object) -> None:
            if isinstance(message, Do):
                message.action(context)
            else:
                heard.append(message)

    def act(context: Context) -> None:
        context.tell("server", Do(lambda context: (kept.append(context.take_reply()), context.tell("probe", "kept"))))
        context.schedule(0.02, "timer")
        context.run(slow, lambda outcome: "outcome")

    probe.spawn("server", Doer)
    probe.spawn("client", Listener)
    probe.tell("client", Do(act))
    probe.expect(str)
    probe.tell("client", Do(lambda context: fail(ValueError)))
    probe.expect(Terminated)
    assert probe.spawn("client", Listener) == 2
    probe.tell("server", Do(lambda context: context.reply(kept[0].send("reply"))))
    assert probe.expect(bool) is False
    probe.run(lambda context: context.schedule(0.1, "enough"))
    assert probe.expect(str) == "enough"
    assert heard == []
    assert probe.host.dead_letters.counts() == {"stale": 2}


def test_io_comes_back_as_a_message(probe: Probe) -> None:
    """A coroutine's result and its failure are told as values; the actor is free meanwhile."""
    outcomes: list[Outcome[int]] = []

    async def good() -> int:
        await asyncio.sleep(0.001)
        return 7

    async def bad() -> int:
        raise SystemExit(SECRET)

    def act(context: Context) -> None:
        for work in (good, bad):
            context.run(work, lambda outcome: Do(lambda context: (outcomes.append(outcome), done(context))))

    def done(context: Context) -> None:
        if len(outcomes) == 2:
            context.tell("probe", "done")

    probe.spawn("client", Doer)
    probe.tell("client", Do(act))
    probe.expect(str)
    assert Success(7) in outcomes
    (failure,) = (outcome for outcome in outcomes if isinstance(outcome, Failure))
    assert failure.error_type == "SystemExit"


def test_io_that_takes_too_long(probe: Probe) -> None:
    """Past its timeout a coroutine is cancelled and its outcome is a `TimeoutError`."""

    async def hang() -> None:
        await asyncio.Event().wait()

    probe.run(lambda context: context.run(hang, lambda outcome: outcome, timeout_seconds=0.02))
    failure = probe.expect(Failure)
    assert failure.error_type == "TimeoutError"


def test_io_under_way_is_cancelled_with_its_actor(probe: Probe) -> None:
    """When an actor ends, its coroutines are cancelled rather than leaked."""
    seen: list[str] = []

    async def hang() -> None:
        seen.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("cancelled")
            probe.host.tell("probe", "cancelled")

    probe.spawn("client", Doer)
    probe.tell("client", Do(lambda context: (context.run(hang, lambda outcome: "outcome"), context.reply("running"))))
    probe.expect(str)
    probe.run(lambda context: context.schedule(0.2, "patience"))
    probe.expect(str)
    probe.stop_child("client", deadline_seconds=5)
    found = {type(probe.expect(lambda message: True)).__name__ for _ in range(2)}
    assert found == {"Terminated", "str"}
    assert seen == ["begun", "cancelled"]


def test_events_come_in_order_and_a_bad_subscriber_spoils_nothing(probe: Probe) -> None:
    """Subscribers get every event in the order of publishing; one that raises is counted and kept apart."""
    probe.host.subscribe(lambda event: fail(ValueError))
    probe.listen()
    gone: list[object] = []
    probe.host.subscribe(gone.append).close()
    probe.run(lambda context: [context.publish(number) for number in range(5)])
    assert [probe.expect(int) for _ in range(5)] == [0, 1, 2, 3, 4]
    probe.host.stop()
    assert gone == []
    assert probe.host.dead_letters.counts()["subscriber_failed"] == 5


def test_clocks_and_chance_come_through_the_context(probe: Probe) -> None:
    """UTC is aware, monotonic time is the host's, and numbers come from a generator of the incarnation's own."""
    utc = probe.run(lambda context: context.utc())
    assert utc.tzinfo is UTC
    assert abs(utc - probe.host.clock.utc()) < timedelta(seconds=60)
    assert probe.run(lambda context: context.monotonic()) <= probe.host.clock.monotonic()
    assert 0 <= probe.run(lambda context: context.random.random()) < 1
