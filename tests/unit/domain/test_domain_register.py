"""One discrepancy an open leg: it comes, changes and goes, and each loss is an episode of its own."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.discrepancy import Kind, Severity, State
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.register import EVIDENCE_MAX, Change, Register
from reconcile_actors.domain.valuation import Price, Prices

BTC = Leg("spot", "BTC", Field.TOTAL)
PRICES = {"BTC": Price(Decimal(100), "ticker", 7)}


def register(prices: Prices | None = None) -> Register:
    """With a threshold of 10 USD, and BTC at 100."""
    return Register("x", Decimal(10), prices=PRICES if prices is None else prices)


def see(
    known: Register,
    local: str | None,
    exchange: str | None,
    *,
    leg: Leg = BTC,
    now_at: int = 1,
    confirmed: bool = True,
    tolerance: str = "0",
    missing: tuple[Missing, ...] | None = None,
) -> list[Change]:
    """A read's two values."""
    values = [None if one is None else Decimal(one) for one in (local, exchange)]
    return known.observe(
        leg,
        local=values[0],
        exchange_value=values[1],
        difference=(values[1] or Decimal(0)) - (values[0] or Decimal(0)),
        tolerance=Decimal(tolerance),
        now_at=now_at,
        confirmed=confirmed,
        missing=missing,
    )


def missed(number: int, amount: int, kind: MovementType = MovementType.FILL) -> Missing:
    """A movement that history names."""
    effects = {BTC: Decimal(amount)}
    return Missing(Movement("x", "spot", kind, f"T{number:03}", effects), effects)


def test_a_new_difference_is_a_candidate() -> None:
    """It is told at once, with both values, and is in doubt until reads agree."""
    [change] = see(register(), "2", "1.5", confirmed=False, now_at=5)
    one = change.after
    assert (change.before, change.was_confirmed) == (None, False)
    assert (one.id, one.episode, one.state) == ("x:spot:BTC:total:1", 1, State.CANDIDATE)
    assert (one.local, one.exchange_value, one.difference) == (Decimal(2), Decimal("1.5"), Decimal("-0.5"))
    assert (one.value_usd, one.severity, one.price_source, one.price_at) == (50, Severity.WARNING, "ticker", 7)
    assert (one.detected_at, one.confirmed_at, one.cause) == (5, None, None)


def test_it_is_confirmed_once() -> None:
    """Its id and the instant when it was seen first stay; later reads do not confirm it anew, nor bring back the doubt."""
    known = register()
    see(known, "2", "1", confirmed=False, now_at=5)
    [change] = see(known, "2", "1", now_at=6)
    assert change.before is not None
    assert change.after.id == change.before.id
    assert (change.after.state, change.after.detected_at, change.after.confirmed_at) == (State.CONFIRMED, 5, 6)
    assert change.after.cause == "unexplained"
    assert see(known, "2", "1", now_at=7) == []
    assert see(known, "2", "1", now_at=8, confirmed=False) == []
    assert (known.open[BTC].state, known.open[BTC].confirmed_at) == (State.CONFIRMED, 6)


def test_a_candidate_that_goes_was_timing() -> None:
    """No loss was shown: the fifth kind."""
    known = register()
    see(known, "2", "1", confirmed=False)
    [change] = known.close(BTC, 9)
    assert (change.after.kind, change.after.state, change.after.resolved_at) == (Kind.TIMING, State.RESOLVED, 9)
    assert not change.was_confirmed
    assert known.all_open() == ()


def test_a_confirmed_one_that_goes_keeps_its_kind() -> None:
    """It was a loss, and is over."""
    known = register()
    see(known, "2", "1")
    [change] = known.close(BTC, 9)
    assert (change.after.kind, change.after.state, change.was_confirmed) == (Kind.MISMATCH, State.RESOLVED, True)
    assert known.close(BTC, 10) == []


def test_the_same_loss_twice_is_two_discrepancies() -> None:
    """Each has its own id, and both ids are the same wherever the same happened."""
    ids = []
    for _ in range(2):
        known = register()
        for _ in range(2):
            ids.append(see(known, "2", "1")[0].after.id)
            known.close(BTC, 9)
    assert ids == ["x:spot:BTC:total:1", "x:spot:BTC:total:2"] * 2


def test_episodes_go_on_after_a_restart() -> None:
    """An id is never given twice, and what was open stays the same discrepancy."""
    before = register()
    see(before, "2", "1")
    before.close(BTC, 2)
    see(before, "2", "1")
    again = Register("x", Decimal(10), dict(before.episodes), dict(before.open), PRICES)
    assert see(again, "2", "1") == []
    [change] = see(again, "2", "1.5")
    assert change.after.episode == 2
    again.close(BTC, 3)
    assert see(again, "2", "1")[0].after.episode == 3


def test_legs_count_their_own_episodes() -> None:
    """A lock and a total of one currency are two discrepancies."""
    known = register()
    legs = [Leg("spot", "ETH", Field.TOTAL), Leg("margin", "BTC", Field.TOTAL), replace_field(BTC, Field.LOCKED), BTC]
    ids = [see(known, "2", "1", leg=leg)[0].after.id for leg in legs]
    assert len(set(ids)) == 4
    assert all(one.endswith(":1") for one in ids)
    assert [one.leg for one in known.all_open()] == sorted(legs)


def replace_field(leg: Leg, field: Field) -> Leg:
    """Another quantity of the same currency."""
    return leg._replace(field=field)


@pytest.mark.parametrize(
    ("local", "exchange", "kind"),
    [
        ("0", "2", Kind.MISSING_LOCAL),
        (None, "2", Kind.MISSING_LOCAL),
        ("2", "0", Kind.MISSING_EXCHANGE),
        ("2", "3", Kind.MISMATCH),
        ("2", "2.001", Kind.PRECISION),
    ],
)
def test_the_kind_follows_from_the_two_values(local: str | None, exchange: str, kind: Kind) -> None:
    """Four kinds are seen; the fifth, timing, is known when it is over."""
    [change] = see(register(), local, exchange, tolerance="0.001")
    assert change.after.kind is kind


def test_a_missing_movement_is_missing_even_where_it_sums_up_to_nothing() -> None:
    """A deposit and a withdrawal of one size leave balances equal, and the book without both."""
    leg = replace_field(BTC, Field.MOVEMENT)
    [change] = see(register(), None, "0", leg=leg)
    assert change.after.kind is Kind.MISSING_LOCAL


def test_rounding_is_info_and_has_no_cause() -> None:
    """However much it is worth."""
    [change] = see(register({"BTC": Price(Decimal(10**9), "static")}), "2", "2.001", tolerance="0.001")
    assert (change.after.severity, change.after.cause, change.after.is_loss) == (Severity.INFO, None, False)


def test_rounding_that_becomes_a_loss_is_a_new_episode() -> None:
    """And the other way round: the one is over, the other begins."""
    known = register()
    see(known, "2", "2.001", tolerance="0.001")
    over, begun = see(known, "2", "1", tolerance="0.001", now_at=7)
    assert (over.after.kind, over.after.state, over.after.resolved_at) == (Kind.PRECISION, State.RESOLVED, 7)
    assert (begun.before, begun.after.episode, begun.after.kind) == (None, 2, Kind.MISMATCH)
    over, begun = see(known, "2", "2.001", tolerance="0.001", now_at=8)
    assert (over.after.kind, begun.after.kind, begun.after.episode) == (Kind.MISMATCH, Kind.PRECISION, 3)


def test_a_loss_does_not_drift_by_rounding() -> None:
    """Both sides move as trading goes on; what differs stays, and `difference == exchange - local` does too."""
    known = register()
    see(known, "2", "1")
    assert see(known, "5", "4.001", tolerance="0.001") == []
    one = known.open[BTC]
    assert (one.difference, one.exchange_value, one.local) == (Decimal(-1), Decimal("4.001"), Decimal("5.001"))
    [change] = see(known, "5", "4.002", tolerance="0.001")
    assert change.after.difference == Decimal("-0.998")


@pytest.mark.parametrize(
    ("price", "severity"),
    [
        ("9.99", Severity.INFO),
        ("10", Severity.WARNING),
        ("999", Severity.WARNING),
        ("1000", Severity.ERROR),
        (None, Severity.WARNING),
    ],
)
def test_severity_goes_by_what_it_is_worth(price: str | None, severity: Severity) -> None:
    """From a hundred times the threshold it is an error; what has no price is never small (I1)."""
    prices = {} if price is None else {"BTC": Price(Decimal(price), "static")}
    [change] = see(register(prices), "2", "1")
    assert change.after.severity is severity


def test_a_lock_is_at_most_a_warning() -> None:
    """It moves no value."""
    [change] = see(register({"BTC": Price(Decimal(10**6), "static")}), "2", "1", leg=replace_field(BTC, Field.LOCKED))
    assert change.after.severity is Severity.WARNING


def test_new_prices_change_severities() -> None:
    """A change is told where the severity or the source is another, and not at each tick."""
    known = register({})
    see(known, "2", "1")
    assert (known.open[BTC].value_usd, known.unpriced()) == (None, {"BTC"})
    [change] = known.revalue({"BTC": Price(Decimal(5000), "ticker", 50)})
    assert (change.after.severity, change.after.value_usd) == (Severity.ERROR, 5000)
    assert known.revalue({"BTC": Price(Decimal(5001), "ticker", 60)}) == []
    assert known.unpriced() == set()
    [change] = known.revalue({"BTC": Price(Decimal(5), "ticker", 70)})
    assert change.after.severity is Severity.INFO


def test_an_old_price_is_asked_for_again() -> None:
    """One that is static never is; a contract asks for its base."""
    known = register({"BTC": Price(Decimal(5), "ticker", 50), "ETH": Price(Decimal(5), "static")})
    see(known, "2", "1")
    see(known, "2", "1", leg=Leg("spot", "ETH", Field.TOTAL))
    see(known, "2", "1", leg=Leg("spot", "SOL/USDC:USDC", Field.POSITION))
    assert known.unpriced(50) == {"SOL"}
    assert known.unpriced(51) == {"SOL", "BTC"}


def test_a_value_outlives_its_price() -> None:
    """After a restart what it was worth holds until there is a price again, so that a severity does not flicker."""
    before = register()
    see(before, "12", "1")
    again = Register("x", Decimal(10), dict(before.episodes), dict(before.open))
    assert see(again, "12", "1") == []
    assert (again.open[BTC].severity, again.open[BTC].value_usd) == (Severity.ERROR, 1100)


def test_history_names_the_cause() -> None:
    """Ids in order, and what all of them add up to on this leg."""
    named = (missed(2, 3), missed(1, -1, MovementType.TRANSFER))
    [change] = see(register(), "2", "4", missing=named)
    assert (change.after.cause, change.after.evidence, change.after.explained) == ("missed_fill", ("T001", "T002"), 2)


@pytest.mark.parametrize(("exchange", "cause"), [("5", "missed_fill"), ("8", "missed_fill"), ("9", "unexplained")])
def test_a_cause_accounts_for_the_larger_part(exchange: str, cause: str) -> None:
    """A small missed fill is not the cause of a large loss that nobody names; what it explains is said all the same."""
    [change] = see(register(), "2", exchange, missing=(missed(1, 3),))
    assert (change.after.cause, change.after.explained) == (cause, 3)


def test_a_cause_may_come_later_and_go() -> None:
    """Unknown history changes nothing; history that names nothing leaves it unexplained; a guess has no cause yet."""
    known = register()
    see(known, "2", "1", confirmed=False, missing=())
    assert known.open[BTC].cause is None
    assert see(known, "2", "1")[0].after.cause == "unexplained"
    assert see(known, "2", "1", missing=(missed(1, -1),))[0].after.cause == "missed_fill"
    assert see(known, "2", "1", missing=None) == []
    [change] = see(known, "2", "1", missing=())
    assert (change.after.cause, change.after.evidence, change.after.explained) == ("unexplained", (), None)


def test_evidence_is_bounded() -> None:
    """A hundred ids at most; what they explain counts all of them."""
    many = tuple(missed(number, 1) for number in range(EVIDENCE_MAX + 5))
    [change] = see(register(), "2", "500", missing=many)
    assert (len(change.after.evidence), change.after.explained) == (EVIDENCE_MAX, EVIDENCE_MAX + 5)


def test_a_state_that_a_person_gave_is_kept() -> None:
    """A read that still differs neither confirms nor reopens what waits for an approval."""
    known = register()
    see(known, "2", "1")
    known.open[BTC] = replace(known.open[BTC], state=State.AWAITING_APPROVAL)
    assert see(known, "2", "1") == []
    assert known.open[BTC].state is State.AWAITING_APPROVAL
