"""What the exchange's history lists and the book lacks is told by id, and nothing that the book counts already."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing, by_leg, cause_of, missing_from
from reconcile_actors.domain.movements import Movement, MovementType

BTC, USD = Leg("spot", "BTC", Field.TOTAL), Leg("spot", "USD", Field.TOTAL)
LISTED = Movement("x", "spot", MovementType.FILL, "T1", {BTC: Decimal(1), USD: Decimal(-101)}, "BTC/USD")
FILL = replace(LISTED, effects={BTC: Decimal(1), USD: Decimal(-100)})
FEE = Movement("x", "spot", MovementType.FEE, "T1", {USD: Decimal(-1)}, "USD")
EMPTY = replace(LISTED, effects={})


def lacking(
    listed: Movement,
    booked: Sequence[Movement] = (),
    *,
    included: bool = False,
    tolerance: Mapping[Leg, Decimal] | None = None,
) -> tuple[Missing, ...]:
    """What of one listed movement a book of the spot wallet lacks."""
    steps = tolerance or {}
    return missing_from(
        [listed],
        lambda movement_id: [one for one in booked if one.id == movement_id],
        lambda _: included,
        frozenset({"spot"}),
        lambda leg: steps.get(leg, Decimal(0)),
    )


def test_what_is_listed_and_not_booked_is_missing() -> None:
    """The whole of its effects is lacking, by the exchange's own id."""
    [one] = lacking(LISTED)
    assert (one.id, one.effects, one.partly_known) == ("T1", LISTED.effects, False)


def test_what_is_booked_is_not_missing() -> None:
    """The same content under the same id lacks nothing."""
    assert lacking(LISTED, [LISTED]) == ()


def test_a_fee_that_was_booked_apart_counts_to_its_fill() -> None:
    """The exchange lists one event where the trading process told two: all that is known under the id is added up."""
    assert lacking(LISTED, [FILL, FEE]) == ()


def test_only_the_part_that_is_not_booked_is_lacking() -> None:
    """Of a fill without its fee, the fee is missing."""
    [one] = lacking(LISTED, [FILL])
    assert (one.effects, one.partly_known) == ({USD: Decimal(-1)}, True)


def test_what_is_booked_beyond_the_listed_is_lacking_too() -> None:
    """A leg that history does not know differs as well."""
    [one] = lacking(FILL, [FILL, FEE])
    assert one.effects == {USD: Decimal(1)}


@pytest.mark.parametrize(
    "other", [{"instrument": "BTC/EUR"}, {"side": "sell"}, {"order_id": "O2"}, {"wallet": "margin"}]
)
def test_the_same_id_may_stand_for_another_event(other: dict[str, str]) -> None:
    """Exchanges number the fills of each symbol for themselves: one that is booked says nothing of the other."""
    listed = replace(LISTED, order_id="O1", side="buy")
    booked = replace(listed, **other)
    [one] = lacking(listed, [booked])
    assert (one.effects, one.partly_known) == (LISTED.effects, False)
    assert lacking(listed, [booked, LISTED]) == ()


def test_both_sides_of_a_move_may_share_an_id() -> None:
    """A move from one currency into another is two transfers under one id, and neither lacks the other."""
    out = Movement("x", "spot", MovementType.TRANSFER, "P1", {BTC: Decimal(-1)}, "BTC")
    into = Movement("x", "spot", MovementType.TRANSFER, "P1", {USD: Decimal(9)}, "USD")
    assert lacking(out, [out, into]) == ()
    assert [one.effects for one in lacking(into, [out])] == [into.effects]


@pytest.mark.parametrize(("step", "count"), [("1", 0), ("0.99", 1)])
def test_rounding_is_no_missing_movement(step: str, count: int) -> None:
    """Of what is known, differences within a step are rounding."""
    assert len(lacking(LISTED, [FILL], tolerance={USD: Decimal(step)})) == count


def test_a_small_movement_is_missing_whatever_the_tolerance() -> None:
    """An id that the book lacks is no rounding."""
    assert len(lacking(LISTED, tolerance={BTC: Decimal(5), USD: Decimal(500)})) == 1


@pytest.mark.parametrize(
    "other", [{"pending": True}, {"id": None}, {"wallet": "margin"}, {"effects": {BTC: Decimal(0)}}]
)
def test_what_cannot_be_missed_is_left_out(other: dict[str, object]) -> None:
    """What is pending, has no id, moves nothing or belongs to a wallet that is not compared."""
    assert lacking(replace(LISTED, **other)) == ()


def test_what_a_statement_includes_is_not_missing() -> None:
    """Whether its report never came, or came and was stored without effects of its own."""
    assert lacking(LISTED, included=True) == ()
    assert lacking(LISTED, [EMPTY], included=True) == ()


def test_what_was_booked_otherwise_is_missing_even_if_included() -> None:
    """A book that holds a part of the event did not take it from the statement."""
    assert len(lacking(LISTED, [FILL], included=True)) == 1


def test_locks_are_not_looked_for_in_history() -> None:
    """History lists value; what orders lock follows from orders."""
    locks = {Leg("spot", "USD", Field.LOCKED): Decimal(-100)}
    assert lacking(LISTED, [replace(LISTED, effects={**LISTED.effects, **locks})]) == ()


@pytest.mark.parametrize(
    ("kind", "amount", "cause"),
    [
        (MovementType.FILL, 1, "missed_fill"),
        (MovementType.FEE, -1, "missed_fee"),
        (MovementType.FUNDING, -1, "missed_funding"),
        (MovementType.REWARD, 1, "missed_reward"),
        (MovementType.TRANSFER, 1, "missed_deposit"),
        (MovementType.TRANSFER, -1, "missed_withdrawal"),
        (MovementType.ADJUSTMENT, 1, "exchange_adjustment"),
    ],
)
def test_a_cause_has_a_name(kind: MovementType, amount: int, cause: str) -> None:
    """By the type of the movement and, of transfers, their direction."""
    effects = {BTC: Decimal(amount)}
    assert cause_of([Missing(replace(LISTED, type=kind, effects=effects), effects)], BTC) == cause


def test_the_largest_share_names_the_cause() -> None:
    """Of several missing movements, on the leg in question alone."""
    small = Missing(FEE, {USD: Decimal(-1)})
    deposit = {USD: Decimal(50), BTC: Decimal("0.1")}
    large = Missing(replace(FEE, type=MovementType.TRANSFER), deposit)
    fill = Missing(LISTED, {BTC: Decimal(1)})
    assert cause_of([small, large, fill], USD) == "missed_deposit"
    assert cause_of([small, large, fill], BTC) == "missed_fill"


def test_a_movement_that_is_known_otherwise_differs() -> None:
    """It was not missed: one of the two sides has it wrong."""
    assert cause_of([Missing(LISTED, {USD: Decimal(-1)}, partly_known=True)], USD) == "differing_movement"


def test_missing_movements_are_told_by_leg() -> None:
    """One that touches two legs stands under both."""
    fill, fee = Missing(LISTED, LISTED.effects), Missing(FEE, FEE.effects)
    assert by_leg([fill, fee]) == {BTC: (fill,), USD: (fill, fee)}
