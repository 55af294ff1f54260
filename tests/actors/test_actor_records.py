"""What a reconciliation actor puts on record while the store refuses, hangs or loses its answers."""

from __future__ import annotations

import pytest
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.messages import (
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    PauseExchange,
    ReconcileNow,
    ReconciliationCompleted,
    Recorded,
)

ROLE = reconciliation_role("a")


@pytest.mark.parametrize("reason", ["store_full", "store_locked", "store_failed", "overloaded"])
def test_a_person_hears_of_a_loss_although_the_store_refuses(reason: str) -> None:
    """Comparison goes on, each effect is told once, and every entry is on record once the store takes it again."""
    rig = Rig().opened().quiet()
    rig.ledger.refuse = lambda _unit: reason
    rig.exchanges["a"].glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed, within=10)
    assert rig.ledger.known == {}
    rig.host.advance(60)
    assert len(rig.events(DiscrepancyConfirmed)) == 1
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(20)
    assert [one.state.is_confirmed for one in rig.ledger.known.values()] == [True]
    assert rig.ledger.kinds("a").count("discrepancy.confirmed") == 1
    assert len(rig.events(DiscrepancyConfirmed)) == 1


def test_a_pass_is_answered_although_the_store_refuses() -> None:
    """Who asked is answered after the first try; the report's entry follows when the store can take it."""
    rig = Rig().opened().quiet()
    reports = len(rig.ledger.reports)
    rig.ledger.refuse = lambda _unit: "store_full"
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.MATCHED
    assert len(rig.ledger.reports) == reports
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(10)
    assert report in rig.ledger.reports
    assert len(rig.events(ReconciliationCompleted)) == len(rig.ledger.reports)


def test_entries_keep_their_order_through_a_refusal() -> None:
    """What was found first is on record first, however often the store refuses in between."""
    rig = Rig().opened().quiet()
    turns = iter(range(10_000))
    rig.ledger.refuse = lambda _unit: "store_locked" if next(turns) % 3 else None
    rig.exchanges["a"].glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed)
    rig.exchanges["a"].glitch("USD", "300")
    rig.await_event(DiscrepancyResolved, within=60)
    rig.host.advance(60)
    kinds = [kind for kind in rig.ledger.kinds("a") if kind.startswith("discrepancy.")]
    assert kinds[0] in {"discrepancy.detected", "discrepancy.confirmed"}
    assert kinds[-1] == "discrepancy.resolved"
    assert len(kinds) == len(set(kinds))


def test_an_entry_that_no_log_can_take_does_not_hold_up_the_rest() -> None:
    """`entry_invalid` is given up, its effects are told, and what comes after it is written."""
    rig = Rig().opened().quiet()
    rig.ledger.refuse = lambda unit: "entry_invalid" if unit.discrepancies else None
    rig.exchanges["a"].glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed)
    assert rig.ledger.known == {}
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(5)
    assert rig.reconcile().status is ReconciliationStatus.DISCREPANT
    assert rig.ledger.reports[-1].discrepancies != ()


def test_a_store_that_hangs_holds_back_events_and_no_longer_than_its_deadline() -> None:
    """Without an answer the effect is released at the deadline: a person must hear of a loss also then."""
    rig = Rig().opened().quiet()
    rig.ledger.script.append(1e9)
    rig.exchanges["a"].glitch("USD", "-300")
    happened = rig.host.now
    rig.await_event(DiscrepancyConfirmed, within=60)
    assert rig.host.now - happened <= 25


def test_comparison_stops_where_nothing_could_be_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """I12: the line of entries is bounded: when it is full no new read begins, and all goes on once the store is back."""
    monkeypatch.setattr("reconcile_actors.actors.journal.WAITING_MAX", 40)
    rig = Rig(settings=settings_of(["a"], "interval_seconds = 1")).opened().quiet()
    rig.ledger.refuse = lambda _unit: "store_full"
    rig.host.advance(200)
    reads = rig.exchanges["a"].reads
    rig.host.advance(100)
    assert rig.exchanges["a"].reads == reads
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(60)
    assert rig.exchanges["a"].reads > reads
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_a_pause_is_answered_once_it_is_durable() -> None:
    """The answer to a switch follows its unit, like every effect."""
    rig = Rig().opened().quiet()
    rig.ledger.script.append(3.0)
    future = rig.host.ask(ROLE, PauseExchange(exchange="a"), timeout_seconds=30)
    rig.host.advance(2.5)
    assert not future.done()
    rig.host.run_until(future.done)
    assert future.result() == Recorded(status="recorded")
    assert rig.ledger.switches == {"paused:a": "paused"}


def test_a_pause_that_could_not_be_recorded_is_not_called_recorded() -> None:
    """Where the store refuses the switch, who asked hears `refused` with the reason; the account is paused all the same."""
    rig = Rig().opened().quiet()
    rig.ledger.refuse = lambda _unit: "store_full"
    answer = rig.pause()
    assert answer == Recorded(status="refused", reason="store_full")
    assert rig.account().paused
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(5)
    assert rig.ledger.switches == {"paused:a": "a test"}


def test_a_stop_while_the_store_refuses_ends_all_the_same() -> None:
    """Entries that the store does not take hold nobody beyond the deadlines."""
    rig = Rig().opened().quiet()
    rig.ledger.refuse = lambda _unit: "store_full"
    future = rig.host.ask(ROLE, ReconcileNow(exchange="a"), timeout_seconds=30)
    rig.host.advance(0.01)
    before = rig.host.now
    assert rig.host.stop(deadline_seconds=8) == ()
    assert rig.host.now - before < 6
    assert future.done()


def test_a_store_that_hangs_is_left_behind() -> None:
    """A write that never ends costs each actor its deadline, and the process is ended all the same."""
    rig = Rig("a", "b").opened().quiet()
    rig.ledger.script.append(1e9)
    rig.exchanges["a"].glitch("USD", "-300")
    rig.host.advance(5)
    before = rig.host.now
    rig.host.stop(deadline_seconds=12)
    assert rig.host.now - before <= 12
    assert rig.host.names == {}


def test_the_last_pass_is_told_before_the_end() -> None:
    """A pass that a stop cuts short is answered as unknown, and on record."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].always = 5.0
    future = rig.host.ask(ROLE, ReconcileNow(exchange="a"), timeout_seconds=30)
    rig.host.advance(0.5)
    assert rig.host.stop(deadline_seconds=8) == ()
    report = future.result()
    assert isinstance(report, ReconciliationReport)
    assert report.status is ReconciliationStatus.UNKNOWN
    assert rig.ledger.reports[-1] == report


def test_what_one_message_set_off_shares_its_correlation() -> None:
    """An entry, its event and the message behind them can be traced to one another."""
    rig = Rig().opened().quiet()
    future = rig.host.ask(ROLE, ReconcileNow(exchange="a"), timeout_seconds=30, correlation_id="from-a-test")
    rig.host.run_until(future.done)
    rig.record(rig.fill_report("T1"))
    assert all(one.correlation_id is not None for one in rig.ledger.entries)
    event = rig.events(ReconciliationCompleted)[-1]
    entry = rig.ledger.of_kind("pass.completed")[-1]
    assert event.correlation_id == entry.correlation_id
