"""Repairs that need nobody: what is posted by itself, on which evidence, and that the next read proves it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from actor_exchange import failure
from actor_recovery import RECOVER, adjusted, agrees, armed, await_state, states, suspense
from actor_rig import Rig, settings_of

from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import (
    AdjustmentProposed,
    ApprovalRequested,
    CloseOrder,
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    OpenOrder,
    PortfolioAdjusted,
    SetBalances,
)
from reconcile_actors.messages.records import StatedBalance

RESOLVED = {State.RESOLVED}


@pytest.mark.parametrize("seed", range(8))
def test_a_missed_fill_is_backfilled(seed: int) -> None:
    """The fill that history names is posted under its own id, both legs at once, and the next read proves it."""
    rig = armed(seed)
    rig.fill("T1")
    rig.fill("T9", told=False)
    adjustment = rig.await_event(PortfolioAdjusted).adjustment
    assert (adjustment.action, adjustment.decided_by) == (Action.BACKFILL, "policy")
    assert {(line.id, line.currency, f"{line.amount.normalize():f}") for line in adjustment.lines} == {
        ("T9", "BTC", "0.1"),
        ("T9", "USD", "-6006"),
    }
    rig.host.advance(6)
    assert agrees(rig)
    assert set(states(rig).values()) == RESOLVED
    assert [one.adjustment.id for one in rig.events(AdjustmentProposed)] == [adjustment.id]
    assert rig.events(ApprovalRequested) == []
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_all_of_a_repair_is_one_unit() -> None:
    """I3: rows, both audit entries, the discrepancies as they stand and the message to the trading process commit together."""
    rig = armed()
    rig.fill("T9", told=False)
    rig.await_event(PortfolioAdjusted)
    (unit,) = [one for one in rig.ledger.units if any(entry.kind == "adjustment.posted" for entry in one.entries)]
    (adjustment,) = adjusted(rig)
    assert [row.movement.id for row in unit.rows] == ["T9"]
    assert {one.state for one in unit.discrepancies} == {State.REPAIRING}
    assert {one.id for one in unit.discrepancies} == set(adjustment.discrepancies)
    assert [one.kind for one in unit.outbox] == ["adjustment", "alert"]
    (entry,) = unit.entries
    assert entry.body["movements"] == ["T9"]
    assert entry.payload is not None
    sides = {one["id"]: one for one in entry.payload["discrepancies"]}
    assert sides["a:spot:BTC:total:1"] == {
        "id": "a:spot:BTC:total:1",
        "local": "2",
        "exchange": "2.1",
        "difference": "0.1",
    }
    assert "6006" not in str(entry.body)


@pytest.mark.parametrize("seed", range(8))
def test_a_late_original_counts_once(seed: int) -> None:
    """The report that comes after the repair is a duplicate: also one whose amounts the exchange had rounded."""
    rig = armed(seed)
    report = rig.fill("T9", told=False)
    rig.await_event(PortfolioAdjusted)
    version = rig.portfolio().version
    assert rig.record(report).status == "duplicate"
    assert rig.record(report.model_copy(update={"order_id": "O-OF-THE-EXCHANGE"})).status == "duplicate"
    rig.host.advance(5)
    assert rig.portfolio().version == version
    assert rig.account().reason is None
    assert agrees(rig)


def test_a_late_original_with_other_content_is_refused_and_leaves_no_doubt() -> None:
    """The exchange's own word stands in the book: a report that contradicts it changes nothing, and the account stays known."""
    rig = armed()
    report = rig.fill("T9", told=False)
    rig.await_event(PortfolioAdjusted)
    answer = rig.record(report.model_copy(update={"quantity": Decimal("0.2")}))
    assert (answer.status, answer.reason) == ("refused", "conflict")
    rig.host.advance(5)
    assert rig.account().reason is None
    assert agrees(rig)


def test_an_order_is_released_once() -> None:
    """A backfilled fill releases its part of the order's lock as its report would, and the late report does not do it again."""
    rig = armed()
    world = rig.exchanges["a"]
    opened = OpenOrder(
        exchange="a",
        order_id="O-OF-THE-EXCHANGE",
        symbol="BTC/USD",
        side="buy",
        quantity="0.4",
        price="60000",
        occurred_at=rig.host.clock.utc(),
    )
    balances = (
        StatedBalance(currency="BTC", total="2", locked="0"),
        StatedBalance(currency="USD", total="50000", locked="0"),
    )
    assert rig.record(SetBalances(exchange="a", version=2, balances=balances)).status == "recorded"
    assert rig.record(opened).status == "recorded"
    world.locked["USD"] = Decimal(24000)
    rig.host.advance(10)
    report = rig.fill("T9", told=False)
    world.locked["USD"] = Decimal(18000)
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(10)
    assert set(states(rig).values()) == RESOLVED
    late = report.model_copy(update={"order_id": "O-OF-THE-EXCHANGE"})
    assert rig.record(late).status == "duplicate"
    locked = {one.currency: one.locked for one in rig.portfolio().balances}
    assert locked["USD"] == Decimal(18000)
    world.locked["USD"] = Decimal(0)
    assert rig.record(CloseOrder(exchange="a", order_id="O-OF-THE-EXCHANGE")).status == "recorded"
    rig.host.advance(10)
    assert rig.account().open == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_small_remainder_is_adopted(seed: int) -> None:
    """What nothing explains is adopted within the limit, once, and stands in suspense."""
    rig = armed(seed)
    rig.exchanges["a"].glitch("USD", "-7")
    adjustment = rig.await_event(PortfolioAdjusted).adjustment
    assert adjustment.action is Action.ADOPT
    assert [(line.id, line.type, f"{line.amount:f}") for line in adjustment.lines] == [(None, "adjustment", "-7")]
    rig.host.advance(6)
    assert set(states(rig).values()) == RESOLVED
    assert suspense(rig) == {"USD": "-7"}
    assert agrees(rig)
    assert len(rig.events(DiscrepancyConfirmed)) == 1
    (one,) = rig.portfolio().suspense
    assert one.adjustment == adjustment.id
    assert one.cut_at < rig.exchanges["a"].now_at


def test_what_is_explained_but_for_little_is_backfilled_and_adopted() -> None:
    """A missed fill whose fee was a little more than history says: the fill under its id, the rest into suspense."""
    rig = armed()
    rig.fill("T9", told=False)
    rig.exchanges["a"].glitch("USD", "-3")
    adjustment = rig.await_event(PortfolioAdjusted).adjustment
    assert adjustment.action is Action.BACKFILL
    assert [(line.id, f"{line.amount.normalize():f}") for line in adjustment.lines] == [
        ("T9", "0.1"),
        ("T9", "-6006"),
        (None, "-3"),
    ]
    rig.host.advance(6)
    assert agrees(rig)
    assert suspense(rig) == {"USD": "-3"}


@pytest.mark.parametrize("seed", range(8))
def test_a_late_original_of_what_was_adopted_is_netted(seed: int) -> None:
    """Its own time lies before the cut, so it is in the book already: it is recorded, taken back, and leaves suspense."""
    rig = armed(seed)
    report = rig.transfer("W1", "-7")
    rig.exchanges["a"].glitch("USD", "-7")
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(6)
    assert rig.record(report).status == "recorded"
    assert suspense(rig) == {}
    assert agrees(rig)
    rig.host.advance(10)
    assert agrees(rig)
    assert rig.account().open == ()
    assert rig.record(report).status == "duplicate"
    adoption, counter = adjusted(rig)
    assert counter.reason == "told_after_all"
    assert [f"{line.amount:f}" for line in counter.lines] == ["7"]
    assert counter.id.startswith(adoption.id)
    kinds = [row.movement.type for row in rig.ledger.rows["a"]][-3:]
    assert kinds == [MovementType.ADJUSTMENT, MovementType.TRANSFER, MovementType.ADJUSTMENT]


def test_what_happens_after_the_cut_is_not_netted() -> None:
    """Suspense takes back only what it holds: a later movement of the same amount is one of its own."""
    rig = armed()
    rig.exchanges["a"].glitch("USD", "-7")
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(6)
    rig.exchanges["a"].move("W2", {"USD": "-7"})
    assert rig.record(rig.transfer("W2", "-7")).status == "recorded"
    rig.host.advance(10)
    assert suspense(rig) == {"USD": "-7"}
    assert agrees(rig)
    assert rig.account().open == ()


def test_history_that_comes_late_names_what_was_adopted() -> None:
    """The id is booked under its own name, changes no balance, and takes the adoption out of suspense."""
    rig = armed()
    world = rig.exchanges["a"]
    hidden = world.move("W1", {"USD": "-7"})
    world.movements.remove(hidden)
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(6)
    assert suspense(rig) == {"USD": "-7"}
    world.movements.append(hidden)
    rig.await_event(PortfolioAdjusted, count=2)
    rig.host.advance(10)
    assert suspense(rig) == {}
    assert agrees(rig)
    assert set(states(rig).values()) == RESOLVED
    assert [row.movement.id for row in rig.ledger.rows["a"]].count("W1") == 1


def test_the_same_loss_twice_is_two_repairs() -> None:
    """I10: an id holds the episode, so a second loss of the same amount is repaired again."""
    rig = armed()
    for count in (1, 2):
        rig.exchanges["a"].glitch("USD", "-7")
        rig.await_event(PortfolioAdjusted, count=count)
        rig.host.advance(10)
    first, second = adjusted(rig)
    assert first.id != second.id
    assert suspense(rig) == {"USD": "-14"}
    assert set(states(rig)) == {"USD:total:1", "USD:total:2"}


def test_a_report_that_comes_first_wins() -> None:
    """What the trading process told before the repair was posted is left out; the repair is superseded and nothing is posted."""
    rig = armed()
    report = rig.fill("T9", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    assert rig.record(report).status == "recorded"
    rig.host.advance(12)
    assert adjusted(rig) == []
    assert set(states(rig).values()) == RESOLVED
    assert agrees(rig)


def test_a_restatement_supersedes_a_repair() -> None:
    """What is stated anew needs no repair."""
    rig = armed()
    rig.exchanges["a"].glitch("USD", "-700")
    await_state(rig, "USD:total:1", State.AWAITING_APPROVAL)
    assert rig.state_balances(version=2).status == "recorded"
    rig.host.advance(10)
    assert adjusted(rig) == []
    assert set(states(rig).values()) == RESOLVED


def test_while_history_fails_nothing_is_posted() -> None:
    """Without the exchange's own word no difference is adopted, however small; once it answers the repair is made."""
    rig = armed()
    world = rig.exchanges["a"]
    world.history_always = failure(FailureClass.TRANSIENT)
    rig.host.advance(5)
    world.glitch("USD", "-7")
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(40)
    assert adjusted(rig) == []
    world.history_always = None
    rig.host.advance(30)
    assert len(adjusted(rig)) == 1
    assert agrees(rig)


def test_while_the_account_is_unknown_nothing_is_posted() -> None:
    """A gap in the book, or an exchange that cannot be read: no repair on evidence that is not good."""
    rig = armed()
    world = rig.exchanges["a"]
    world.glitch("USD", "-700")
    await_state(rig, "USD:total:1", State.AWAITING_APPROVAL)
    world.fill("T9", "buy", "0.1", "60000", "6")
    world.always = failure(FailureClass.TRANSIENT)
    rig.host.advance(60)
    assert rig.account().reason is not None
    assert adjusted(rig) == []


def test_a_disappearance_is_not_repaired_before_it_is_certain() -> None:
    """All of a small holding gone in one answer: nothing is posted unless reads on fresh connections agree."""
    rig = armed(valuation='prices = {BTC = "1", USD = "1"}')
    world = rig.exchanges["a"]

    def without(snapshot: Snapshot) -> Snapshot:
        rows = {key: one for key, one in snapshot.balances.items() if key[1] != "BTC"}
        return replace(snapshot, balances=rows, digest="0" * 64)

    world.script.extend([without, without])
    rig.host.advance(30)
    assert adjusted(rig) == []
    assert agrees(rig)


def test_repairs_end_with_the_run_armed_or_not() -> None:
    """A second process that is not armed on the same store posts nothing, and still nets what was adopted."""
    rig = armed()
    report = rig.transfer("W1", "-7")
    rig.exchanges["a"].glitch("USD", "-7")
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(6)
    rig.host.stop()
    again = rig.restarted()
    again.armed = False
    again.start().quiet()
    assert suspense(again) == {"USD": "-7"}
    assert again.record(report).status == "recorded"
    assert suspense(again) == {}
    again.exchanges["a"].glitch("USD", "-3")
    again.host.advance(30)
    assert len(adjusted(again)) == 2  # the adoption, told again, and its counter entry


def test_a_report_on_another_leg_delays_nothing() -> None:
    """Reports keep coming while a repair is decided: it is posted all the same, because they are later than the cut."""
    rig = armed()
    rig.exchanges["a"].glitch("USD", "-7")
    for number in range(200):
        rig.fill(f"T{number}", quantity="0.001", side="buy" if number % 2 else "sell")
        rig.host.advance(0.1)
    rig.host.advance(6)
    assert len(adjusted(rig)) == 1
    assert agrees(rig)
    assert set(states(rig).values()) == RESOLVED


def alone() -> Rig:
    """A single run beside no trading process, as `once --arm` makes it, on a store whose book was told before."""
    rig = Rig(settings=settings_of(["a"], RECOVER), armed=True).opened()
    rig.host.stop()
    again = rig.restarted()
    again.standalone = True
    return again


def test_a_single_pass_repairs_and_proves() -> None:
    """`once --arm` ends with the account repaired: the report is that of the proof."""
    rig = alone()
    rig.host.advance(5)
    rig.exchanges["a"].fill("T9", "buy", "0.1", "60000", "6")
    report = rig.start().reconcile()
    assert report.status is ReconciliationStatus.MATCHED
    assert agrees(rig)
    assert len(adjusted(rig)) == 1
    assert set(states(rig).values()) == RESOLVED


def test_a_single_pass_says_what_waits_for_a_person() -> None:
    """What is too large waits for an approval in the report, for the exit code to say so."""
    rig = alone()
    rig.exchanges["a"].glitch("USD", "-700")
    report = rig.start().reconcile()
    assert report.status is ReconciliationStatus.DISCREPANT
    assert [one.state for one in report.discrepancies] == [State.AWAITING_APPROVAL]
    assert report.duration_us < 10_000_000


@pytest.mark.parametrize("seed", range(6))
def test_another_loss_before_the_proof_is_another_loss(seed: int) -> None:
    """A second fill is missed before a read has proved the repair of the first: the first is resolved, the second has an episode
    of its own, and both are repaired without anybody."""
    rig = armed(seed)
    rig.fill("T8", told=False)
    rig.host.run_until(lambda: "adjustment.proposed" in rig.ledger.kinds(), limit_seconds=30)
    rig.exchanges["a"].always = 4.0  # every read takes its time
    rig.fill("T9", told=False)
    rig.host.advance(10)
    rig.exchanges["a"].always = None
    rig.host.advance(40)
    assert agrees(rig)
    assert rig.events(ApprovalRequested) == []
    assert set(states(rig).values()) == RESOLVED
    assert {line.id for one in adjusted(rig) for line in one.lines} == {"T8", "T9"}
    assert "BTC:total:2" in states(rig)


@pytest.mark.parametrize("seed", range(4))
def test_one_id_of_two_symbols_is_backfilled_twice(seed: int) -> None:
    """Exchanges may number the fills of each symbol for themselves: the second is no repetition of the first."""
    rig = armed(seed)
    rig.exchanges["a"].fill("7", "buy", "0.1", "60000", "6")
    rig.await_event(PortfolioAdjusted)
    rig.await_event(DiscrepancyResolved)
    rig.exchanges["a"].fill("7", "buy", "0.05", "3000", "1", symbol="ETH/USD")
    rig.host.advance(12)
    assert [line.currency for one in adjusted(rig) for line in one.lines] == ["BTC", "USD", "ETH", "USD"]
    assert agrees(rig)
