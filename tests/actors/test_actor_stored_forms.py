"""What the service posts, as text and back, exact to the last digit."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.actors.stored_forms import adjustment_body, adjustment_from, posting_of, posting_text
from reconcile_actors.domain.adjustment import Action, Adjustment, AdjustmentLine
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.changes import Compensation, Posted, Record
from reconcile_actors.domain.movements import Movement, MovementType

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**12), max_value=10**12)
TIMES = st.none() | st.integers(min_value=1_500_000_000_000_000, max_value=2_000_000_000_000_000)
WORDS = st.none() | st.text(min_size=1, max_size=8)
LEGS = st.builds(Leg, st.sampled_from(("spot", "earn")), st.sampled_from(("BTC", "USD")), st.sampled_from(tuple(Field)))


@st.composite
def movements(draw: st.DrawFn) -> Movement:
    return Movement(
        exchange="a",
        wallet=draw(st.sampled_from(("spot", "earn"))),
        type=draw(st.sampled_from(tuple(MovementType))),
        id=draw(st.text(min_size=1, max_size=12)),
        effects=draw(st.dictionaries(LEGS, AMOUNTS, max_size=4)),
        instrument=draw(WORDS),
        order_id=draw(WORDS),
        side=draw(WORDS),
        occurred_at=draw(TIMES),
    )


POSTED = st.builds(Posted, st.text(min_size=1, max_size=8), st.dictionaries(st.sampled_from(("BTC", "USD")), AMOUNTS))
POSTINGS = st.builds(Record, movements(), st.none() | AMOUNTS, POSTED) | st.builds(
    Compensation, movements(), st.text(min_size=1, max_size=8), TIMES
)


@given(posting=POSTINGS)
def test_a_posting_survives_its_text(posting: Record | Compensation) -> None:
    """Whatever is posted replays as what it was."""
    assert posting_of(posting_text(posting)) == posting


def test_a_report_is_no_posting() -> None:
    """The text of a message is left to who reads messages."""
    assert posting_of(json.dumps({"type": "RecordFill", "id": "T1"})) is None


@given(
    amounts=st.lists(AMOUNTS, max_size=4),
    occurred_at=TIMES,
    posted_at=TIMES,
    action=st.sampled_from(tuple(Action)),
)
def test_an_adjustment_survives_the_outbox(
    amounts: list[Decimal], occurred_at: int | None, posted_at: int | None, action: Action
) -> None:
    """What the trading process is told after a restart is what it was told before."""
    lines = tuple(
        AdjustmentLine(None, "adjustment", "spot", "USD", Field.TOTAL, amount, occurred_at) for amount in amounts
    )
    one = Adjustment("a:1", "a", action, ("a:spot:USD:total:1",), lines, "explained", posted_at=posted_at)
    assert adjustment_from(json.loads(json.dumps(adjustment_body(one)))) == one
