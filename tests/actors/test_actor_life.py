"""The life of a reconciliation actor: crashes, earlier incarnations, pauses, and an end in order."""

from __future__ import annotations

import asyncio

import pytest
from actor_exchange import HANG, Gateway, failure
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import (
    AUDIT,
    PORTFOLIO,
    SUPERVISOR,
    Commit,
    GetWindow,
    WindowIs,
    reconciliation_role,
)
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import StoreError
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.errors import ActorDead, KernelError
from reconcile_actors.messages import (
    ActorRestarted,
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    ExchangeDegraded,
    PauseExchange,
    ReconcileNow,
    ReconciliationCompleted,
    ResumeExchange,
)

ROLE = reconciliation_role("a")
BUGS = (ValueError("1234.5678"), KeyError("k"), asyncio.CancelledError(), SystemExit(3), AssertionError())


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_in_a_gateway_restarts_its_actor(bug: BaseException) -> None:
    """A crash is a bug: the actor is restarted after a pause, that is told and on record, and the account is well again."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].script.append(bug)
    event = rig.await_event(ActorRestarted)
    assert (event.actor, event.epoch, event.reason) == (ROLE, 2, "RuntimeError")
    rig.host.advance(15)
    assert rig.account().reason is None
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    (entry,) = rig.ledger.of_kind("actor.restarted")
    assert entry.body == {"actor": ROLE, "epoch": 2, "reason": "RuntimeError"}
    assert rig.exchanges["a"].open_gateways == 1


@pytest.mark.parametrize("where", ["history", "opening"])
def test_a_bug_elsewhere_in_a_gateway_does_too(where: str) -> None:
    """The same for a look into history, and for the opening."""
    rig = Rig()
    world = rig.exchanges["a"]
    script = {"history": world.history_script, "opening": world.opening_script}[where]
    script.append(ZeroDivisionError())
    rig.opened().quiet()
    assert [one.epoch for one in rig.events(ActorRestarted)] == [2]
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_a_bug_in_prices_is_no_crash() -> None:
    """Prices are a courtesy: without them the discrepancy stays unpriced."""
    rig = Rig(settings=settings_of(["a"], valuation="")).opened().quiet()
    rig.exchanges["a"].price_script.append(ZeroDivisionError())
    rig.exchanges["a"].glitch("BTC", "0.5")
    rig.await_event(DiscrepancyConfirmed)
    assert rig.events(ActorRestarted) == []


def test_restarts_wait_longer_and_longer_and_then_the_actor_is_parked() -> None:
    """A gateway that always crashes is restarted ever later, a bounded number of times, then stays down until resumed."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.always = ZeroDivisionError()
    rig.await_event(ExchangeDegraded, within=600)
    rig.host.advance(600)
    assert rig.child(ROLE).state == "parked"
    assert 3 <= len(rig.events(ActorRestarted)) <= 8
    assert rig.ledger.of_kind("actor.parked")[0].body["actor"] == ROLE
    with pytest.raises(ActorDead):
        rig.reconcile()
    world.always = None
    rig.resume()
    rig.host.advance(15)
    assert rig.child(ROLE).state == "alive"
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_a_crash_keeps_what_was_open() -> None:
    """A confirmed discrepancy stands after a restart under the same id, and is not found a second time."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed)
    world.script.append(ZeroDivisionError())
    rig.await_event(ActorRestarted)
    rig.host.advance(30)
    assert [one.id for one in rig.account().open] == ["a:spot:USD:total:1"]
    assert len(rig.events(DiscrepancyConfirmed)) == 1
    world.glitch("USD", "300")
    rig.await_event(DiscrepancyResolved, within=60)


def test_episodes_go_on_over_a_restart_of_the_process() -> None:
    """The next loss of the same kind gets the next number, also in a new process."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed)
    rig.state_balances(version=2)
    rig.await_event(DiscrepancyResolved)
    rig.host.stop()
    again = rig.restarted().start().quiet()
    assert again.account().open == ()
    again.exchanges["a"].glitch("USD", "-50")
    assert again.await_event(DiscrepancyConfirmed).discrepancy.id == "a:spot:USD:total:2"


def test_what_was_open_is_open_in_the_next_process() -> None:
    """A new process knows the open discrepancy at once, resolves it when the sides agree, and never renumbers it."""
    rig = Rig().opened().quiet()
    report = rig.fill("T1", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.host.advance(5)
    known = {one.id for one in rig.account().open}
    again = rig.restarted().start()  # the first process was killed: nothing was stopped
    again.host.advance(25)
    assert {one.id for one in again.account().open} == known
    again.record(report.model_copy(update={"occurred_at": None}))
    again.host.run_until(
        lambda: not [one for one in again.ledger.known.values() if one.state.is_open], limit_seconds=60
    )
    assert again.events(DiscrepancyDetected) == []


def test_results_of_an_earlier_incarnation_are_dropped() -> None:
    """I4: a read that an incarnation began before its end has no effect, however it ends."""
    rig = Rig(settings=settings_of(["a"], "timeout_seconds = 30\ndetection_target_seconds = 15")).opened().quiet()
    world = rig.exchanges["a"]
    world.script.append(8.0)  # answers after the incarnation that asked has ended
    reads = world.reads
    rig.host.run_until(lambda: world.reads > reads)
    world.history_script.append(ZeroDivisionError())
    rig.await_event(ActorRestarted, within=20)
    world.holdings["USD"] += 999  # what the old read would show, had it any effect
    rig.host.advance(1)
    world.holdings["USD"] -= 999
    rig.host.advance(15)
    assert rig.events(DiscrepancyDetected) == []
    epochs = [line.split()[1] for line in rig.host.trace if "reconciliation:a#" in line]
    assert epochs == sorted(epochs)


def test_who_asked_a_crashing_actor_hears_of_it() -> None:
    """I6: a pass that ends with its actor is answered with a failure, not with silence."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].script.append(ZeroDivisionError())
    future = rig.host.ask(ROLE, ReconcileNow(exchange="a"), timeout_seconds=30)
    rig.host.run_until(future.done)
    assert isinstance(future.exception(), KernelError) or isinstance(future.result(), ReconciliationReport)


@pytest.mark.parametrize("seed", range(6))
def test_a_crash_of_the_portfolio_actor_is_survived(seed: int) -> None:
    """The book's actor ends at any moment: readings go on, nothing is found that is not there, and passes end again."""
    rig = Rig(seed=seed).opened().quiet(16 + seed / 7)
    crash(rig, PORTFOLIO)
    rig.host.advance(0.3)
    crash(rig, PORTFOLIO)
    rig.host.advance(40)
    assert rig.events(DiscrepancyDetected) == []
    assert rig.account().reason is None
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


@pytest.mark.parametrize("seed", range(6))
def test_a_look_whose_question_was_lost_is_taken_again(seed: int) -> None:
    """The book's actor is gone just when it should be asked what it lacks: history is looked at again, and passes end."""
    rig = Rig(seed=seed).opened().quiet()
    world = rig.exchanges["a"]
    looks = len(world.looks)
    rig.host.run_until(lambda: len(world.looks) > looks)
    crash(rig, PORTFOLIO)
    rig.host.advance(40)
    looks = len(world.looks)
    rig.host.advance(15)
    assert len(world.looks) - looks >= 4
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.MATCHED
    assert report.duration_us < 5_000_000


def crash(rig: Rig, role: str) -> None:
    """Ends an actor by a message that is broken inside, as only a bug can make one."""
    kind = {AUDIT: Commit, PORTFOLIO: GetWindow, ROLE: WindowIs}[role]
    rig.host.tell(role, object.__new__(kind))


@pytest.mark.parametrize("role", [AUDIT, PORTFOLIO, ROLE])
@pytest.mark.parametrize("seed", range(5))
def test_any_actor_may_crash_at_any_moment(role: str, seed: int) -> None:
    """Whichever actor ends, it is restarted, the others go on, and the account is compared and found right again."""
    rig = Rig(seed=seed).opened().quiet(15.5 + seed * 0.31)
    rig.fill("T1")
    crash(rig, role)
    rig.await_event(ActorRestarted)
    assert [one.actor for one in rig.events(ActorRestarted)] == [role]
    rig.host.advance(45)
    assert rig.record(rig.transfer("X0", "0.5")).status == "recorded"
    rig.exchanges["a"].glitch("USD", "0.5")
    rig.host.advance(15)
    assert [one for one in rig.account().open if one.state.is_confirmed] == []
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    assert rig.host.stop() == ()


def test_a_pause_ends_reading_and_lasts() -> None:
    """A paused account is not read, is unknown (`paused`), also in the next process, until it is resumed."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    assert rig.pause().status == "recorded"
    rig.host.advance(1)
    reads = world.reads
    rig.host.advance(400)
    assert world.reads == reads
    report = rig.reconcile()
    assert (report.status, report.unknown_reason) == (ReconciliationStatus.UNKNOWN, UnknownReason.PAUSED)
    assert rig.account().paused
    rig.host.stop()
    again = rig.restarted().start()
    early = again.reconcile()  # asked before the actor has read that it is paused
    assert early.unknown_reason is UnknownReason.PAUSED
    assert early.duration_us < 1_000_000
    again.quiet()
    assert (again.account().paused, again.account().reason) == (True, UnknownReason.PAUSED)
    assert world.reads == reads
    again.resume()
    again.host.advance(20)
    assert again.account().reason is None
    assert again.reconcile().status is ReconciliationStatus.MATCHED
    assert again.ledger.switches == {}


def test_a_pause_ends_the_pass_under_way() -> None:
    """Who waits for a pass hears that the account was paused."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].always = HANG
    future = rig.host.ask(ROLE, ReconcileNow(exchange="a"), timeout_seconds=60)
    rig.host.advance(1)
    rig.pause()
    rig.host.run_until(future.done)
    report = future.result()
    assert isinstance(report, ReconciliationReport)
    assert report.unknown_reason is UnknownReason.PAUSED


@pytest.mark.parametrize("seed", range(10))
def test_a_pause_at_the_very_start_is_not_forgotten(seed: int) -> None:
    """A pause that overtakes the opening counts, and so does a resume of what the store still calls paused."""
    rig = Rig(seed=seed)
    rig.ledger.script.append(5.0)
    rig.start()
    asked = rig.host.ask(ROLE, PauseExchange(exchange="a"), timeout_seconds=30)
    rig.host.run_until(asked.done)
    assert rig.account().paused
    rig.host.advance(10)
    assert rig.account().reason is UnknownReason.PAUSED
    again = rig.restarted(seed + 100)
    again.start()
    asked = again.host.ask(ROLE, ResumeExchange(exchange="a"), timeout_seconds=30)
    again.host.run_until(asked.done)
    again.host.advance(10)
    assert not again.account().paused
    assert rig.exchanges["a"].open_gateways <= 2  # one a process


def test_commands_name_who_gave_them() -> None:
    """Pause and resume are on record with the person that the door proved, and the name that was only claimed."""
    rig = Rig().opened().quiet()
    command = PauseExchange(exchange="a", reason="maintenance", claimed_by="eve", actor="alice")
    rig.host.request(ROLE, command)
    (entry,) = rig.ledger.of_kind("exchange.paused")
    assert entry.body == {"actor": "alice", "claimed_by": "eve", "reason": "maintenance"}
    assert rig.ledger.switches == {"paused:a": "maintenance"}


def test_a_store_that_cannot_be_read_at_the_opening_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked store at the start of an actor is no fault of the exchange: no breaker, and tried again."""
    rig = Rig()
    read, locked = rig.ledger.episodes, [True, True]

    async def episodes(exchange: str) -> dict[tuple[str, str, str], int]:
        if locked:
            locked.pop()
            raise StoreError("locked")
        return await read(exchange)

    monkeypatch.setattr(rig.ledger, "episodes", episodes)
    rig.opened().quiet(30)
    assert rig.account().reason is None
    assert rig.events(ExchangeDegraded) == []


def test_an_ordered_stop_records_closes_and_ends() -> None:
    """Asked to stop: the pass under way ends, what was found is durable, gateways are closed, all within the deadline."""
    rig = Rig("a", "b").opened().quiet()
    rig.fill("T1", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    future = rig.host.ask(ROLE, ReconcileNow(exchange="a"), timeout_seconds=60)
    rig.host.advance(0.01)
    before = rig.host.now
    assert rig.host.stop(deadline_seconds=8) == ()
    assert rig.host.now - before < 3
    assert future.done()
    assert all(world.open_gateways == 0 for world in rig.exchanges.values())
    assert rig.ledger.kinds()[-1] == "book.state"
    ends = [line.split()[1].split("#")[0] for line in rig.host.trace if line.split()[2] == "ended"]
    assert ends == ["reconciliation:b", "reconciliation:a", PORTFOLIO, AUDIT, SUPERVISOR]


def test_a_gateway_that_does_not_close_holds_nobody() -> None:
    """A close that hangs costs a second, not the deadline."""
    rig = Rig().opened().quiet()
    for one in rig.exchanges["a"].gateways:
        assert isinstance(one, Gateway)
        one.close_seconds = HANG
    before = rig.host.now
    assert rig.host.stop(deadline_seconds=8) == ()
    assert rig.host.now - before < 4


def test_a_stop_in_the_middle_of_an_outage_is_in_order() -> None:
    """Breaker open, store refusing, a read hanging: the end is still in time."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].always = failure(FailureClass.TRANSIENT)
    rig.await_event(ExchangeDegraded, within=60)
    rig.ledger.refuse = lambda _unit: "store_full"
    rig.exchanges["a"].always = HANG
    rig.host.advance(20)
    before = rig.host.now
    rig.host.stop(deadline_seconds=8)
    assert rig.host.now - before < 8


def test_a_run_is_a_function_of_its_seed() -> None:
    """The same seed and the same world give the same trace, crash and restart included."""

    def run() -> tuple[list[str], list[str]]:
        rig = Rig(seed=11).opened().quiet()
        rig.fill("T1", told=False)
        rig.exchanges["a"].script.append(ZeroDivisionError())
        rig.host.advance(30)
        assert isinstance(rig.host, DeterministicHost)
        return rig.host.trace, [type(one).__name__ for what, one in rig.timeline if what == "event"]

    assert run() == run()


def test_passes_go_on_after_a_restart() -> None:
    """A new incarnation begins with a pass, and another follows each interval."""
    rig = Rig(settings=settings_of(["a"], "interval_seconds = 20")).opened().quiet()
    rig.exchanges["a"].script.append(ZeroDivisionError())
    rig.await_event(ActorRestarted)
    passes = len(rig.events(ReconciliationCompleted))
    rig.host.advance(70)
    assert len(rig.events(ReconciliationCompleted)) - passes >= 3
