"""An exchange whose history names nothing: it is neither asked for nor waited for, and reads alone decide."""

from __future__ import annotations

from dataclasses import replace

from actor_exchange import FACTS
from actor_rig import Rig

from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.messages import DiscrepancyConfirmed


def without_history() -> Rig:
    """A rig whose adapter declares that it has no history."""
    rig = Rig()
    rig.exchanges["a"].facts = replace(FACTS, has_history=False)
    return rig.opened().quiet()


def test_a_pass_does_not_wait_for_a_history_that_there_is_not() -> None:
    """A pass ends with its read, its report says that no history was seen, and the exchange was never asked for it."""
    rig = without_history()
    rig.fill("T1")
    report = rig.reconcile(timeout=15)
    assert report.status is ReconciliationStatus.MATCHED
    assert report.history_through is None
    rig.host.advance(60)
    assert rig.exchanges["a"].looks == []


def test_a_missed_fill_is_confirmed_by_reads_alone() -> None:
    """What the book lacks is confirmed by the reads that agree, without a cause and without evidence."""
    rig = without_history()
    rig.fill("T9", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    assert {one.cause for one in rig.ledger.known.values()} == {"unexplained"}
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.DISCREPANT
    assert rig.exchanges["a"].looks == []


def test_an_account_that_is_paused_and_resumed_goes_on_without_history() -> None:
    """Every pass ends, also the one that a resumed account begins with."""
    rig = without_history()
    rig.pause()
    rig.resume()
    assert rig.reconcile(timeout=15).status is ReconciliationStatus.MATCHED
