"""Rounding is tolerated as far as the exchange's text and the operations since the last exact match allow, and no further."""

from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.tolerance import BUDGET_OPERATIONS, Tolerances

USD, USD_LOCKED = Leg("spot", "USD", Field.TOTAL), Leg("spot", "USD", Field.LOCKED)
STEP = Decimal("0.0001")


def test_without_operations_nothing_is_tolerated() -> None:
    """An account that did not trade must agree to the last digit."""
    tolerances = Tolerances({"USD": STEP}, {})
    assert tolerances.of(USD) == 0
    assert not tolerances.allow(USD, STEP)
    assert tolerances.allow(USD, Decimal(0))


def test_without_a_step_nothing_is_tolerated() -> None:
    """Whole numbers show no precision, so none is assumed."""
    assert Tolerances({}, {USD: 50}).of(USD) == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_each_operation_allows_one_step(sign: int) -> None:
    """The tolerance grows with the operations, and bounds differences of either sign."""
    tolerances = Tolerances({"USD": STEP}, {USD: 3})
    assert tolerances.of(USD) == Decimal("0.0003")
    assert tolerances.allow(USD, sign * Decimal("0.0003"))
    assert not tolerances.allow(USD, sign * Decimal("0.00030001"))


def test_the_budget_is_bounded() -> None:
    """Small remainders cannot leak for ever."""
    tolerances = Tolerances({"USD": STEP}, {USD: BUDGET_OPERATIONS * 50})
    assert tolerances.of(USD) == STEP * BUDGET_OPERATIONS


def test_each_order_may_round_what_is_locked() -> None:
    """Locks go by open orders and one that just ends, not by operations."""
    tolerances = Tolerances({"USD": STEP}, {USD_LOCKED: 40}, {USD_LOCKED: 2})
    assert tolerances.of(USD_LOCKED) == STEP * 3
    assert Tolerances({"USD": STEP}, {}).of(USD_LOCKED) == STEP
