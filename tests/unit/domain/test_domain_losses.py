"""What of a discrepancy is lost without a reason that one may trust, and since when."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State
from reconcile_actors.domain.losses import Known, Loss, Named, Ripening, losses_of
from reconcile_actors.domain.movements import Movement, MovementType

USD = Leg("spot", "USD", Field.TOTAL)
EARN = Leg("earn", "USD", Field.TOTAL)
PERP = Leg("spot", "BTC/USDC:USDC", Field.POSITION)


def discrepancy(difference: str, leg: Leg = USD, **changes: object) -> BalanceDiscrepancy:
    """One past doubt, worth its amount in USD."""
    one = BalanceDiscrepancy(
        id="a:spot:USD:total:1",
        exchange="a",
        wallet=leg.wallet,
        currency=leg.currency,
        field=leg.field,
        episode=1,
        kind=Kind.MISMATCH,
        severity=Severity.WARNING,
        local=Decimal(0),
        exchange_value=Decimal(0),
        difference=Decimal(difference),
        value_usd=abs(Decimal(difference)),
        tolerance=Decimal(0),
        cause="unexplained",
        state=State.CONFIRMED,
        detected_at=1,
    )
    return replace(one, **changes)  # type: ignore[arg-type] # a test names the fields that it means


def missing(kind: MovementType, id_: str = "M1", **effects: str) -> Missing:
    """A movement that the book lacks; `earn` and `perp` are other legs, any other name is a currency of the wallet."""
    legs = {"earn": EARN, "perp": PERP}
    found = {legs.get(name, Leg("spot", name, Field.TOTAL)): Decimal(amount) for name, amount in effects.items()}
    return Missing(Movement("a", "spot", kind, id_, found), found)


def lost(
    one: BalanceDiscrepancy,
    *placed: Missing,
    loose: Sequence[Missing] = (),
    gone: Sequence[Missing] = (),
    before: BalanceDiscrepancy | None = None,
    peak: str | None = None,
) -> tuple[str, str] | None:
    """How much of one discrepancy is lost, and how much of that was withdrawn."""
    known = Known({} if before is None else {before.id: before})
    if peak is not None:
        known.follow([replace(one, difference=Decimal(peak))])
    known.follow([one])
    found = losses_of([one], Named(placed, loose, gone), known)
    return (f"{found[0].amount}", f"{found[0].withdrawn}") if found else None


@pytest.mark.parametrize(
    ("difference", "named", "expected"),
    [
        ("-100", [], ("100", "0")),
        ("100", [], None),
        ("-100", [missing(MovementType.FILL, USD="-100")], None),
        ("-100", [missing(MovementType.FEE, USD="-60")], ("40", "0")),
        ("-100", [missing(MovementType.FEE, USD="-160")], None),
        ("-100", [missing(MovementType.TRANSFER, USD="-100")], ("100", "100")),
        ("-100", [missing(MovementType.TRANSFER, USD="-30"), missing(MovementType.FUNDING, USD="-50")], ("50", "30")),
        ("-100", [missing(MovementType.TRANSFER, USD="-900")], ("100", "100")),
        ("-100", [missing(MovementType.TRANSFER, USD="900")], ("100", "0")),
        ("-100", [missing(MovementType.TRANSFER, USD="-100", earn="100")], None),
        ("-100", [missing(MovementType.TRANSFER, USD="-100", earn="40")], ("100", "100")),
        ("-100", [missing(MovementType.FILL, BTC="-3")], ("100", "0")),
    ],
)
def test_what_is_lost(difference: str, named: list[Missing], expected: tuple[str, str] | None) -> None:
    """What history explains is not; what left the account is, though history names it; never more than balances show."""
    assert lost(discrepancy(difference), *named) == expected


FILL = missing(MovementType.FILL, USD="-70")
DEPOSIT = missing(MovementType.TRANSFER, USD="50")
WITHDRAWAL = missing(MovementType.TRANSFER, USD="-60")


@pytest.mark.parametrize(
    ("loose", "gone", "expected"),
    [
        ([FILL], [], ("30", "0")),
        ([], [FILL], ("30", "0")),
        ([DEPOSIT], [], ("100", "0")),
        ([], [DEPOSIT], ("100", "0")),
        ([FILL, DEPOSIT], [FILL, DEPOSIT], None),
        ([WITHDRAWAL], [], ("100", "60")),
        ([], [WITHDRAWAL], ("40", "0")),
    ],
)
def test_what_a_difference_may_hold_is_no_loss(
    loose: list[Missing], gone: list[Missing], expected: tuple[str, str] | None
) -> None:
    """What no read has placed yet and what was told since: a loss is what is lost at least. An outflow that the book lacks
    is one, one that was told is none."""
    assert lost(discrepancy("-100"), loose=loose, gone=gone, peak="100") == expected


def test_a_loss_behind_a_gain_is_seen() -> None:
    """A deposit that nobody reported must not hide what is taken afterwards; one that the book holds under another id is no
    loss."""
    deposit = missing(MovementType.TRANSFER, USD="900")
    assert lost(discrepancy("900"), deposit) is None
    assert lost(discrepancy("300"), deposit, peak="900") == ("600", "0")
    assert lost(discrepancy("-50"), deposit, peak="900") == ("950", "0")
    assert lost(discrepancy("-20"), deposit) == ("20", "0")
    assert lost(discrepancy("20"), deposit) is None


@pytest.mark.parametrize("difference", ["5", "-5"])
def test_a_position_is_lost_either_way(difference: str) -> None:
    """More of a contract than the book knows of is as bad as less of it."""
    one = discrepancy(difference, PERP)
    assert lost(one) == ("5", "0")
    assert lost(one, missing(MovementType.FILL, perp=difference)) is None
    assert lost(one, missing(MovementType.FILL, perp=str(Decimal(difference) * 3))) == ("5", "0")
    halves = [missing(MovementType.FILL, perp=str(Decimal(difference) * factor)) for factor in (Decimal("0.8"), -2)]
    assert lost(one, loose=halves[:1]) == ("1.0", "0")
    assert lost(one, gone=halves[1:]) == ("5", "0")
    assert lost(one, loose=halves[:1], gone=halves[:1]) is None


@pytest.mark.parametrize(
    "one",
    [
        discrepancy("-100", state=State.CANDIDATE),
        discrepancy("-100", state=State.IGNORED),
        discrepancy("-100", kind=Kind.PRECISION),
        discrepancy("-100", USD._replace(field=Field.LOCKED)),
        discrepancy("-100", USD._replace(field=Field.MOVEMENT)),
    ],
)
def test_what_is_no_loss(one: BalanceDiscrepancy) -> None:
    """What is in doubt, expected, rounding, only locked, or only an id."""
    assert lost(one) is None


def test_what_was_explained_before_a_restart_stays_so() -> None:
    """As long as history does not list it again: then it speaks for itself."""
    before = discrepancy("-100", cause="missed_fee", evidence=("M1",), explained=Decimal(-90))
    assert lost(discrepancy("-100"), before=before) == ("10", "0")
    assert lost(discrepancy("-100"), before=replace(before, explained=None)) is None
    assert lost(discrepancy("-100"), missing(MovementType.FEE, USD="-70"), before=before) == ("30", "0")
    for cause in (None, "unexplained", "missed_withdrawal"):
        assert lost(discrepancy("-100"), before=replace(before, cause=cause)) == ("100", "0")


def test_worth_and_size() -> None:
    """At the price that the discrepancy was valued with; without one, only what was found severe is large."""
    loss = Loss(discrepancy("-3", value_usd=Decimal(1)), Decimal(3))
    assert loss.worth(Decimal("1.5")) == Decimal("0.5")
    assert loss.is_large(Decimal(3), Decimal(1))
    assert not loss.is_large(Decimal("2.9"), Decimal(1))
    unpriced = Loss(discrepancy("-3", value_usd=None), Decimal(3))
    assert unpriced.worth(Decimal(3)) is None
    assert not unpriced.is_large(Decimal(3), Decimal(1))
    severe = Loss(discrepancy("-3", value_usd=None, severity=Severity.ERROR), Decimal(3))
    assert severe.is_large(Decimal("0.1"), Decimal(1))
    assert not severe.is_large(Decimal(0), Decimal(1))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20).map(Decimal)), min_size=1, max_size=40),
    st.integers(0, 20),
)
def test_ripe_is_the_least_that_was_seen_since(steps: list[tuple[int, Decimal]], age: int) -> None:
    """Against the plain definition: the smallest amount from the last observation at or before the instant until now."""
    ripening, now, seen = Ripening(), 0, []
    for pause, amount in steps:
        now += pause
        ripening.observe(amount, now)
        seen.append((now, amount))
        until = now - age
        earlier = [index for index, (at, _) in enumerate(seen) if at <= until]
        expected = min(one for _, one in seen[earlier[-1] :]) if earlier else Decimal(0)
        assert ripening.ripe(until) == expected


def test_what_is_restarted_ripens_anew() -> None:
    """What was unexplained up to an instant stays as old as it is, the rest is as young as if it came now."""
    ripening = Ripening()
    for instant, amount in ((1, 10), (5, 20), (6, 30)):
        ripening.observe(Decimal(amount), instant)
    ripening.restart(4, 9)
    assert [ripening.ripe(until) for until in (4, 8, 9)] == [10, 10, 30]
    ripening.restart(9, 12)
    assert ripening.ripe(9) == 30
