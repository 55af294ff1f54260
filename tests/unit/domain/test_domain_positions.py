"""Positions are compared like balances: signed, omitted where they are flat, and unknown until they were stated."""

from decimal import Decimal

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.changes import Record
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.settlement import Settlement
from reconcile_actors.domain.snapshot import UnknownReason
from tests.unit.domain.domain_values import ACCOUNT, Desk, at, positions

BTC, ETH = "BTC/USDC:USDC", "ETH/USDC:USDC"
COMPARED = frozenset({Field.TOTAL, Field.POSITION})


def perp_fill(id_: str, side: str, quantity: str, happened: float, symbol: str = BTC) -> Record:
    effects = fill_effects("spot", symbol, side, Decimal(quantity), Decimal(100), settlement=Settlement.NOTIONAL)
    movement = Movement(ACCOUNT, "spot", MovementType.FILL, id_, effects, symbol, side=side, occurred_at=at(happened))
    return Record(movement, Decimal(quantity))


def desk(stated: dict[str, str] | None) -> Desk:
    one = Desk({"USDC": "1000"}, authoritative=COMPARED)
    if stated is not None:
        one.tell(positions(1, stated), -90)
    return one


def test_both_sides_agree_in_cash_and_positions() -> None:
    """A fill that was told moves both, and a short is negative."""
    one = desk({BTC: "-1"})
    one.tell(perp_fill("F1", "sell", "2", -10), -10)
    one.look(0.0, {"USDC": "1200"}, positions={BTC: "-3"})
    assert (one.tracker.reason, one.open) == (None, {})


def test_a_missed_fill_is_found_in_position_and_cash() -> None:
    """Its two effects are two discrepancies of one cause."""
    one = desk({BTC: "-1"})
    missed = perp_fill("F1", "buy", "0.25", -10)
    one.look(0.0, {"USDC": "975"}, positions={BTC: "-0.75"})
    one.settle(0.0, {"USDC": "975"}, positions={BTC: "-0.75"})
    one.history(4.0, missed)
    one.settle(4.0, {"USDC": "975"}, positions={BTC: "-0.75"})
    assert one.open == {f"{BTC}.position": "confirmed 0.25", "USDC.total": "confirmed -25"}
    assert {each.cause for each in one.register.all_open()} == {"missed_fill"}


def test_a_position_that_was_closed_may_be_left_out() -> None:
    """What the exchange does not list is flat: it agrees with a book that closed it, and differs from one that did not."""
    one = desk({BTC: "1", ETH: "2"})
    one.tell(perp_fill("F1", "sell", "1", -10), -10)
    one.look(0.0, {"USDC": "1100"}, positions={ETH: "2"})
    assert one.open == {}
    for requested in (10.0, 16.0):
        one.settle(requested, {"USDC": "1100"}, positions={})
    assert one.open == {f"{ETH}.position": "confirmed -2"}


def test_a_position_that_nobody_stated_is_unknown_not_zero() -> None:
    """As long as a side holds one and the trading process has stated none, nothing else makes the account a match."""
    one = desk(None)
    one.look(0.0, {"USDC": "1000"})
    assert one.tracker.reason is None
    one.look(1.0, {"USDC": "1000"}, positions={BTC: "1"})
    assert one.tracker.reason is UnknownReason.NO_OPENING
    one.tell(perp_fill("F1", "sell", "1", 2.0), 2.0)
    one.look(10.0, {"USDC": "1100"})
    assert one.tracker.reason is UnknownReason.NO_OPENING
    one.tell(positions(1, {}), 11.0)
    one.look(20.0, {"USDC": "1100"})
    assert one.tracker.reason is None


def test_where_positions_are_not_compared_they_are_not_asked_for() -> None:
    """An exchange that states none leaves those of the book alone."""
    one = Desk({"USDC": "1000"}, authoritative=frozenset({Field.TOTAL}))
    one.tell(perp_fill("F1", "sell", "1", -10), -10)
    one.look(0.0, {"USDC": "1100"})
    assert one.tracker.reason is None
    assert Leg("spot", BTC, Field.POSITION) in one.book.legs
