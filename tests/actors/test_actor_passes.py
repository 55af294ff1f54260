"""Full passes of a reconciliation actor under its supervisor: what is asked, what is reported, and in which order."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from actor_exchange import HANG
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.domain.ledger import UnitOfWork
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.messages import (
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    ReconcileNow,
    ReconciliationCompleted,
)

MATCHED, DISCREPANT, UNKNOWN = (
    ReconciliationStatus.MATCHED,
    ReconciliationStatus.DISCREPANT,
    ReconciliationStatus.UNKNOWN,
)


def test_a_matched_pass_reports_both_sides() -> None:
    """A pass over a quiet account is matched, and its report holds both sides, the version, the digests and the time."""
    rig = Rig().opened().quiet()
    rig.fill("T1")
    rig.host.advance(5)
    report = rig.reconcile()
    assert (report.exchange, report.status, report.unknown_reason) == ("a", MATCHED, None)
    assert {one.currency: one.total for one in report.local_balances} == {"BTC": Decimal("2.1"), "USD": Decimal(43994)}
    assert {one.currency: one.total for one in report.exchange_balances} == rig.exchanges["a"].holdings
    assert all(one.locked is None for one in report.local_balances)  # nobody stated it (I1)
    assert report.book_version == 2
    assert report.discrepancies == ()
    assert len(report.snapshot_digest or "") == len(report.raw_digest or "") == 64
    assert report.timestamp == rig.account().last_pass_at
    assert 0 < report.duration_us < 2_000_000
    assert report.history_through is not None


def test_an_account_without_an_opening_is_unknown() -> None:
    """`no_opening`: the exchange holds something, the book states nothing, and that is no discrepancy (I1)."""
    rig = Rig().start().quiet()
    report = rig.reconcile()
    assert (report.status, report.unknown_reason) == (UNKNOWN, UnknownReason.NO_OPENING)
    assert report.discrepancies == ()
    assert report.exchange_balances != ()
    assert rig.account().reason is UnknownReason.NO_OPENING
    assert rig.events(DiscrepancyDetected) == []


def test_the_first_pass_comes_by_itself_and_then_one_every_interval() -> None:
    """A start begins a pass; afterwards one follows each interval, without being asked."""
    rig = Rig(settings=settings_of(["a"], "interval_seconds = 20")).opened()
    rig.host.advance(100)
    times = [one.report.timestamp for one in rig.events(ReconciliationCompleted)]
    assert 5 <= len(times) <= 7
    gaps = [later - earlier for earlier, later in pairwise(times[1:])]
    assert all(20_000_000 <= gap < 22_000_000 for gap in gaps)


def test_asking_while_a_pass_runs_joins_it() -> None:
    """Two askers of one pass get the same report, and the exchange is not read twice for it."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].script.append(1.5)
    passes = len(rig.events(ReconciliationCompleted))
    role = reconciliation_role("a")
    asked = [rig.host.ask(role, ReconcileNow(exchange="a"), timeout_seconds=30) for _ in range(3)]
    rig.host.run_until(lambda: all(one.done() for one in asked))
    first, *others = [one.result() for one in asked]
    assert isinstance(first, ReconciliationReport)
    assert all(one is first for one in others)
    assert len(rig.events(ReconciliationCompleted)) == passes + 1


def test_only_a_read_that_was_asked_for_later_counts_for_a_pass() -> None:
    """A read under way when the pass begins shows an earlier moment: the pass waits for one of its own."""
    rig = Rig(settings=settings_of(["a"], "watch = true\ninterval_seconds = 3600")).opened().quiet()
    world = rig.exchanges["a"]
    world.always = 2.0
    reads = world.reads
    rig.host.run_until(lambda: world.reads > reads)
    asked_at = rig.exchanges["a"].now_us
    report = rig.reconcile()
    assert report.status is MATCHED
    assert report.duration_us > 2_000_000
    assert world.now_us - asked_at > 2_000_000


def test_every_event_follows_its_unit(rig_with_a_loss: Rig) -> None:
    """I3: no event of a report or a discrepancy before the unit that holds it is committed."""
    rig = rig_with_a_loss
    rig.reconcile()
    rig.exchanges["a"].glitch("BTC", "0.5")
    rig.await_event(DiscrepancyResolved, within=60)
    committed: set[object] = set()
    checked = 0
    for what, one in rig.timeline:
        if what == "committed" and isinstance(one, UnitOfWork):
            committed |= {id(one.report)} | {(each.id, each.state) for each in one.discrepancies}
        elif isinstance(one, ReconciliationCompleted):
            assert id(one.report) in committed
            checked += 1
        elif isinstance(one, DiscrepancyDetected | DiscrepancyConfirmed | DiscrepancyResolved):
            assert (one.discrepancy.id, one.discrepancy.state) in committed
            checked += 1
    assert checked >= 5


@pytest.fixture
def rig_with_a_loss() -> Rig:
    """Half a bitcoin is gone, and history does not say why; it is confirmed."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].glitch("BTC", "-0.5")
    rig.await_event(DiscrepancyConfirmed)
    return rig


def test_a_reply_follows_its_unit_too() -> None:
    """Who asked for a pass hears of it once it is on record."""
    rig = Rig().opened().quiet()
    rig.ledger.script.append(5.0)
    asked = rig.host.ask(reconciliation_role("a"), ReconcileNow(exchange="a"), timeout_seconds=30)
    rig.host.run_until(asked.done)
    report = asked.result()
    assert any(unit.report is report for unit in rig.ledger.units)
    assert rig.host.now > 21


def test_a_pass_ends_at_its_deadline() -> None:
    """An exchange that does not answer: unknown at the deadline, not later, with the reason that is known."""
    rig = Rig(settings=settings_of(["a"], "timeout_seconds = 6")).opened().quiet()
    rig.exchanges["a"].always = HANG
    report = rig.reconcile()
    assert report.status is UNKNOWN
    assert report.unknown_reason in {UnknownReason.TIMEOUT, UnknownReason.UNREACHABLE}
    assert report.duration_us <= 8_000_000


def test_a_history_that_hangs_does_not_hold_a_pass_for_ever() -> None:
    """The pass waits for the look into history no longer than its own deadline, and says so."""
    rig = Rig(settings=settings_of(["a"], "timeout_seconds = 5")).opened().quiet()
    rig.exchanges["a"].history_script.append(HANG)
    rig.host.advance(3.5)
    report = rig.reconcile()
    assert report.duration_us <= 5_100_000
    assert (report.status, report.unknown_reason) in {(UNKNOWN, UnknownReason.TIMEOUT), (MATCHED, None)}


def test_a_difference_that_stays_in_doubt_is_undecided_at_the_deadline() -> None:
    """A candidate that the deadline finds unconfirmed leaves the account unknown, never matched and never discrepant."""
    rig = Rig(settings=settings_of(["a"], "timeout_seconds = 1")).opened().quiet()
    rig.exchanges["a"].glitch("USD", "25")
    report = rig.reconcile()
    assert (report.status, report.unknown_reason) == (UNKNOWN, UnknownReason.UNDECIDED)


def test_a_disabled_account_is_never_read() -> None:
    """With `enabled = false` the book works, no gateway is opened, and a pass is unknown (`disabled`) at once."""
    rig = Rig(settings=settings_of(["a"], "enabled = false"))
    rig.start()
    assert rig.state_balances().status == "recorded"
    rig.host.advance(400)
    report = rig.reconcile()
    assert (report.status, report.unknown_reason) == (UNKNOWN, UnknownReason.DISABLED)
    assert rig.exchanges["a"].gateways == []
    assert rig.account().reason is UnknownReason.DISABLED


def test_without_contact_it_is_disabled_too() -> None:
    """A system opened without contact to exchanges reads none, whatever the settings say."""
    rig = Rig().start(contact=False)
    assert rig.reconcile().unknown_reason is UnknownReason.DISABLED
    assert rig.exchanges["a"].gateways == []


def test_a_disabled_account_stays_disabled_when_it_is_resumed() -> None:
    """Resume is recorded, and opens nothing."""
    rig = Rig(settings=settings_of(["a"], "enabled = false")).start()
    assert rig.resume().status == "recorded"
    assert rig.reconcile().unknown_reason is UnknownReason.DISABLED
    assert rig.exchanges["a"].gateways == []


def test_a_standalone_pass_needs_no_waiting_for_late_reports() -> None:
    """A run of its own, to which nobody reports: a difference is settled without the lag, and no second pass follows."""
    rig = Rig(standalone=True).opened().quiet()
    rig.exchanges["a"].glitch("USD", "-300")
    report = rig.reconcile()
    assert (report.status, report.unknown_reason) == (DISCREPANT, None)
    assert report.duration_us < 3_000_000
    rig.host.advance(700)
    assert len(rig.events(ReconciliationCompleted)) <= 3


def test_states_are_kept_on_a_change_and_hourly() -> None:
    """Growth is bounded: a pass over an unchanged account keeps both sides in full once an hour."""
    rig = Rig(settings=settings_of(["a"], "interval_seconds = 600\nwatch = false")).opened().quiet()
    rig.host.advance(2 * 3600)
    full = [unit for unit in rig.ledger.units if unit.report is not None and unit.full_states]
    plain = [unit for unit in rig.ledger.units if unit.report is not None and not unit.full_states]
    assert 2 <= len(full) <= 4
    assert len(plain) >= 8
    rig.fill("T1")
    rig.host.advance(5)
    rig.reconcile()
    assert next(unit for unit in reversed(rig.ledger.units) if unit.report is not None).full_states


def test_without_watching_it_reads_in_passes_alone() -> None:
    """`watch = false`: between passes the exchange is left alone."""
    rig = Rig(settings=settings_of(["a"], "watch = false\ninterval_seconds = 100")).opened().quiet()
    world = rig.exchanges["a"]
    reads, looks = world.reads, len(world.looks)
    rig.host.advance(60)
    assert (world.reads, len(world.looks)) == (reads, looks)
    assert rig.account().reason in {None, UnknownReason.NO_OPENING}
    assert rig.reconcile().status is MATCHED
