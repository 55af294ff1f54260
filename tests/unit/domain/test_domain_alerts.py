"""Which changes are alerts, under which key, in which words; and when a sink is owed a word."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.domain.adjustment import Action, Adjustment, AdjustmentLine
from reconcile_actors.domain.alerts import (
    UNREADABLE,
    Alert,
    AlertKind,
    Phase,
    alert_from,
    alert_of,
    band_of,
    degraded_alert,
    halt_alert,
    lapsed_alert,
    parked_alert,
    repair_alert,
    sample_alert,
    store_alert,
    unknown_alert,
)
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.deliveries import Delivery, Outcome, Standing, due_at, event_of
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.register import Change

ONE = BalanceDiscrepancy(
    id="main:spot:BTC:total:1",
    exchange="main",
    wallet="spot",
    currency="BTC",
    field=Field.TOTAL,
    episode=1,
    kind=Kind.MISMATCH,
    severity=Severity.WARNING,
    local=Decimal("1.5"),
    exchange_value=Decimal("1.4"),
    difference=Decimal("-0.1"),
    value_usd=Decimal(6000),
    tolerance=Decimal("1e-8"),
    cause="unexplained",
    state=State.CONFIRMED,
    detected_at=1,
    confirmed_at=2,
    evidence=("T1",),
)
CANDIDATE = replace(ONE, state=State.CANDIDATE)
S = 1_000_000


def told(before: BalanceDiscrepancy | None, after: BalanceDiscrepancy) -> Alert | None:
    row = alert_of(Change(before, after))
    return None if row is None else alert_from(row.body)


def test_confirmed_is_told() -> None:
    """Past doubt, at once or after having been a candidate: key, severity, state, band and what to do."""
    one = told(CANDIDATE, ONE)
    assert one == told(None, ONE)
    assert one is not None
    assert (one.key, one.phase, one.severity, one.state) == (ONE.id, Phase.FIRING, Severity.WARNING, "confirmed")
    assert (one.account, one.currency, one.cause, one.value) == ("main", "BTC", "unexplained", "1,000 to 10,000 USD")
    assert one.text == "main: BTC (total, wallet spot) differs between the book and the exchange"
    assert one.advice == "reconcile-actors discrepancies show main:spot:BTC:total:1 -c CONFIG"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, CANDIDATE),
        (CANDIDATE, CANDIDATE.resolved(3)),
        (None, replace(ONE, kind=Kind.PRECISION)),
        (ONE, replace(ONE, local=Decimal(2))),
        (ONE, replace(ONE, severity=Severity.INFO)),
        (ONE, replace(ONE, state=State.REPAIRING)),
        (replace(ONE, state=State.RESOLVED), replace(ONE, state=State.RESOLVED)),
    ],
)
def test_what_is_no_news(before: BalanceDiscrepancy | None, after: BalanceDiscrepancy) -> None:
    """Doubt, rounding, and what changes nothing for a person."""
    assert told(before, after) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": State.AWAITING_APPROVAL}, "waits for a person's approval"),
        ({"state": State.REOPENED}, "differs again"),
        ({"difference": Decimal(-1)}, "another amount"),
        ({"severity": Severity.ERROR}, "differs between"),
        ({"cause": "missed_fill"}, "differs between"),
        ({"state": State.AWAITING_APPROVAL, "difference": Decimal(-1)}, "approval"),
    ],
)
def test_what_is_news_of_an_open_one(changes: dict[str, object], words: str) -> None:
    """Another state, another amount, more weight, a cause; only another amount is news though nothing else is."""
    one = told(ONE, replace(ONE, **changes))  # type: ignore[arg-type] # fields of it
    assert one is not None
    assert (one.phase, one.key, one.again) == (Phase.FIRING, ONE.id, "difference" in changes)
    assert words in one.text


def test_who_waits_for_approval_is_told_how_to_give_it() -> None:
    """The command that settles it."""
    one = told(ONE, replace(ONE, state=State.AWAITING_APPROVAL))
    assert one is not None
    assert one.advice == "reconcile-actors discrepancies approve main:spot:BTC:total:1 -c CONFIG --reason TEXT"


@pytest.mark.parametrize(("state", "words"), [(State.RESOLVED, "agrees again"), (State.IGNORED, "expected to")])
def test_the_end_is_told(state: State, words: str) -> None:
    """Under the same key."""
    one = told(ONE, replace(ONE, state=state))
    assert one is not None
    assert (one.phase, one.key, one.state) == (Phase.RESOLVED, ONE.id, state.value)
    assert words in one.text


def test_what_was_settled_and_is_not() -> None:
    """Out of a resolved one a loss comes back."""
    one = told(replace(ONE, state=State.RESOLVED), replace(ONE, state=State.REOPENED))
    assert one is not None
    assert "what was thought settled is not" in one.text


@pytest.mark.parametrize(
    ("value", "band"),
    [
        (None, "worth unknown"),
        ("0", "below 10 USD"),
        ("9.99", "below 10 USD"),
        ("10", "10 to 100 USD"),
        ("999.99", "100 to 1,000 USD"),
        ("123456", "100,000 to 1,000,000 USD"),
        ("1000000", "over 1,000,000 USD"),
        ("1e30", "over 1,000,000 USD"),
    ],
)
def test_bands(value: str | None, band: str) -> None:
    """A power of ten, its lower end included."""
    assert band_of(None if value is None else Decimal(value)) == band


HALT = TradingHalt("main:halt:spot:BTC:total:1", "main", "large_loss", (ONE.id,), 1)
ADJUSTMENT = Adjustment(
    id="r1",
    exchange="main",
    action=Action.BACKFILL,
    discrepancies=(ONE.id,),
    lines=(AdjustmentLine("T1", "fill", "spot", "BTC", Field.TOTAL, Decimal("31337.5")),),
    reason="canary 31337",
    decided_by="policy",
    posted_at=1,
)
ROWS = {
    "halt": halt_alert(HALT),
    "released": halt_alert(replace(HALT, released_at=2)),
    "repair": repair_alert(ADJUSTMENT),
    "degraded": degraded_alert("main", "http_unauthorized"),
    "recovered": degraded_alert("main", "", over=True),
    "parked": parked_alert("reconciliation:main", "main"),
    "parked audit": parked_alert("audit", None),
    "unknown": unknown_alert("main", "no_opening"),
    "store": store_alert("store_full").row(),
    "lapsed": lapsed_alert(alert_from(unknown_alert("main", "busy").body)).row(),
    "test": sample_alert("log").row(),
}


@pytest.mark.parametrize("name", ROWS)
def test_every_alert_survives_the_outbox(name: str) -> None:
    """Its row and back is the same alert, with a key, a text and something to do."""
    one = alert_from(ROWS[name].body)
    assert one.row() == ROWS[name]
    assert one.key
    assert one.text
    assert one.advice


def test_a_beginning_and_its_end_share_their_key() -> None:
    """So that a receiver can close what it opened."""
    assert ROWS["halt"].body["key"] == ROWS["released"].body["key"] == "main:halt:spot:BTC:total:1"
    assert ROWS["degraded"].body["key"] == ROWS["recovered"].body["key"] == "main:degraded"


def test_a_body_that_is_no_alert() -> None:
    """Is told as such."""
    with pytest.raises(ValueError, match="is not a valid AlertKind"):
        alert_from({"key": "x"})


@pytest.mark.parametrize("reason", ["balance 31337.5", "KEY-CANARY", "a" * 31, "", "line\nbreak"])
def test_a_reason_that_is_no_word_of_ours_is_not_repeated(reason: str) -> None:
    """A gateway of one's own may put anything there (I7)."""
    assert degraded_alert("main", reason).body["cause"] == UNREADABLE
    assert unknown_alert("main", reason).body["cause"] == UNREADABLE


def test_a_repair_tells_no_amount_and_no_free_text() -> None:
    """Lines, reason and ids of the exchange stay in the book."""
    assert "31337" not in repr(ROWS["repair"])
    assert "T1" not in repr(ROWS["repair"])


AMOUNTS = st.decimals(min_value=Decimal("1.111111"), max_value=Decimal("9e15"), places=7).filter(
    lambda amount: len(str(amount).replace(".", "").strip("0")) > 9
)


@given(st.tuples(*[AMOUNTS] * 5), st.sampled_from(State), st.sampled_from(State), st.sampled_from(Severity))
def test_no_alert_of_a_discrepancy_holds_an_amount(
    amounts: tuple[Decimal, ...], was: State, state: State, severity: Severity
) -> None:
    """I7: whatever the two sides, the difference, the tolerance and the value are, none of their digits is told."""
    local, exchange_value, difference, value, tolerance = amounts
    one = replace(
        ONE,
        local=local,
        exchange_value=exchange_value,
        difference=-difference,
        value_usd=value,
        tolerance=tolerance,
        explained=difference,
        state=state,
        severity=severity,
        evidence=("31337-canary",),
        price_source="canary",
    )
    for before in (None, replace(ONE, state=was)):
        row = alert_of(Change(before, one))
        text = repr(row)
        assert "canary" not in text
        for amount in amounts:
            digits = str(amount).replace(".", "").strip("0")
            assert digits not in text
            assert str(amount) not in text


# -- what is owed ------------------------------------------------------------------------------------------------------


FIRING = Alert(AlertKind.HALT, "k", Phase.FIRING, Severity.WARNING, "a", "t", "d")
ENDED = replace(FIRING, phase=Phase.RESOLVED)


def known(alert: Alert | None, *, event: str = "1-0", outcome: Outcome = Outcome.ACKNOWLEDGED) -> Delivery:
    return Delivery("s", "k", event, outcome, None if alert is None else alert.said, 100 * S)


@pytest.mark.parametrize(
    ("standing", "delivery", "expected"),
    [
        (Standing(1, 0, FIRING), None, 0),
        (Standing(1, 0, FIRING), known(FIRING), 700 * S),
        (Standing(2, 5, FIRING), known(FIRING), 700 * S),
        (Standing(2, 5, replace(FIRING, value="x")), known(FIRING), 0),
        (Standing(2, 5, replace(FIRING, again=True)), known(FIRING), 160 * S),
        (Standing(2, 5, replace(FIRING, severity=Severity.INFO)), known(FIRING), None),
        (Standing(1, 0, FIRING), known(None, outcome=Outcome.FAILED), 700 * S),
        (Standing(2, 5, ENDED), known(FIRING), 0),
        (Standing(2, 5, replace(ENDED, severity=Severity.INFO)), known(FIRING), 0),
        (Standing(2, 5, ENDED), None, 0),
        (Standing(2, 5, replace(ENDED, severity=Severity.INFO)), None, None),
        (Standing(2, 5, ENDED), known(ENDED), None),
        (Standing(2, 5, ENDED), known(FIRING, event="2-5", outcome=Outcome.FAILED), None),
        (Standing(1, 0, replace(FIRING, kind=AlertKind.DISCREPANCY)), None, 2 * S),
        (Standing(2, 9 * S, replace(FIRING, kind=AlertKind.DISCREPANCY), 1 * S), None, 3 * S),
        (Standing(2, 5 * S, replace(FIRING, kind=AlertKind.DISCREPANCY, value="x")), known(FIRING), 0),
        (Standing(2, 5 * S, replace(FIRING, kind=AlertKind.DISCREPANCY)), known(ENDED), 7 * S),
    ],
)
def test_when_a_sink_is_owed_a_word(standing: Standing, delivery: Delivery | None, expected: int | None) -> None:
    """News at once, a discrepancy once it has settled, more of the same after a minute, the same after the window."""
    assert due_at(standing, delivery, Severity.WARNING, 600.0) == expected


def test_events_are_the_same_at_each_try_and_never_given_twice() -> None:
    """News bears the row's event; a reminder one of its own, which follows from when the last word was heard."""
    one = Standing(1, 5, FIRING)
    assert event_of(one, None) == ("1-5", False)
    assert event_of(one, known(None, event="1-5", outcome=Outcome.FAILED)) == ("1-5", False)
    assert event_of(one, known(FIRING, event="1-5")) == ("1-5-100000000", True)
    assert event_of(Standing(2, 6, FIRING), known(FIRING, event="1-5")) == ("2-6-100000000", True)
    assert event_of(Standing(2, 6, replace(FIRING, again=True)), known(FIRING, event="1-5")) == ("2-6", False)
    assert event_of(Standing(2, 6, ENDED), known(FIRING, event="1-5")) == ("2-6", False)


def test_what_follows_keeps_its_beginning() -> None:
    """A word that comes before the last was told does not put it off; after an end all begins anew."""
    first, second = Standing(1, 5, FIRING), Standing(2, 9, FIRING)
    assert second.after(first).first_at == 5
    assert Standing(3, 11, FIRING).after(second.after(first)).first_at == 5
    assert second.after(None).first_at == second.after(Standing(1, 5, ENDED)).first_at == 9
