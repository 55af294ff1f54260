"""A report's status: unknown is no kind of match, and masks no confirmed loss."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State
from reconcile_actors.domain.report import ReconciliationStatus, status_of, waits_for_person
from reconcile_actors.domain.snapshot import UnknownReason

LOSS = BalanceDiscrepancy(
    id="x:spot:BTC:total:1",
    exchange="x",
    wallet="spot",
    currency="BTC",
    field=Field.TOTAL,
    episode=1,
    kind=Kind.MISMATCH,
    severity=Severity.WARNING,
    local=Decimal(2),
    exchange_value=Decimal(1),
    difference=Decimal(-1),
    value_usd=None,
    tolerance=Decimal(0),
    cause=None,
    state=State.CONFIRMED,
    detected_at=0,
)


@pytest.mark.parametrize("unknown", [None, UnknownReason.UNREACHABLE])
@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.ERROR])
@pytest.mark.parametrize("state", [State.CONFIRMED, State.AWAITING_APPROVAL, State.REPAIRING, State.REOPENED])
def test_a_confirmed_loss_is_discrepant(state: State, severity: Severity, unknown: UnknownReason | None) -> None:
    """One is enough, and what is unknown beside it does not mask it."""
    small = replace(LOSS, severity=Severity.INFO)
    loss = replace(LOSS, state=state, severity=severity)
    assert status_of((small, loss), unknown) is ReconciliationStatus.DISCREPANT


@pytest.mark.parametrize(
    "one",
    [
        replace(LOSS, state=State.CANDIDATE),
        replace(LOSS, state=State.RESOLVED),
        replace(LOSS, state=State.IGNORED),
        replace(LOSS, severity=Severity.INFO),
    ],
)
def test_what_is_in_doubt_over_or_small_is_not(one: BalanceDiscrepancy) -> None:
    """It stands in the report, and the status goes by the rest."""
    assert status_of((one,), None) is ReconciliationStatus.MATCHED
    assert status_of((one,), UnknownReason.STALE) is ReconciliationStatus.UNKNOWN


@pytest.mark.parametrize("reason", UnknownReason)
def test_every_reason_is_unknown(reason: UnknownReason) -> None:
    """No reason makes a match (I1)."""
    assert status_of((), reason) is ReconciliationStatus.UNKNOWN


def test_nothing_that_differs_is_a_match() -> None:
    """Only where all is known."""
    assert status_of((), None) is ReconciliationStatus.MATCHED


@pytest.mark.parametrize("state", State)
def test_a_person_is_waited_for_in_one_state(state: State) -> None:
    """Approval is asked for, and not yet given."""
    assert waits_for_person(replace(LOSS, state=state)) is (state is State.AWAITING_APPROVAL)
