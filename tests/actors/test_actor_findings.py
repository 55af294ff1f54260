"""What a reconciliation actor finds: missed fills, glitches, their prices and their ends, and nothing that is not there."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from actor_exchange import failure
from actor_rig import PRICES, Rig, settings_of

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.discrepancy import Kind, Severity, State
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import DiscrepancyConfirmed, DiscrepancyDetected, DiscrepancyResolved

TARGET_SECONDS = 5.0


def confirmed(rig: Rig, name: str = "a") -> dict[str, str]:
    """Currency and difference of what was confirmed."""
    found = [one.discrepancy for one in rig.events(DiscrepancyConfirmed, name)]
    return {f"{one.currency}.{one.field}": f"{one.difference.normalize():f}" for one in found}


def await_cause(rig: Rig, cause: str, within: float) -> None:
    """Runs until everything that is open is confirmed and has that cause."""

    def named() -> bool:
        known = [one for one in rig.ledger.known.values() if one.state.is_open]
        told = {one.discrepancy.id for one in rig.events(DiscrepancyConfirmed)}  # said after it is written
        return bool(known) and all(one.state.is_confirmed and one.cause == cause and one.id in told for one in known)

    rig.host.run_until(named, limit_seconds=within)


@pytest.mark.parametrize("seed", range(8))
def test_a_missed_fill_is_named_by_history_in_time(seed: int) -> None:
    """A fill that was not reported is confirmed within the target, by its id and cause, in every currency that it moved."""
    rig = Rig(seed=seed).opened().quiet()
    for number in range(3):
        rig.fill(f"T{number}")
        rig.host.advance(1.3)
    rig.fill("T9", told=False)
    happened = rig.host.now
    rig.await_event(DiscrepancyConfirmed, count=2)
    await_cause(rig, "missed_fill", TARGET_SECONDS)
    assert rig.host.now - happened <= TARGET_SECONDS
    assert confirmed(rig) == {"BTC.total": "0.1", "USD.total": "-6006"}
    for one in rig.ledger.known.values():
        assert (one.cause, one.evidence, one.state, one.episode) == ("missed_fill", ("T9",), State.CONFIRMED, 1)
        assert one.explained == one.difference
        assert one.severity is Severity.ERROR


@pytest.mark.parametrize("seed", range(8))
def test_a_glitch_that_nobody_names_takes_two_reads(seed: int) -> None:
    """Without a name in history a difference is confirmed by reads that agree, within the target and not from one read."""
    rig = Rig(seed=seed).opened().quiet()
    world = rig.exchanges["a"]
    reads, happened = world.reads, rig.host.now
    world.glitch("USD", "-250")
    event = rig.await_event(DiscrepancyConfirmed)
    assert rig.host.now - happened <= TARGET_SECONDS
    assert world.reads - reads >= 2
    assert (event.discrepancy.cause, event.discrepancy.evidence) == ("unexplained", ())
    assert event.discrepancy.kind is Kind.MISMATCH
    (detected,) = rig.events(DiscrepancyDetected)
    assert detected.discrepancy.state is State.CANDIDATE
    assert detected.discrepancy.id == event.discrepancy.id == "a:spot:USD:total:1"


def test_one_bad_read_is_no_finding() -> None:
    """A single answer that differs, with true ones around it, confirms nothing and leaves nothing open."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].script.append(
        lambda snapshot: replace(
            snapshot,
            digest="0" * 64,
            balances={key: replace(one, total=one.total + 1) for key, one in snapshot.balances.items()},
        )
    )
    rig.host.advance(20)
    assert rig.events(DiscrepancyConfirmed) == []
    assert rig.account().open == ()
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


@pytest.mark.parametrize("seed", range(8))
def test_a_late_report_is_no_finding(seed: int) -> None:
    """A report up to the stated lateness after its fill raises no alarm, however often it happens."""
    rig = Rig(seed=seed).opened().quiet()
    for number in range(25):
        report = rig.fill(f"T{number}", told=False)
        rig.host.advance(1.9)
        rig.record(report)
        rig.host.advance(0.4)
    rig.host.advance(10)
    assert rig.events(DiscrepancyConfirmed) == []
    assert rig.account().open == ()
    assert rig.account().reason is None


@pytest.mark.parametrize("seed", range(4))
def test_honest_trading_is_never_a_finding(seed: int) -> None:
    """Fast honest trading with reads in between: every read is decided, nothing is even a candidate for long."""
    rig = Rig(seed=seed).opened().quiet()
    for number in range(200):
        rig.exchanges["a"].fill(f"T{number}", "buy" if number % 2 else "sell", "0.01", "60000", "6")
        rig.host.tell("portfolio", rig.fill_report(f"T{number}", side="buy" if number % 2 else "sell", quantity="0.01"))
        rig.host.advance(0.11)
    rig.host.advance(6)
    assert rig.events(DiscrepancyConfirmed) == []
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_a_late_original_resolves_what_was_confirmed() -> None:
    """When the forgotten report is made after all, the discrepancy is resolved, and a new loss is a new episode."""
    rig = Rig().opened().quiet()
    report = rig.fill("T1", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.record(report)
    rig.await_event(DiscrepancyResolved, count=2)
    assert rig.account().open == ()
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    rig.fill("T2", told=False)
    rig.await_event(DiscrepancyConfirmed, count=4)
    assert {one.discrepancy.episode for one in rig.events(DiscrepancyConfirmed)[2:]} == {2}


def test_a_movement_that_only_the_ids_betray_is_found() -> None:
    """The book took the deposit under another id: balances agree, and history finds the id that the book lacks."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].move("M1", {"USD": "40"})
    rig.record(rig.transfer("X1", "40"))
    event = rig.await_event(DiscrepancyConfirmed, within=20)
    assert (event.discrepancy.field, event.discrepancy.cause) == (Field.MOVEMENT, "missed_deposit")
    assert event.discrepancy.evidence == ("M1",)


@pytest.mark.parametrize(
    ("type_", "amount", "cause"),
    [
        (MovementType.TRANSFER, "-700", "missed_withdrawal"),
        (MovementType.TRANSFER, "700", "missed_deposit"),
        (MovementType.REWARD, "12", "missed_reward"),
        (MovementType.FEE, "-12", "missed_fee"),
    ],
)
def test_the_cause_is_named(type_: MovementType, amount: str, cause: str) -> None:
    """What history lists names the cause."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].move("M1", {"USD": amount}, type_)
    await_cause(rig, cause, TARGET_SECONDS)
    assert confirmed(rig) == {"USD.total": amount}


@pytest.mark.parametrize("seed", range(4))
def test_a_second_loss_is_told_while_the_first_stands(seed: int) -> None:
    """Behind an open discrepancy no other loss of the currency passes in silence; what merely stands is told once."""
    rig = Rig(seed=seed).opened().quiet()
    rig.exchanges["a"].glitch("USD", "-250")
    rig.await_event(DiscrepancyConfirmed)
    for number in range(10):
        rig.fill(f"T{number}")
        rig.host.advance(1)
    assert len(rig.events(DiscrepancyConfirmed)) == 1
    rig.exchanges["a"].glitch("USD", "-4000")
    happened = rig.host.now
    second = rig.await_event(DiscrepancyConfirmed, count=2)
    assert rig.host.now - happened <= TARGET_SECONDS
    rig.host.advance(10)
    assert len(rig.events(DiscrepancyConfirmed)) == 2
    first = rig.events(DiscrepancyConfirmed)[0]
    assert (first.discrepancy.difference, second.discrepancy.difference) == (Decimal(-250), Decimal(-4250))
    assert first.discrepancy.id == second.discrepancy.id
    assert first.at < second.at


def test_a_currency_that_nobody_stated_is_missing_locally() -> None:
    """The exchange holds what the book has never heard of."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].glitch("ETH", "1")
    event = rig.await_event(DiscrepancyConfirmed)
    assert event.discrepancy.kind is Kind.MISSING_LOCAL
    assert event.discrepancy.local == 0


def test_a_whole_balance_that_is_gone_needs_fresh_connections_and_time() -> None:
    """What a theft looks like is what a bad answer looks like: unknown first, confirmed after ten seconds of agreement."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.holdings["BTC"] = Decimal(0)
    rig.host.advance(6)
    assert rig.account().reason is UnknownReason.SUDDEN_DISAPPEARANCE
    assert rig.events(DiscrepancyConfirmed) == []
    event = rig.await_event(DiscrepancyConfirmed, within=20)
    assert event.discrepancy.kind is Kind.MISSING_EXCHANGE
    assert world.fresh_reads > 0
    assert rig.reconcile().status is ReconciliationStatus.DISCREPANT


def test_without_a_price_a_difference_is_a_warning_and_a_ticker_lowers_it() -> None:
    """Unpriced is never small; once a ticker says that it is small, it is info, and the change is on record."""
    rig = Rig(settings=settings_of(["a"], valuation="")).opened().quiet()
    world = rig.exchanges["a"]
    world.price_script.append(failure(FailureClass.TRANSIENT))
    world.quotes["BTC"] = "60000"
    world.glitch("BTC", "0.0001")
    event = rig.await_event(DiscrepancyConfirmed)
    assert (event.discrepancy.severity, event.discrepancy.value_usd) == (Severity.WARNING, None)
    for _ in range(30):
        rig.host.advance(1)
        (one,) = rig.account().open
        if one.severity is Severity.INFO:
            break
    assert (one.value_usd, one.price_source) == (Decimal(6), "ticker")
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.MATCHED
    assert [each.id for each in report.discrepancies] == [one.id]
    rig.host.advance(2)
    assert rig.ledger.of_kind("discrepancy.updated")[-1].body["severity"] == "info"


def test_without_tickers_it_stays_unpriced() -> None:
    """`tickers = false`: nobody is asked."""
    rig = Rig(settings=settings_of(["a"], valuation="tickers = false")).opened().quiet()
    rig.exchanges["a"].quotes["BTC"] = "60000"
    rig.exchanges["a"].glitch("BTC", "0.0001")
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(20)
    assert rig.account().open[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("amount", "severity"), [("9.99", Severity.INFO), ("10", Severity.WARNING), ("1000", Severity.ERROR)]
)
def test_severity_follows_the_value(amount: str, severity: Severity) -> None:
    """Below the threshold info, from it on a warning, from a hundred times it an error."""
    rig = Rig(settings=settings_of(["a"], 'threshold_usd = "10.0"', valuation=PRICES)).opened().quiet()
    rig.exchanges["a"].glitch("USD", amount)
    assert rig.await_event(DiscrepancyConfirmed).discrepancy.severity is severity
    expected = ReconciliationStatus.MATCHED if severity is Severity.INFO else ReconciliationStatus.DISCREPANT
    assert rig.reconcile().status is expected


def test_a_watermark_settles_at_once() -> None:
    """A trading process that says how far it has reported need not be waited for."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].glitch("USD", "-250")
    started = rig.host.now
    for _ in range(40):
        rig.host.advance(0.1)
        rig.record(rig.watermark())
        if rig.events(DiscrepancyConfirmed):
            break
    assert rig.host.now - started < 3.0


def test_a_watermark_that_stands_still_delays_an_unnamed_finding() -> None:
    """A silent feed is told from a quiet one: behind an old watermark a glitch is confirmed late, but it is confirmed."""
    rig = Rig().opened().quiet()
    rig.record(rig.watermark())
    rig.host.advance(1)
    happened = rig.host.now
    rig.exchanges["a"].glitch("USD", "-250")
    rig.await_event(DiscrepancyConfirmed, within=60)
    assert 10 < rig.host.now - happened < 45


def test_matched_reads_fold_into_one_entry_a_minute() -> None:
    """Watching leaves one entry a minute: count, first and last time, and a rolling hash."""
    rig = Rig(settings=settings_of(["a"], "interval_seconds = 3600")).opened().quiet()
    rig.host.advance(300)
    folds = rig.ledger.of_kind("watch.matched")
    assert 4 <= len(folds) <= 6
    for one in folds:
        assert set(one.body) == {"count", "first_at", "last_at", "rolling_hash"}
        assert isinstance(one.body["count"], int)
        assert 40 <= one.body["count"] <= 75
        assert len(str(one.body["rolling_hash"])) == 64


def test_a_stop_writes_the_fold_in_hand() -> None:
    """The matched reads of a minute that is cut short are on record too."""
    rig = Rig(settings=settings_of(["a"], "interval_seconds = 3600")).opened().quiet()
    assert rig.host.stop() == ()
    (fold,) = rig.ledger.of_kind("watch.matched")
    assert fold.body["count"] in range(2, 20)


def test_observing_writes_no_movement_but_what_was_reported() -> None:
    """I9: whatever is found, the book's rows are the reports and nothing else."""
    rig = Rig().opened().quiet()
    rig.fill("T1")
    rig.fill("T2", told=False)
    rig.exchanges["a"].glitch("USD", "-100")
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.reconcile()
    rig.host.advance(120)
    rig.host.stop()
    assert [row.movement.type for row in rig.ledger.rows["a"]] == [MovementType.STATEMENT, MovementType.FILL]
    assert {row.kind for unit in rig.ledger.units for row in unit.outbox} == {"alert"}


def test_no_leaf_holds_an_amount() -> None:
    """I7: what stays in the log for ever names ids, kinds and hashes; amounts are in the erasable payload alone."""
    rig = Rig(holdings={"BTC": "2.718281", "USD": "31415.92653"}).opened().quiet()
    rig.fill("T1", quantity="0.161803")
    rig.fill("T2", quantity="0.141421", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.reconcile()
    rig.host.stop()
    bodies = " ".join(repr(dict(one.body)) for one in rig.ledger.entries)
    for digits in ("718281", "31415", "161803", "141421", "9708", "8485"):
        assert digits not in bodies
    assert any("161803" in repr(one.payload) for one in rig.ledger.entries)
