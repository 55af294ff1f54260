"""Whatever the domain can say, the store gives back: rows and their values are inverse to each other, to the last digit."""

import sqlite3
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.domain.balances import Balance, Field, Leg, Position
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State
from reconcile_actors.domain.ledger import BookRow, BookState
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.storage.report_rows import report_of, report_row
from reconcile_actors.storage.rows import (
    book_row_of,
    book_state_of,
    book_state_row,
    discrepancy_of,
    discrepancy_row,
    effects_of,
    effects_text,
    movement_row,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
maybe_texts = st.none() | texts
whole = st.integers(-(2**63), 2**63 - 1)
maybe_whole = st.none() | whole
amounts = st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(-(10**30), 10**30, places=36)
maybe_amounts = st.none() | amounts
legs = st.builds(Leg, texts, texts, st.sampled_from(Field))
effects = st.dictionaries(legs, amounts, max_size=4)
movements = st.builds(
    Movement,
    exchange=texts,
    wallet=texts,
    type=st.sampled_from(MovementType),
    id=maybe_texts,
    effects=effects,
    instrument=maybe_texts,
    order_id=maybe_texts,
    side=maybe_texts,
    occurred_at=maybe_whole,
    pending=st.booleans(),
)
discrepancies = st.builds(
    BalanceDiscrepancy,
    id=texts,
    exchange=texts,
    wallet=texts,
    currency=texts,
    field=st.sampled_from(Field),
    episode=whole,
    kind=st.sampled_from(Kind),
    severity=st.sampled_from(Severity),
    local=maybe_amounts,
    exchange_value=maybe_amounts,
    difference=amounts,
    value_usd=maybe_amounts,
    tolerance=amounts,
    cause=maybe_texts,
    state=st.sampled_from(State),
    detected_at=whole,
    confirmed_at=maybe_whole,
    resolved_at=maybe_whole,
    evidence=st.lists(texts, max_size=3).map(tuple),
    price_source=maybe_texts,
    price_at=maybe_whole,
)
balances = st.lists(
    st.builds(Balance, texts, maybe_amounts, maybe_amounts, maybe_amounts, maybe_amounts, texts), max_size=3
).map(tuple)
positions = st.lists(st.builds(Position, texts, amounts, texts, maybe_amounts), max_size=3).map(tuple)
reports = st.builds(
    ReconciliationReport,
    exchange=texts,
    timestamp=whole,
    status=st.sampled_from(ReconciliationStatus),
    local_balances=balances,
    exchange_balances=balances,
    local_positions=positions,
    exchange_positions=positions,
    discrepancies=st.lists(discrepancies, max_size=2).map(tuple),
    unknown_reason=st.none() | st.sampled_from(UnknownReason),
    unknown_detail=texts,
    book_version=whole,
    snapshot_digest=maybe_texts,
    raw_digest=maybe_texts,
    duration_us=whole,
    history_through=maybe_whole,
)


def through_sqlite(row: tuple[object, ...]) -> tuple[object, ...]:
    """The row as SQLite gives it back."""
    connection = sqlite3.connect(":memory:")
    try:
        (back,) = connection.execute(f"SELECT {', '.join('?' * len(row))}", row)
        return tuple(back)
    finally:
        connection.close()


def digits(amount: Decimal | None) -> object:
    """An amount with its exponent: equality of Decimals alone would not see a lost zero."""
    return None if amount is None else amount.as_tuple()


@given(movements, st.integers(1, 2**63 - 1), whole, texts)
def test_movements(movement: Movement, version: int, recorded_at: int, message: str) -> None:
    """A recording comes back as it was, each leg with all its digits."""
    row = BookRow(version, movement, recorded_at, message)
    back = book_row_of(through_sqlite(movement_row(row)))
    assert back == row
    assert {leg: digits(amount) for leg, amount in back.movement.effects.items()} == {
        leg: digits(amount) for leg, amount in movement.effects.items()
    }


@given(effects)
def test_equal_effects_are_equal_text(one: dict[Leg, Decimal]) -> None:
    """The text does not depend on the order in which legs were named."""
    assert effects_text(dict(reversed(one.items()))) == effects_text(one)
    assert effects_of(effects_text(one)) == one


@given(discrepancies)
def test_discrepancies(one: BalanceDiscrepancy) -> None:
    """A discrepancy comes back as it was; what nobody stated stays unstated (I1)."""
    back = discrepancy_of(through_sqlite(discrepancy_row(one)))
    assert back == one
    for name in ("local", "exchange_value", "difference", "value_usd", "tolerance"):
        assert digits(getattr(back, name)) == digits(getattr(one, name))


@given(reports)
def test_reports(report: ReconciliationReport) -> None:
    """With full states a report comes back whole; without, only balances and positions are missing."""
    assert report_of(through_sqlite(report_row(report, full_states=True))) == report
    lean = report_of(through_sqlite(report_row(report, full_states=False)))
    assert lean.local_balances == lean.exchange_balances == lean.local_positions == lean.exchange_positions == ()
    assert lean.discrepancies == report.discrepancies
    assert (lean.status, lean.unknown_reason, lean.unknown_detail, lean.history_through) == (
        report.status,
        report.unknown_reason,
        report.unknown_detail,
        report.history_through,
    )


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(texts, whole, st.dictionaries(texts, json, max_size=4))
def test_book_states(exchange: str, version: int, body: dict[str, object]) -> None:
    """A book's state is any JSON without floats, whole numbers of any size included."""
    state = BookState(exchange, version, body)
    row = through_sqlite(book_state_row(state, at=0))
    assert book_state_of(row[:3]) == state
