"""Entries that the exchange gives no id meet the book by type, symbol, currency, amount and own time."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Duplicate, Recording
from reconcile_actors.domain.causes import Missing, cause_of, missing_from
from reconcile_actors.domain.changes import Posted, Record, Statement
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.settlement import Settlement
from tests.unit.domain.domain_values import at, statement, us

HOUR = 3600.0
WITHIN_US = 4_000_000
USDC = Leg("spot", "USDC", Field.TOTAL)


def funding(id_: str | None, happened: float | None, amount: str = "-1.25", symbol: str = "BTC/USDC:USDC") -> Movement:
    own = None if happened is None else at(happened)
    return Movement("sim", "spot", MovementType.FUNDING, id_, {USDC: Decimal(amount)}, symbol, occurred_at=own)


def book_with(*told: Movement, remembered: int = 100, recorded: float = 0.0) -> Book:
    """An opened book that was told these, in this order."""
    book = Book("sim", ("spot",), remembered_ids=remembered, settlement=Settlement.NOTIONAL)
    changes: list[Record | Statement] = [statement(1, {"USDC": "100"}), *(Record(one) for one in told)]
    for change in changes:
        proposal = book.propose(change, at(recorded))
        assert isinstance(proposal, Recording)
        book.apply(proposal, us(recorded))
    return book


def lacking(book: Book, *listed: Movement) -> tuple[Missing, ...]:
    return missing_from(
        listed,
        book.known,
        book.includes,
        frozenset({"spot"}),
        lambda _: Decimal(0),
        unnamed=book.unnamed(WITHIN_US),
    )


@pytest.mark.parametrize("late", [0.0, 4.0, -4.0])
def test_a_report_near_in_time_accounts_for_it(late: float) -> None:
    """Own times within L + R are one and the same payment."""
    assert lacking(book_with(funding("F1", HOUR)), funding(None, HOUR + late)) == ()


@pytest.mark.parametrize(
    "told",
    [
        funding("F1", HOUR + 4.1),
        funding("F1", HOUR, amount="-1.26"),
        funding("F1", HOUR, symbol="ETH/USDC:USDC"),
        replace(funding("F1", HOUR), type=MovementType.FEE),
        replace(funding("F1", HOUR), effects={Leg("spot", "USD", Field.TOTAL): Decimal("-1.25")}),
    ],
)
def test_another_payment_does_not(told: Movement) -> None:
    """Each part of what makes it the same must agree."""
    [one] = lacking(book_with(told), funding(None, HOUR))
    assert (one.movement.id, one.effects, one.partly_known) == (None, {USDC: Decimal("-1.25")}, False)
    assert cause_of([one], USDC) == "missed_funding"


def test_equal_payments_of_two_hours_are_two() -> None:
    """One report accounts for one of them, whichever was told; the other is named by its hour."""
    listed = funding(None, HOUR), funding(None, 2 * HOUR)
    for hour, other in ((HOUR, listed[1]), (2 * HOUR, listed[0])):
        [one] = lacking(book_with(funding("F1", hour)), *listed)
        assert one.movement is other
    both = lacking(book_with(), *listed)
    assert len({one.id for one in both}) == len({one.movement.key_text() for one in both}) == 2


def test_equal_payments_at_one_time_are_counted() -> None:
    """Two entries need two reports, even where nothing tells them apart."""
    listed = funding(None, HOUR), funding(None, HOUR)
    assert len(lacking(book_with(funding("F1", HOUR)), *listed)) == 1
    assert lacking(book_with(funding("F1", HOUR), funding("F2", HOUR + 1)), *listed) == ()


def test_a_report_without_own_time_counts_from_when_it_was_told() -> None:
    """It may stand for the payment just before, not for one of another hour."""
    book = book_with(funding("F1", None), recorded=HOUR + 1)
    assert lacking(book, funding(None, HOUR)) == ()
    assert len(lacking(book, funding(None, 2 * HOUR))) == 1


def test_an_entry_without_own_time_matches_any() -> None:
    """A part that one side omits matches anything."""
    assert lacking(book_with(funding("F1", HOUR)), replace(funding(None, HOUR), occurred_at=None)) == ()


def test_what_a_statement_includes_is_not_missing() -> None:
    """The opening counts what happened before it."""
    assert lacking(book_with(), funding(None, -100.0)) == ()


def test_pending_entries_and_other_wallets_are_never_missing() -> None:
    """As with entries that bear an id."""
    other = replace(funding(None, HOUR), wallet="elsewhere")
    assert lacking(book_with(), replace(funding(None, HOUR), pending=True), other) == ()


def test_of_what_may_be_forgotten_nothing_is_said() -> None:
    """A bounded memory that has let go of older reports names nothing from before its oldest: that would be a guess."""
    told = [funding(f"F{n}", HOUR + n * 60, amount=f"-{n + 1}") for n in range(4)]
    book = book_with(*told, remembered=2)
    assert lacking(book, funding(None, HOUR)) == ()
    assert len(lacking(book, funding(None, HOUR + 600))) == 1


def test_without_a_rule_they_are_left_out() -> None:
    """A caller that cannot say how they meet the book hears nothing of them."""
    book = book_with()
    listed = [funding(None, HOUR)]
    assert missing_from(listed, book.known, book.includes, frozenset({"spot"}), lambda _: Decimal(0)) == ()


def backfilled(hour: float) -> Record:
    """What a repair posts of a payment that history named: under the movement's name, since it has no id."""
    listed = funding(None, hour)
    return Record(replace(listed, id=listed.name), posted=Posted("repair", {}))


def test_a_report_after_the_repair_counts_once() -> None:
    """It bears an id of the trading process's own, and is the payment that was posted already; another hour's is not."""
    book = book_with()
    posting = book.propose(backfilled(HOUR), at(HOUR + 10))
    assert isinstance(posting, Recording)
    book.apply(posting, us(HOUR + 10))
    assert lacking(book, funding(None, HOUR)) == ()
    assert isinstance(book.propose(Record(funding("F1", HOUR + 2)), at(HOUR + 20)), Duplicate)
    assert isinstance(book.propose(Record(funding("F1", HOUR, amount="-1.26")), at(HOUR + 20)), Recording)
    assert isinstance(book.propose(Record(funding("F2", 2 * HOUR)), at(2 * HOUR)), Recording)


def test_what_was_posted_under_an_id_of_the_exchange_is_met_by_that_id() -> None:
    """Only a posting without one is recognised by what it moves."""
    book = book_with()
    posting = book.propose(Record(funding("X1", HOUR), posted=Posted("repair", {})), at(HOUR))
    assert isinstance(posting, Recording)
    book.apply(posting, us(HOUR))
    assert isinstance(book.propose(Record(funding("X1", HOUR)), at(HOUR)), Duplicate)
    assert isinstance(book.propose(Record(funding("X2", HOUR)), at(HOUR)), Recording)
