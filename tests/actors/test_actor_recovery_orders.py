"""What waits for a person, and what people may decide: approve, reject, override, ignore; each once, on record, with who it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from actor_exchange import failure
from actor_recovery import acknowledge, adjusted, agrees, armed, await_state, order, states, suspense
from actor_rig import Rig

from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.discrepancy import Severity, State
from reconcile_actors.domain.ledger import UnitOfWork
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import (
    AdjustmentProposed,
    ApprovalRequested,
    DiscrepancyConfirmed,
    PortfolioAdjusted,
    SetBalances,
)
from reconcile_actors.messages.records import StatedBalance

USD = "USD:total:1"


def held(amount: str = "-700", seed: int = 0) -> Rig:
    """A loss that is too large to adopt without asking."""
    rig = armed(seed)
    rig.exchanges["a"].glitch("USD", amount)
    await_state(rig, USD, State.AWAITING_APPROVAL)
    rig.host.advance(1)
    return rig


def unit_of(rig: Rig, kind: str) -> UnitOfWork:
    """The one unit that holds an entry of a kind."""
    (unit,) = [one for one in rig.ledger.units if any(entry.kind == kind for entry in one.entries)]
    return unit


@pytest.mark.parametrize("seed", range(4))
def test_a_large_loss_waits_for_a_person(seed: int) -> None:
    """It is asked for once, with what would be posted; nothing is posted meanwhile, however long it takes."""
    rig = held(seed=seed)
    rig.host.advance(120)
    (asked,) = rig.events(ApprovalRequested)
    assert (asked.discrepancy.id, asked.reason) == (f"a:spot:{USD}", "too_large")
    (proposed,) = rig.events(AdjustmentProposed)
    assert [f"{line.amount:f}" for line in proposed.adjustment.lines] == ["-700"]
    assert proposed.adjustment.posted_at is None
    assert adjusted(rig) == []
    assert states(rig) == {USD: State.AWAITING_APPROVAL}


def test_an_approval_adopts_all_of_it() -> None:
    """A person decided, so the size is no matter; who it was stands in the same unit as what was posted."""
    rig = held()
    assert order(rig, "approve", USD) == "recorded"
    rig.host.advance(6)
    (adjustment,) = adjusted(rig)
    assert (adjustment.action, adjustment.decided_by) == (Action.ADOPT, "alice")
    assert agrees(rig)
    assert suspense(rig) == {"USD": "-700"}
    assert states(rig) == {USD: State.RESOLVED}
    unit = unit_of(rig, "resolution.approved")
    assert [one.kind for one in unit.entries] == ["resolution.approved", "adjustment.posted"]
    body = unit.entries[0].body
    assert (body["actor"], body["claimed_by"], body["reason"]) == ("alice", "Alice", "a test")
    assert order(rig, "approve", USD) == "unknown_discrepancy"  # over: the door names its state


def test_who_is_not_proved_is_not_named() -> None:
    """A name that somebody gave is recorded as claimed, and decides nothing by itself."""
    rig = held()
    assert order(rig, "approve", USD, actor=None) == "recorded"
    (adjustment,) = adjusted(rig)
    assert adjustment.decided_by == "unproven"


def test_the_same_order_twice_is_done_once() -> None:
    """I10: approving what is being repaired says so, and posts nothing more."""
    rig = held()
    assert order(rig, "approve", USD) == "recorded"
    assert order(rig, "approve", USD) in {"duplicate", "unknown_discrepancy"}
    rig.host.advance(10)
    assert len(adjusted(rig)) == 1


def test_a_rejection_is_remembered_until_the_difference_changes() -> None:
    """It stays confirmed and is not asked for again, over a restart too; another amount is another question."""
    rig = held()
    assert order(rig, "reject", USD) == "recorded"
    assert order(rig, "reject", USD) == "duplicate"
    assert states(rig) == {USD: State.CONFIRMED}
    assert order(rig, "approve", USD) == "state_confirmed"
    rig.host.advance(60)
    rig.host.stop()
    rig = rig.restarted().start().quiet(60)
    assert states(rig) == {USD: State.CONFIRMED}
    assert rig.events(ApprovalRequested) == []
    rig.exchanges["a"].glitch("USD", "-50")
    await_state(rig, USD, State.AWAITING_APPROVAL)
    (asked,) = rig.events(ApprovalRequested)
    assert f"{asked.discrepancy.difference:f}" == "-750"


def test_a_rejected_repair_may_still_be_ordered() -> None:
    """A person may come to another decision."""
    rig = held()
    assert order(rig, "reject", USD) == "recorded"
    assert order(rig, "adopt", USD) == "recorded"
    rig.host.advance(6)
    assert states(rig) == {USD: State.RESOLVED}
    assert unit_of(rig, "resolution.overridden").entries[0].body["action"] == "adopt"


def test_what_is_ignored_is_expected() -> None:
    """Reads that show just it are matched; another amount on the leg is another discrepancy, of all of it."""
    rig = held()
    assert order(rig, "ignore", USD) == "recorded"
    assert order(rig, "ignore", USD) == "duplicate"
    for number in range(20):
        rig.fill(f"T{number}", quantity="0.01")
        rig.host.advance(0.5)
    rig.host.advance(10)
    assert rig.account().open == ()
    assert rig.account().reason is None
    assert rig.reconcile().discrepancies == ()
    assert order(rig, "approve", USD) == "state_ignored"
    rig.host.stop()
    rig = rig.restarted().start().quiet(40)
    assert rig.account().open == ()
    assert states(rig) == {USD: State.IGNORED}
    rig.exchanges["a"].glitch("USD", "-50")
    await_state(rig, "USD:total:2", State.AWAITING_APPROVAL)
    assert states(rig)[USD] is State.RESOLVED
    assert f"{rig.ledger.known['a:spot:USD:total:2'].difference:f}" == "-750"
    assert adjusted(rig) == []


def test_what_is_ignored_and_goes_is_over() -> None:
    """When both sides agree again there is nothing left to ignore."""
    rig = held()
    assert order(rig, "ignore", USD) == "recorded"
    rig.exchanges["a"].glitch("USD", "700")
    await_state(rig, USD, State.RESOLVED)


def test_beside_what_is_ignored_a_missed_fill_is_repaired() -> None:
    """An ignored glitch on one currency keeps no other repair from being made."""
    rig = armed()
    rig.exchanges["a"].glitch("ETH", "5")
    await_state(rig, "ETH:total:1", State.AWAITING_APPROVAL)
    assert order(rig, "ignore", "ETH:total:1") == "recorded"
    rig.fill("T9", told=False)
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(8)
    assert states(rig)["BTC:total:1"] is State.RESOLVED
    assert rig.account().open == ()


def test_locks_are_never_adjusted() -> None:
    """What is locked follows from orders: it stays confirmed, and no order to adopt it is carried out."""
    rig = armed()
    assert rig.record(unlocked(rig)).status == "recorded"
    rig.exchanges["a"].locked["USD"] = rig.exchanges["a"].holdings["USD"] / 2
    await_state(rig, "USD:locked:1", State.CONFIRMED)
    rig.host.advance(30)
    assert states(rig)["USD:locked:1"] is State.CONFIRMED
    assert order(rig, "adopt", "USD:locked:1") == "locks_follow_orders"
    assert adjusted(rig) == []
    assert order(rig, "ignore", "USD:locked:1") == "recorded"


def unlocked(rig: Rig) -> SetBalances:
    """The wallet as it is, with nothing locked."""
    holdings = rig.exchanges["a"].holdings.items()
    balances = tuple(StatedBalance(currency=name, total=total, locked="0") for name, total in holdings)
    return SetBalances(exchange="a", version=2, balances=balances)


def test_what_has_no_price_is_never_small() -> None:
    """Without a price a difference waits for a person."""
    rig = armed(valuation="tickers = false")
    rig.exchanges["a"].glitch("BTC", "0.00000001")
    await_state(rig, "BTC:total:1", State.AWAITING_APPROVAL)
    (asked,) = rig.events(ApprovalRequested)
    assert asked.reason == "unpriced"


def test_an_id_that_is_missing_where_balances_agree_is_held() -> None:
    """Posting it would break what agrees; a person may approve the id together with what makes up for it."""
    rig = armed()
    world = rig.exchanges["a"]
    world.move("X1", {"USD": "-250"})
    world.glitch("USD", "250")
    await_state(rig, "USD:movement:1", State.AWAITING_APPROVAL)
    assert rig.events(ApprovalRequested)[-1].reason == "movement_only"
    assert adjusted(rig) == []
    assert order(rig, "approve", "USD:movement:1") == "recorded"
    rig.host.advance(10)
    assert states(rig) == {"USD:movement:1": State.RESOLVED}
    assert agrees(rig)
    assert suspense(rig) == {"USD": "250"}


def test_an_id_with_other_content_is_held_and_corrected_by_order() -> None:
    """`partly_known` is never backfilled by itself: approved, what the book lacks of it is posted under the same id."""
    rig = armed()
    rig.exchanges["a"].move("X1", {"USD": "-250"}, MovementType.TRANSFER)
    assert rig.record(rig.transfer("X1", "-200")).status == "recorded"
    await_state(rig, USD, State.AWAITING_APPROVAL)
    assert rig.events(ApprovalRequested)[-1].reason == "partly_known"
    rig.host.advance(60)
    assert adjusted(rig) == []
    assert order(rig, "approve", USD) == "recorded"
    rig.host.advance(10)
    assert agrees(rig)
    assert states(rig) == {USD: State.RESOLVED}
    assert suspense(rig) == {}
    rig.host.advance(30)
    assert rig.account().open == ()


def test_an_override_posts_what_history_names_alone() -> None:
    """The rest is reopened, more severe, and a person is asked again: no second repair by itself."""
    rig = armed()
    rig.fill("T9", told=False)
    rig.exchanges["a"].glitch("USD", "-700")
    await_state(rig, USD, State.AWAITING_APPROVAL)
    assert rig.events(ApprovalRequested)[-1].reason == "history_differs"
    assert order(rig, "backfill", USD) == "recorded"
    await_state(rig, USD, State.REOPENED)
    rig.host.advance(30)
    assert states(rig)["BTC:total:1"] is State.RESOLVED
    one = rig.ledger.known[f"a:spot:{USD}"]
    assert (one.state, f"{one.difference:f}", one.severity) == (State.REOPENED, "-700", Severity.ERROR)
    assert rig.events(ApprovalRequested)[-1].reason == "repair_failed"
    assert len(adjusted(rig)) == 1
    assert order(rig, "approve", USD) == "recorded"
    rig.host.advance(10)
    assert agrees(rig)
    assert states(rig)[USD] is State.RESOLVED
    assert len({one.id for one in adjusted(rig)}) == 2


def test_an_override_without_anything_named() -> None:
    """There is nothing to backfill where history names nothing."""
    rig = held()
    assert order(rig, "backfill", USD) == "nothing_to_post"
    assert states(rig) == {USD: State.AWAITING_APPROVAL}


def less_by_five(snapshot: Snapshot) -> Snapshot:
    """The exchange shows that it has moved since."""
    key = ("spot", "USD")
    row = snapshot.balances[key]
    assert row.total is not None
    return replace(snapshot, digest="5" * 64, balances={**snapshot.balances, key: replace(row, total=row.total - 5)})


def test_a_repair_that_fails_is_reopened_and_held() -> None:
    """The exchange moves again before the proof: one severity higher, asked for once, and never repaired again by itself."""
    rig = armed()
    world = rig.exchanges["a"]
    world.glitch("USD", "-7")
    rig.host.run_until(lambda: "adjustment.proposed" in rig.ledger.kinds(), limit_seconds=30)
    world.always = less_by_five
    await_state(rig, USD, State.REOPENED)
    world.always = None
    world.glitch("USD", "-5")
    rig.host.advance(60)
    one = rig.ledger.known[f"a:spot:{USD}"]
    assert (one.state, f"{one.difference:f}", one.severity) == (State.REOPENED, "-5", Severity.WARNING)
    assert [event.reason for event in rig.events(ApprovalRequested)] == ["repair_failed"]
    assert len(adjusted(rig)) == 1
    rig.host.stop()
    again = rig.restarted().start().quiet(60)
    assert states(again) == {USD: State.REOPENED}
    assert again.events(ApprovalRequested) == []
    assert order(again, "approve", USD) == "recorded"
    again.host.advance(10)
    assert agrees(again)
    assert states(again) == {USD: State.RESOLVED}


def test_orders_that_cannot_be_carried_out() -> None:
    """Unknown ids, wrong states and bad evidence are refused, each with its reason."""
    rig = armed()
    assert order(rig, "approve", "USD:total:99") == "unknown_discrepancy"
    world = rig.exchanges["a"]
    world.glitch("USD", "-700")
    rig.await_event(DiscrepancyConfirmed)
    assert order(rig, "approve", USD) == "state_confirmed"
    await_state(rig, USD, State.AWAITING_APPROVAL)
    world.always = failure(FailureClass.TRANSIENT)
    rig.host.advance(30)
    assert order(rig, "approve", USD) == "account_unknown"
    assert order(rig, "ignore", USD) == "recorded"
    assert adjusted(rig) == []


def test_an_acknowledgement_ends_the_repeating() -> None:
    """PortfolioAdjusted is said again every 30 s and after a restart until it is acknowledged; that is durable, and once."""
    rig = armed()
    rig.fill("T9", told=False)
    adjustment = rig.await_event(PortfolioAdjusted).adjustment
    rig.await_event(PortfolioAdjusted, count=3, within=70)
    rig.host.stop()
    again = rig.restarted().start()
    again.await_event(PortfolioAdjusted, within=5)
    assert acknowledge(again, "made-up") == "unknown_adjustment"
    assert acknowledge(again, adjustment.id) == "recorded"
    assert acknowledge(again, adjustment.id) == "duplicate"
    count = len(again.events(PortfolioAdjusted))
    again.host.advance(120)
    assert len(again.events(PortfolioAdjusted)) == count
    again.host.stop()
    third = again.restarted().start().quiet(60)
    assert third.events(PortfolioAdjusted) == []
    assert acknowledge(third, adjustment.id) == "duplicate"
