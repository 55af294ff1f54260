"""The five kinds, the life of a discrepancy, and an id that stays."""

from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State, discrepancy_id, kind_of

LEG = Leg("spot", "BTC", Field.TOTAL)


def discrepancy(state: State, kind: Kind = Kind.MISMATCH) -> BalanceDiscrepancy:
    """One of half a bitcoin."""
    return BalanceDiscrepancy(
        id=discrepancy_id("x", LEG, 1),
        exchange="x",
        wallet=LEG.wallet,
        currency=LEG.currency,
        field=LEG.field,
        episode=1,
        kind=kind,
        severity=Severity.ERROR,
        local=Decimal(1),
        exchange_value=Decimal("0.5"),
        difference=Decimal("-0.5"),
        value_usd=None,
        tolerance=Decimal(0),
        cause=None,
        state=state,
        detected_at=5,
    )


@pytest.mark.parametrize(
    ("local", "exchange", "kind"),
    [
        (None, 2, Kind.MISSING_LOCAL),
        (0, 2, Kind.MISSING_LOCAL),
        (2, None, Kind.MISSING_EXCHANGE),
        (2, 0, Kind.MISSING_EXCHANGE),
        (2, 3, Kind.MISMATCH),
        (-2, 3, Kind.MISMATCH),
    ],
)
def test_the_kind_says_which_side_lacks_it(local: int | None, exchange: int | None, kind: Kind) -> None:
    """A side that holds nothing of it misses it; otherwise the two do not match (FR-3)."""
    values = [None if one is None else Decimal(one) for one in (local, exchange)]
    assert kind_of(values[0], values[1], Decimal("0.5")) is kind


@pytest.mark.parametrize(("local", "exchange"), [("1", "1.5"), ("1.5", "1"), ("0", "0.5"), ("0.5", "0")])
def test_rounding_is_precision(local: str, exchange: str) -> None:
    """Up to the tolerance, whichever side holds more; beyond it, it is none."""
    assert kind_of(Decimal(local), Decimal(exchange), Decimal("0.5")) is Kind.PRECISION
    assert kind_of(Decimal(local), Decimal(exchange), Decimal("0.4999")) is not Kind.PRECISION


def test_the_id_holds_the_episode() -> None:
    """It follows from what differs and how often it did, and from nothing that a restart changes."""
    assert discrepancy_id("kraken-main", LEG, 2) == "kraken-main:spot:BTC:total:2"
    assert discrepancy(State.CONFIRMED).leg == LEG


@pytest.mark.parametrize("state", State)
def test_what_is_past_doubt_is_open(state: State) -> None:
    """A candidate is open and in doubt; what is resolved or ignored is neither."""
    assert state.is_open is (state not in {State.RESOLVED, State.IGNORED})
    assert state.is_confirmed is (state not in {State.RESOLVED, State.IGNORED, State.CANDIDATE})
    assert discrepancy(state).is_loss is state.is_confirmed
    assert not discrepancy(state, Kind.PRECISION).is_loss


def test_a_resolved_one_keeps_what_it_was() -> None:
    """Only its state and the instant change, and the kind where it was another all along."""
    before = discrepancy(State.CONFIRMED)
    after = before.resolved(9)
    assert (after.state, after.resolved_at, after.kind) == (State.RESOLVED, 9, Kind.MISMATCH)
    assert (after.id, after.difference) == (before.id, before.difference)
    assert before.resolved(9, kind=Kind.TIMING).kind is Kind.TIMING
    assert before.state is State.CONFIRMED
