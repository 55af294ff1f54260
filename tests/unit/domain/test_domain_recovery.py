"""The policy of repairs: what belongs together, what would make it go, and what only a person may decide."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from domain_values import ACCOUNT, BTC, PRICES, USD, at, fee, fill, transfer

from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.changes import Record
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State, discrepancy_id
from reconcile_actors.domain.recovery import Evidence, Plan, Policy, adjustment_id, adjustment_of, plans

ETH = Leg("spot", "ETH", Field.TOTAL)


def differs(
    leg: Leg, difference: str, *, state: State = State.CONFIRMED, tolerance: str = "0", episode: int = 1
) -> BalanceDiscrepancy:
    """A discrepancy that stands."""
    return BalanceDiscrepancy(
        id=discrepancy_id(ACCOUNT, leg, episode),
        exchange=ACCOUNT,
        wallet=leg.wallet,
        currency=leg.currency,
        field=leg.field,
        episode=episode,
        kind=Kind.MISMATCH,
        severity=Severity.WARNING,
        local=Decimal(1),
        exchange_value=Decimal(1) + Decimal(difference),
        difference=Decimal(difference),
        value_usd=None,
        tolerance=Decimal(tolerance),
        cause=None,
        state=state,
        detected_at=at(1),
        confirmed_at=at(2),
    )


def missing(record: Record, *, partly_known: bool = False) -> Missing:
    """What history names."""
    return Missing(record.movement, record.movement.effects, partly_known)


T9 = missing(fill("T9", happened=5, fee="6"))
PAIR = (differs(BTC, "0.1"), differs(USD, "-6006"))


def only(evidence: Evidence, policy: Policy | None = None) -> Plan:
    """The one plan."""
    (plan,) = plans(replace(evidence, prices=PRICES), policy or Policy())
    return plan


def test_a_fill_connects_its_legs() -> None:
    """Both currencies are one repair: the movement under its id, and nothing else."""
    plan = only(Evidence(PAIR, (T9,)))
    assert (plan.action, plan.reason) == (Action.BACKFILL, "explained")
    assert plan.ids == (f"{ACCOUNT}:spot:BTC:total:1", f"{ACCOUNT}:spot:USD:total:1")
    assert plan.backfill == (T9,)
    assert plan.adopt == {}


def test_movements_connect_through_a_shared_leg() -> None:
    """A deposit in USD and a fill against USD are one group; what touches neither is another."""
    paid_in = missing(transfer("D1", "1000", 4))
    evidence = Evidence((differs(BTC, "0.1"), differs(USD, "-5006"), differs(ETH, "0.001")), (paid_in, T9))
    first, second = plans(replace(evidence, prices=PRICES), Policy())
    assert [one.id for one in first.backfill] == ["D1", "T9"]
    assert first.action is Action.BACKFILL
    assert (second.reason, second.legs) == ("unpriced", {ETH})


def test_groups_are_joined_by_a_later_movement() -> None:
    """Two groups that a third movement touches are one."""
    swap = missing(fill("T10", symbol="BTC/ETH", quantity="1", price="2", happened=6))
    lone = missing(transfer("E1", "1", 5, currency="ETH"))
    evidence = Evidence((differs(BTC, "1.1"), differs(USD, "-6006"), differs(ETH, "-1")), (T9, lone, swap))
    plan = only(evidence)
    assert plan.action is Action.BACKFILL
    assert {one.id for one in plan.backfill} == {"T9", "E1", "T10"}


def test_rounding_is_no_remainder() -> None:
    """Each named movement may be rounded by a step; so may what stands."""
    steps = {"USD": Decimal("0.01")}
    assert only(Evidence((PAIR[0], differs(USD, "-6006.01")), (T9,), steps=steps)).adopt == {}
    assert only(Evidence((PAIR[0], differs(USD, "-6006.05", tolerance="0.05")), (T9,), steps=steps)).adopt == {}
    assert only(Evidence((PAIR[0], differs(USD, "-6006.02")), (T9,), steps=steps)).adopt == {USD: Decimal("-0.02")}


@pytest.mark.parametrize(
    ("rest", "action", "reason"),
    [
        ("-3", Action.BACKFILL, "explained"),
        ("10", Action.BACKFILL, "explained"),
        ("-10.01", Action.HOLD, "history_differs"),
    ],
)
def test_a_remainder_is_adopted_within_the_limit(rest: str, action: Action, reason: str) -> None:
    """What history leaves over goes into suspense, up to the limit and not a cent further."""
    plan = only(Evidence((PAIR[0], differs(USD, str(Decimal(-6006) + Decimal(rest)))), (T9,)))
    assert (plan.action, plan.reason) == (action, reason)
    assert plan.adopt == {USD: Decimal(rest)}


def test_a_leg_that_agrees_is_not_broken() -> None:
    """A named fill of which only one side differs explains nothing that may be posted."""
    plan = only(Evidence((PAIR[0],), (T9,)))
    assert (plan.action, plan.reason) == (Action.HOLD, "history_differs")
    assert plan.adopt == {USD: Decimal(6006)}  # what a person would have to adopt on top


def test_a_leg_that_agrees_is_not_broken_by_little_either() -> None:
    """However small: what agrees is no difference to be adopted."""
    small = missing(fill("T1", quantity="0.0001", price="60000", happened=5))
    plan = only(Evidence((differs(BTC, "0.0001"),), (small,)))
    assert (plan.action, plan.reason) == (Action.HOLD, "history_differs")


@pytest.mark.parametrize(
    ("amount", "policy", "action", "reason"),
    [
        ("-7", Policy(), Action.ADOPT, "small_remainder"),
        ("-10", Policy(), Action.ADOPT, "small_remainder"),
        ("-10.01", Policy(), Action.HOLD, "too_large"),
        ("-7", Policy(adopt_max_usd=Decimal(0)), Action.HOLD, "not_explained"),
        ("-7", Policy(backfill=False), Action.ADOPT, "small_remainder"),
    ],
)
def test_what_nothing_explains(amount: str, policy: Policy, action: Action, reason: str) -> None:
    """Adopted when it is small enough, else held; the proposal is the whole difference either way."""
    plan = only(Evidence((differs(USD, amount),)), policy)
    assert (plan.action, plan.reason) == (action, reason)
    assert plan.adopt == {USD: Decimal(amount)}
    assert plan.proposes


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence((replace(PAIR[0], state=State.REOPENED), PAIR[1]), (T9,)), "repair_failed"),
        (Evidence(PAIR, (T9,), rejected=frozenset({PAIR[0].id})), "rejected"),
        (Evidence(PAIR, (replace(T9, partly_known=True),)), "partly_known"),
        (Evidence(PAIR, (T9,), pending=(transfer("W1", "-5").movement,)), "pending"),
        (Evidence(PAIR, (T9,), vague=frozenset({USD})), "size_unknown"),
        (Evidence((differs(USD, "-7"),), covers=lambda _leg: False), "history_partial"),
    ],
)
def test_what_only_a_person_may_decide(evidence: Evidence, reason: str) -> None:
    """However well the amounts fit."""
    plan = only(evidence)
    assert (plan.action, plan.reason) == (Action.HOLD, reason)


def test_a_pending_entry_elsewhere_hinders_nothing() -> None:
    """It explains only what it touches."""
    elsewhere = transfer("W1", "-5", currency="ETH").movement
    assert only(Evidence(PAIR, (T9,), pending=(elsewhere,))).action is Action.BACKFILL


def test_backfill_may_be_off() -> None:
    """Then what history names waits for a person, with its proposal."""
    plan = only(Evidence(PAIR, (T9,)), Policy(backfill=False))
    assert (plan.action, plan.reason, plan.backfill) == (Action.HOLD, "backfill_off", (T9,))


def test_locks_have_no_plan() -> None:
    """What is locked follows from orders."""
    locked = differs(Leg("spot", "USD", Field.LOCKED), "5")
    assert plans(Evidence((locked,)), Policy()) == ()


def test_an_id_that_is_missing_where_balances_agree() -> None:
    """Held, because it would break what agrees; backfilled once suspense holds what it moved, because then nothing changes."""
    named = missing(transfer("W1", "-7", 5))
    found = differs(Leg("spot", "USD", Field.MOVEMENT), "-7")
    held = only(Evidence((found,), (named,)))
    assert (held.action, held.reason, held.adopt) == (Action.HOLD, "movement_only", {USD: Decimal(7)})
    free = only(Evidence((found,), (named,), suspended={USD: at(6)}))
    assert (free.action, free.adopt, free.backfill) == (Action.BACKFILL, {}, (named,))
    late = only(Evidence((found,), (named,), suspended={USD: at(4)}))
    assert late.reason == "movement_only"


def test_a_missing_id_that_history_does_not_name_now_has_no_plan() -> None:
    """There is nothing to post: the next look into history tells."""
    assert plans(Evidence((differs(Leg("spot", "USD", Field.MOVEMENT), "-7"),)), Policy()) == ()


def test_what_suspense_holds_explains_no_difference() -> None:
    """A movement from before the cut is in the book: a new difference of the same amount is another."""
    named = missing(fee("F1", "-7", 5))
    plan = only(Evidence((differs(USD, "-7"),), (named,), suspended={USD: at(6)}))
    assert plan.adopt == {USD: Decimal(-7)}


def test_the_id_of_a_repair() -> None:
    """I10: the same discrepancies at the same attempt, in any order; another episode, attempt or account is another repair."""
    one = adjustment_id("a", ["x:1", "y:1"], 1)
    assert one == adjustment_id("a", ["y:1", "x:1"], 1)
    others = {
        adjustment_id("a", ["x:2", "y:1"], 1),
        adjustment_id("a", ["x:1", "y:1"], 2),
        adjustment_id("b", ["x:1", "y:1"], 1),
        adjustment_id("a", ["x:1"], 1),
    }
    assert len(others | {one}) == 5


def test_a_plan_as_an_adjustment() -> None:
    """A line for each amount: named ones with their id, type and time, the rest without an id."""
    plan = only(Evidence((PAIR[0], differs(USD, "-6009")), (T9,)))
    adjustment = adjustment_of(ACCOUNT, plan, 1)
    assert [(line.id, line.type, line.currency, str(line.amount), line.occurred_at) for line in adjustment.lines] == [
        ("T9", "fill", "BTC", "0.1", at(5)),
        ("T9", "fill", "USD", "-6006.0", at(5)),
        (None, "adjustment", "USD", "-3.0", None),
    ]
    assert (adjustment.action, adjustment.posted_at) == (Action.BACKFILL, None)
    correction = adjustment_of(ACCOUNT, replace(plan, backfill=(replace(T9, partly_known=True),)), 1)
    assert {line.type for line in correction.lines} == {"adjustment"}
