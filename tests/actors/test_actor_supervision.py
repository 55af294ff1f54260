"""Supervision, shown: outages, crashes and openings of an account, and what the log and the events say of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from actor_exchange import HANG, Answer, failure
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import AUDIT, Commit, reconciliation_role
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.kernel.errors import KernelError
from reconcile_actors.kernel.signals import BreakerTransition, ChildRestarted
from reconcile_actors.messages import (
    ActorRestarted,
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    ExchangeDegraded,
    ExchangeRecovered,
    ReconcileNow,
)

ROLE = reconciliation_role("a")
DOWN = failure(FailureClass.TRANSIENT, "http_server_error")


class Watch:
    """Every transition of the account's breaker, with the calls that the exchange had seen by then."""

    def __init__(self, rig: Rig, name: str = "a") -> None:
        self.seen: list[tuple[str, float, int, int]] = []
        self._rig, self._world, self._role = rig, rig.exchanges[name], reconciliation_role(name)
        rig.host.subscribe(self._note)

    def _note(self, event: object) -> None:
        if isinstance(event, BreakerTransition) and event.name == self._role:
            self.seen.append((event.to_state, self._rig.host.now, self._world.reads, len(self._world.looks)))

    def calls_between(self) -> list[tuple[str, int, int]]:
        """For each state that ended: its name, reads and looks into history begun while it lasted."""
        return [(one[0], two[2] - one[2], two[3] - one[3]) for one, two in pairwise(self.seen)]


@pytest.mark.parametrize("trouble", [DOWN, HANG])
@pytest.mark.parametrize("seed", range(3))
def test_an_outage_from_beginning_to_end(trouble: Answer, seed: int) -> None:
    """Open, then one probe at a time ever more seldom; the first valid snapshot closes it; what was open stays as it was."""
    rig = Rig(seed=seed).opened().quiet()
    world, watch = rig.exchanges["a"], Watch(rig)
    world.glitch("USD", "-300")
    found = rig.await_event(DiscrepancyConfirmed).discrepancy
    world.always = trouble
    event = rig.await_event(ExchangeDegraded, within=200)
    assert event.exchange == "a"
    rig.host.advance(600)
    assert rig.child(ROLE).breaker in {"open", "half_open"}
    assert rig.account().reason is UnknownReason.UNREACHABLE
    world.always = None
    rig.await_event(ExchangeRecovered, within=120)
    rig.host.advance(10)
    first, second, *rest = watch.calls_between()
    assert first[1] + second[1] == 1  # a read that began before word of the opening came may be the first probe
    assert set(rest) == {("open", 0, 0), ("half_open", 1, 0)}
    pauses = [two[1] - one[1] for one, two in pairwise(watch.seen) if one[0] == "open"]
    assert 7 <= len(pauses) <= 16
    assert pauses[0] < pauses[1] < pauses[2] < pauses[3]
    assert max(pauses) <= 60 * 1.2 + 1
    assert len(rig.events(ExchangeRecovered)) == 1
    audited = [(one.body["from"], one.body["to"]) for one in rig.ledger.of_kind("breaker.changed")]
    assert [to for _, to in audited] == [state for state, *_ in watch.seen]
    assert all(two[0] == one[1] for one, two in pairwise(audited))
    assert [one.id for one in rig.account().open] == [found.id]
    assert (len(rig.events(DiscrepancyDetected)), len(rig.events(DiscrepancyConfirmed))) == (1, 1)
    world.glitch("USD", "300")
    rig.await_event(DiscrepancyResolved, within=60)
    world.glitch("USD", "-200")
    assert rig.await_event(DiscrepancyConfirmed, count=2).discrepancy.id == "a:spot:USD:total:2"
    assert rig.events(ActorRestarted) == []


def test_credentials_stay_open_for_a_person() -> None:
    """Refused keys: one transition on record, not one call in a day, and resumed by a person alone."""
    rig = Rig().opened().quiet()
    world, watch = rig.exchanges["a"], Watch(rig)
    world.always = failure(FailureClass.CREDENTIALS, "refused")
    rig.await_event(ExchangeDegraded)
    world.always = None
    reads, looks = world.reads, len(world.looks)
    rig.host.advance(86_400)
    assert (world.reads, len(world.looks), [state for state, *_ in watch.seen]) == (reads, looks, ["open"])
    rig.resume()
    rig.await_event(ExchangeRecovered)
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    (first, second) = rig.ledger.of_kind("breaker.changed")
    assert (first.body["reason"], second.body["reason"]) == ("refused", "reset")


def test_an_opening_that_fails_is_held_back_by_the_breaker() -> None:
    """The exchange is down when the account is opened: few tries, each a probe, and it comes up by itself."""
    rig = Rig()
    world = rig.exchanges["a"]
    world.opening_script.extend([DOWN] * 1000)
    rig.start()
    rig.state_balances()
    rig.await_event(ExchangeDegraded, within=60)
    before = len(world.opening_script)
    rig.host.advance(600)
    tries = before - len(world.opening_script)
    assert 5 <= tries <= 16
    assert world.reads == 0
    world.opening_script.clear()
    rig.await_event(ExchangeRecovered, within=120)
    rig.host.advance(20)
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    assert rig.events(ActorRestarted) == []


def test_pauses_between_restarts_grow() -> None:
    """Each crash waits in a wider range than the one before, so that a bug that stays makes no storm."""
    restarts: list[list[float]] = []
    for seed in range(20):
        rig = Rig(seed=seed).opened().quiet()
        delays: list[float] = []
        rig.host.subscribe(lambda event, delays=delays: _note_delay(event, delays))
        rig.exchanges["a"].always = ZeroDivisionError()
        rig.await_event(ExchangeDegraded, within=600)
        restarts.append(delays)
    assert all(len(delays) == 5 for delays in restarts)
    for number in range(5):
        assert all(0.5 <= delays[number] <= 0.5 * 2**number for delays in restarts)
    means = [sum(delays[number] for delays in restarts) / len(restarts) for number in range(5)]
    assert means == sorted(means)


def _note_delay(event: object, delays: list[float]) -> None:
    if isinstance(event, ChildRestarted):
        delays.append(event.delay_seconds)


@pytest.mark.parametrize(
    "bug", [ZeroDivisionError(), SystemExit(1), KeyboardInterrupt(), MemoryError(), GeneratorExit()]
)
def test_a_crash_in_a_pass_concerns_one_account_alone(bug: BaseException) -> None:
    """Whatever a gateway raises: who asked hears of it, the actor comes back as a new epoch, the other account goes on reading."""
    rig = Rig("a", "b").opened().quiet()
    rig.exchanges["a"].script.append(bug)
    asked = rig.host.ask(ROLE, ReconcileNow(exchange="a"), timeout_seconds=30)
    rig.host.run_until(asked.done, limit_seconds=30)
    assert isinstance(asked.exception(), KernelError) or isinstance(asked.result(), ReconciliationReport)
    assert rig.await_event(ActorRestarted).epoch == 2
    reads = rig.exchanges["b"].reads
    rig.host.advance(20)
    assert rig.exchanges["b"].reads - reads >= 15
    assert [rig.child(reconciliation_role(name)).epoch for name in ("a", "b")] == [2, 1]
    assert rig.reconcile("a").status is rig.reconcile("b").status is ReconciliationStatus.MATCHED


@pytest.mark.parametrize("seed", range(8))
def test_what_supervision_does_is_on_record_also_when_the_record_keeper_is_down(seed: int) -> None:
    """Breakers change while the audit actor is being restarted or the store refuses: every transition is there in the end."""
    names = [f"x{number}" for number in range(12)]
    rig = Rig(*names, seed=seed).opened().quiet()
    watches = {name: Watch(rig, name) for name in names}
    for name in names:
        rig.exchanges[name].always = failure(FailureClass.CREDENTIALS, "refused")
    for _ in range(10):
        rig.host.tell(AUDIT, object.__new__(Commit))
        rig.host.advance(0.4)
    rig.ledger.refuse = lambda _unit: "store_locked"
    for name in names:
        rig.exchanges[name].always = None
        rig.resume_breaker(name)
    rig.host.advance(5)
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(90)
    for name in names:
        audited = [one.body["to"] for one in rig.ledger.of_kind("breaker.changed") if one.exchange == name]
        told = [state for state, *_ in watches[name].seen]
        assert told[0] == "open"
        # at least once: an answer that was lost with its actor is given again
        assert [one for one, before in zip(audited, [None, *audited], strict=False) if one != before] == told


def test_a_ledger_that_takes_nothing_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound of its line what supervision did is said in the log alone; it goes on, and records again afterwards."""
    monkeypatch.setattr("reconcile_actors.actors.journal.WAITING_MAX", 3)
    rig = Rig().opened().quiet()
    rig.ledger.refuse = lambda _unit: "store_full"
    for _ in range(6):
        rig.exchanges["a"].always = failure(FailureClass.CREDENTIALS, "refused")
        rig.host.advance(5)
        rig.resume_breaker()
    assert rig.child(ROLE).breaker == "closed"
    rig.ledger.refuse = lambda _unit: None
    rig.exchanges["a"].always = None
    rig.host.advance(30)
    rig.resume()
    rig.host.advance(30)
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    assert 1 <= len(rig.ledger.of_kind("breaker.changed")) <= 8


MIXED: tuple[Answer, ...] = (
    DOWN,
    HANG,
    failure(FailureClass.RATE_LIMIT, "slow_down", retry_after=1),
    UnknownReason.BAD_SHAPE,
    ZeroDivisionError(),
    failure(FailureClass.CREDENTIALS, "refused"),
    failure(FailureClass.BAD_DATA, "not_json"),
    9.0,
)


def life_of_the_good_one(seed: int, dead: int) -> tuple[list[float], float]:
    """Gaps between the reads of an account beside so many dead ones, and how long a missed fill took to be confirmed there."""
    names = [f"x{number}" for number in range(dead)] + ["good"]
    rig = Rig(*names, seed=seed, settings=settings_of(names)).opened().quiet()
    for number, name in enumerate(names[:-1]):
        rig.exchanges[name].always = MIXED[number % len(MIXED)]
        rig.exchanges[name].history_always = DOWN
    world, times = rig.exchanges["good"], []
    reads = world.reads
    until = rig.host.now + 60
    while rig.host.now < until:
        rig.host.advance(0.02)
        if world.reads > reads:
            times.append(rig.host.now)
            reads = world.reads
    rig.fill("T1", name="good", told=False)
    happened = rig.host.now
    rig.host.run_until(lambda: bool(rig.events(DiscrepancyConfirmed, "good")), limit_seconds=30)
    assert {one.discrepancy.exchange for one in rig.events(DiscrepancyConfirmed)} == {"good"}
    assert rig.account("good").reason is None
    return [two - one for one, two in pairwise(times)], rig.host.now - happened


@pytest.mark.parametrize("seed", range(3))
def test_forty_dead_exchanges_do_not_delay_the_forty_first(seed: int) -> None:
    """Refusing, hanging, throttling, talking nonsense, crashing: beside forty of them one account is read and judged as alone."""
    alone, found_alone = life_of_the_good_one(seed, 0)
    crowded, found = life_of_the_good_one(seed, 40)
    assert abs(len(crowded) - len(alone)) <= 2
    assert max(crowded) <= max(alone) + 0.1
    assert found <= min(5.0, found_alone + 1.0)
