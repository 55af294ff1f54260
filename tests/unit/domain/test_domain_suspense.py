"""Suspense, and what the book does with late movements of what was adopted or posted before."""

from __future__ import annotations

from decimal import Decimal

import pytest
from domain_values import ACCOUNT, BTC, USD, at, fee, fill, transfer, us

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Duplicate, Recording, Refusal
from reconcile_actors.domain.changes import Change, Compensation, Posted, Record, Stated, Statement
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.postings import REMEMBERED_MAX, Postings
from reconcile_actors.domain.suspense import SUSPENDED_MAX, Suspense, counter_of

STEPS = {"USD": Decimal("0.01"), "BTC": Decimal("0.0001")}


def opened() -> Book:
    """A book with BTC and USD."""
    book = Book(ACCOUNT, ("spot",))
    balances = {"BTC": Stated(Decimal(1)), "USD": Stated(Decimal(1000))}
    take(book, Statement("spot", 1, at(0), balances=balances), 0)
    return book


def take(book: Book, change: Change, second: float = 10) -> Recording:
    """Proposes and applies."""
    recording = book.propose(change, at(second))
    assert isinstance(recording, Recording)
    book.apply(recording, us(second))
    return recording


def adoption(amount: str, cut: float = 9, id_: str = "A1") -> Compensation:
    """An unexplained amount of USD."""
    movement = Movement(ACCOUNT, "spot", MovementType.ADJUSTMENT, id_, {USD: Decimal(amount)}, occurred_at=at(cut))
    return Compensation(movement, id_, at(cut))


def posted(record: Record) -> Record:
    """The same, posted from history."""
    return Record(record.movement, record.quantity, Posted("A1", STEPS))


def test_an_adoption_stands_until_it_is_explained() -> None:
    """Amount, cut and adjustment; a counter entry takes out of it, to nothing and beyond."""
    book = opened()
    take(book, adoption("-7"))
    (one,) = book.suspense.open
    assert (one.leg, one.amount, one.cut_at, one.adjustment) == (USD, Decimal(-7), at(9), "A1")
    assert book.legs[USD] == 993
    late = take(book, transfer("W1", "-5", 8)).movement
    counter = book.counter_of(late)
    assert counter == {USD: Decimal(5)}
    take(book, Compensation(Movement(ACCOUNT, "spot", MovementType.ADJUSTMENT, "A1:c", counter), "A1:c"))
    assert book.legs[USD] == 993
    assert [str(one.amount) for one in book.suspense.open] == ["-2"]
    assert isinstance(book.propose(adoption("-7"), at(11)), Duplicate)


@pytest.mark.parametrize(
    ("happened", "nets"), [(8.0, True), (9.0, True), (9.000001, False), (12.0, False), (None, False)]
)
def test_only_what_happened_by_the_cut_is_taken_back(happened: float | None, nets: bool) -> None:
    """By its own time; what has none is not known to be part of it."""
    movement = transfer("W1", "-7", happened).movement
    assert bool(counter_of(movement.effects, movement.occurred_at, {USD: at(9)})) is nets


def test_a_whole_second_may_lie_behind_the_cut() -> None:
    """An own time in whole seconds stands for any instant of its second."""
    second = 1_800_000_000_000_000
    assert counter_of({USD: Decimal(1)}, second, {USD: second + 500_000}) == {}
    assert counter_of({USD: Decimal(1)}, second, {USD: second + 1_000_000}) == {USD: Decimal(-1)}


def test_other_legs_and_locks_are_left_alone() -> None:
    """A fill of which one side was adopted moves its other side."""
    locked = Leg("spot", "USD", Field.LOCKED)
    effects = {BTC: Decimal(1), USD: Decimal(-5), locked: Decimal(-5)}
    assert counter_of(effects, at(1), {USD: at(9), locked: at(9)}) == {USD: Decimal(5)}


def test_a_later_adoption_moves_the_cut_on() -> None:
    """Amounts add up; everything up to the newest cut is part of them."""
    suspense = Suspense()
    suspense.adopt({USD: Decimal(-7)}, at(9), "A1")
    suspense.adopt({USD: Decimal(3)}, at(5), "A2")
    (one,) = suspense.open
    assert (str(one.amount), one.cut_at, one.adjustment) == ("-4", at(9), "A2")
    suspense.net({USD: Decimal(4), BTC: Decimal(1)})
    assert suspense.open == ()
    assert suspense.cuts == {USD: at(9)}


def test_suspense_is_bounded() -> None:
    """I12: a leg more than the bound has no room; one that stands already has."""
    suspense = Suspense()
    legs = {Leg("spot", f"C{number}", Field.TOTAL): Decimal(1) for number in range(SUSPENDED_MAX)}
    assert suspense.has_room_for(legs)
    suspense.adopt(legs, at(1), "A1")
    assert suspense.has_room_for(dict(list(legs.items())[:1]))
    assert not suspense.has_room_for({USD: Decimal(1)})


@pytest.mark.parametrize(("through", "stands"), [(None, False), (at(9), False), (at(8), True)])
def test_a_statement_ends_what_it_includes(through: int | None, stands: bool) -> None:
    """Stated anew, a wallet needs no cause any more; what lies behind the statement's reach stays on top of it."""
    book = opened()
    take(book, adoption("-7"))
    balances = {"BTC": Stated(Decimal(1)), "USD": Stated(Decimal(1000))}
    take(book, Statement("spot", 2, at(12), balances=balances, includes_through=through), 12)
    assert bool(book.suspense.open) is stands
    assert book.legs[USD] == (993 if stands else 1000)


def test_another_wallet_or_kind_ends_nothing() -> None:
    """Positions stated say nothing of balances."""
    suspense = Suspense()
    suspense.adopt({USD: Decimal(1)}, at(9), "A1")
    suspense.restate("spot", positions=True, through=None)
    suspense.restate("margin", positions=False, through=None)
    assert suspense.open
    suspense.restate("spot", positions=False, through=None)
    assert not suspense.open


# -- late reports of what was posted from history ----------------------------------------------------------------------


def test_a_late_original_is_a_duplicate() -> None:
    """Also with parts of the key that history did not tell, and with amounts that the exchange rounded."""
    book = opened()
    take(book, posted(fill("T9", happened=5, fee="6.00")))
    version = book.version
    assert isinstance(book.propose(fill("T9", happened=5, fee="6", order_id="O1"), at(20)), Duplicate)
    assert isinstance(book.propose(fill("T9", happened=5, fee="6.019"), at(20)), Duplicate)
    assert isinstance(book.propose(fee("T9", "-6"), at(20)), Duplicate)  # a fee told apart is part of the fill
    assert book.version == version


def test_a_late_original_with_other_content_is_refused_without_doubt() -> None:
    """The exchange's own word stands: no conflict makes the account unknown."""
    book = opened()
    take(book, posted(fill("T9", happened=5)))
    answer = book.propose(fill("T9", quantity="0.2", happened=5), at(20))
    assert answer == Refusal("conflict", conflict=False)
    assert book.propose(transfer("T9", "1", 5), at(20)).__class__ is Recording  # another event under the same id


def test_what_was_reported_keeps_its_conflicts() -> None:
    """The exact rule holds where the service posted nothing."""
    book = opened()
    take(book, fill("T9", happened=5))
    assert book.propose(fill("T9", quantity="0.2", happened=5), at(20)) == Refusal("conflict", conflict=True)


def test_postings_are_bounded() -> None:
    """I12: the newest of both are remembered."""
    postings = Postings()
    for number in range(REMEMBERED_MAX + 5):
        postings.note_id(f"T{number}", Posted(f"A{number}"))
    assert len(postings.adjustments) == len(postings.ids) == REMEMBERED_MAX
    assert "T0" not in postings.ids
    assert f"A{REMEMBERED_MAX + 4}" in postings.adjustments


# -- whether a decision still holds ------------------------------------------------------------------------------------


def test_what_makes_a_decision_stale() -> None:
    """A restatement, or something on its legs from before the cut, or of unknown time; nothing later, and nothing elsewhere."""
    book = opened()
    version = book.version
    take(book, transfer("W1", "-1", 12), 12)
    take(book, transfer("W2", "1", 5, currency="BTC"), 12)
    assert not book.has_moved_since(version, [USD], at(9))
    assert not book.has_moved_since(version, [USD], None)
    take(book, transfer("W3", "-1", 8), 12)
    assert book.has_moved_since(version, [USD], at(9))
    assert not book.has_moved_since(version, [USD], None)
    version = book.version
    take(book, transfer("W4", "-1"), 12)
    assert book.has_moved_since(version, [USD], at(9))
    version = book.version
    take(book, Statement("spot", 2, at(13), balances={"USD": Stated(Decimal(5))}), 13)
    assert book.has_moved_since(version, [], None)
    book.forget_recent(us(14))
    assert book.has_moved_since(version, [], None)
