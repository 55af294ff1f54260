"""A statement says absolutely what a wallet holds; what it does not include stays on top of it, whatever comes when."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Duplicate, Recording, Refusal
from reconcile_actors.domain.changes import Change, Record, Stated, Statement
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.statements import digest

BTC, USD, ETH = (Leg("spot", currency, Field.TOTAL) for currency in ("BTC", "USD", "ETH"))
BTC_LOCKED, USD_LOCKED = Leg("spot", "BTC", Field.LOCKED), Leg("spot", "USD", Field.LOCKED)
PERP = Leg("spot", "BTC/USD:USD", Field.POSITION)


def take(book: Book, change: Change, now_us: int = 1) -> Recording:
    """Proposes, commits and applies."""
    proposal = book.propose(change, now_us)
    assert isinstance(proposal, Recording)
    book.apply(proposal, now_us)
    return proposal


def stated(version: int | None, through: int | None = None, as_of: int = 0, **totals: int) -> Statement:
    """A statement of totals alone."""
    balances = {currency: Stated(Decimal(total)) for currency, total in totals.items()}
    return Statement("spot", version, as_of, balances=balances, includes_through=through)


def moved(number: int, amount: int, occurred_at: int | None, leg: Leg = BTC) -> Record:
    """A deposit or withdrawal."""
    kind = MovementType.TRANSFER
    effects = {leg: Decimal(amount)}
    return Record(Movement("x", leg.wallet, kind, f"D{number}", effects, leg.currency, occurred_at=occurred_at))


def book_of(*changes: Change, wallets: tuple[str, ...] = ("spot",)) -> Book:
    """A book that took these."""
    book = Book("x", wallets)
    for change in changes:
        take(book, change)
    return book


def test_a_currency_that_is_not_listed_is_zero() -> None:
    """A statement is of the whole wallet, and listed zeros are known."""
    book = book_of(stated(1, BTC=1, USD=5), stated(2, BTC=2, ETH=0))
    assert {leg: book.legs[leg] for leg in (BTC, USD, ETH)} == {BTC: 2, USD: 0, ETH: 0}


def test_other_wallets_and_positions_are_left_alone() -> None:
    """A statement of balances says nothing of another wallet or of positions, and the other way round."""
    far = Leg("swap", "USD", Field.TOTAL)
    book = book_of(stated(1, USD=5), replace(stated(1, USD=7), wallet="swap"), wallets=("spot", "swap"))
    take(book, Statement("spot", 1, 0, positions={PERP.currency: Decimal(3)}))
    take(book, stated(2, USD=6))
    assert (book.legs[USD], book.legs[far], book.legs[PERP]) == (6, 7, 3)
    take(book, Statement("spot", 2, 0, positions={}))
    assert (book.legs[USD], book.legs[far], book.legs[PERP]) == (6, 7, 0)
    window = book.window()
    assert (window.balance_wallets, window.position_wallets) == ({"spot", "swap"}, {"spot"})


def test_without_a_reach_it_includes_all_that_was_recorded_before() -> None:
    """Own times do not matter then; what is recorded later moves on from it."""
    book = book_of(stated(1, BTC=1), moved(1, 4, 999), stated(2, BTC=9), moved(2, 1, 1))
    assert book.legs[BTC] == 10


@pytest.mark.parametrize(("at", "after"), [(100, 9), (101, 13)])
def test_with_a_reach_it_includes_exactly_what_happened_up_to_it(at: int, after: int) -> None:
    """A movement at the reach is included, one after it stays on top, also in a currency that is not listed."""
    book = book_of(stated(1, BTC=1), moved(1, 4, at), moved(2, 4, at, ETH), stated(2, 100, BTC=9))
    assert book.legs[BTC] == after
    assert book.legs[ETH] == after - 9


@pytest.mark.parametrize(("at", "after"), [(100, 9), (101, 13), (None, 13)])
def test_an_included_movement_that_comes_later_keeps_its_id_and_changes_nothing(at: int | None, after: int) -> None:
    """Its duplicate is known, and nothing is counted twice; one without own time is not known to be included."""
    book = book_of(stated(1, 100, BTC=9))
    recording = take(book, moved(1, 4, at))
    assert book.legs[BTC] == after
    assert bool(recording.movement.effects) is (after == 13)
    assert book.propose(moved(1, 4, at), 9) == Duplicate()
    assert book.propose(moved(1, 5, at), 9) == Refusal("conflict", conflict=True)


def test_a_movement_that_history_dates_is_included_by_that_time() -> None:
    """Told without a time of its own, it still counts once when the exchange says that it happened before the reach."""
    book = book_of(stated(1, 100, BTC=9))
    book.date([moved(1, 4, 90).movement])
    take(book, moved(1, 4, None))
    assert book.legs[BTC] == 9


def test_the_order_of_arrival_of_movements_and_statement_does_not_matter() -> None:
    """What a statement includes and what stays on top follows from own times alone."""
    changes = (moved(1, 4, 90), moved(2, 7, 110), stated(2, 100, BTC=20))
    for order in permutations(changes):
        assert book_of(stated(1, BTC=1), *order).legs[BTC] == 27


def test_a_statement_of_positions_includes_positions_alone() -> None:
    """A fill's fee still changes the cash where only positions were stated up to a reach."""
    book = book_of(
        stated(1, USD=100), Statement("spot", 1, 0, positions={PERP.currency: Decimal(5)}, includes_through=50)
    )
    effects = {PERP: Decimal(1), USD: Decimal(-2)}
    take(book, Record(Movement("x", "spot", MovementType.FILL, "T1", effects, PERP.currency, occurred_at=40)))
    assert (book.legs[PERP], book.legs[USD]) == (5, 98)


@pytest.mark.parametrize(
    ("again", "answer"),
    [
        (stated(4, BTC=9), Refusal("older_version")),
        (stated(5, BTC=9), Duplicate()),
        (replace(stated(5, BTC=9), as_of=77), Duplicate()),
        (stated(5, BTC=8), Refusal("version_reused")),
        (stated(5, 100, BTC=9), Refusal("version_reused")),
    ],
)
def test_a_version_is_one_statement(again: Statement, answer: Duplicate | Refusal) -> None:
    """A lower one is refused without the account becoming unknown; the same one is known by its content."""
    book = book_of(stated(5, BTC=9))
    assert book.propose(again, 1) == answer
    assert book.unknown is None


def test_balances_and_positions_have_versions_of_their_own() -> None:
    """A wallet has one statement of each kind."""
    book = book_of(stated(5, BTC=9))
    take(book, Statement("spot", 1, 0, positions={}))
    take(book, stated(6, BTC=9))


def test_an_import_follows_any_version() -> None:
    """It has none of its own, and does not lower the trading process's."""
    book = book_of(stated(5, BTC=9), stated(None, BTC=8))
    assert book.legs[BTC] == 8
    assert book.propose(stated(4, BTC=1), 1) == Refusal("older_version")
    assert book_of(stated(None, BTC=8), stated(1, BTC=3)).legs[BTC] == 3


def test_a_reach_never_goes_back() -> None:
    """What came late was left out of the book, and would be lost."""
    book = book_of(stated(1, 100, BTC=9), moved(1, 4, 90))
    assert book.propose(stated(2, 80, BTC=9), 1) == Refusal("includes_less")
    take(book, stated(2, 100, BTC=10))


def test_a_reach_behind_what_was_forgotten_is_refused() -> None:
    """What must stay on top of the statement is no longer known, and unknown is not zero (I1)."""
    book = Book("x", ("spot",), history_entries=1)
    for change in (stated(1, BTC=1), moved(1, 4, 100), moved(2, 4, 110)):
        take(book, change)
    assert book.propose(stated(2, 99, BTC=9), 1) == Refusal("includes_too_little")
    take(book, stated(2, 100, BTC=9))
    assert book.legs[BTC] == 13


def test_locks_that_are_not_stated_stay_unknown() -> None:
    """None is not zero (I1): a leg that nobody stated is not in the book."""
    book = book_of(stated(1, BTC=9))
    assert BTC_LOCKED not in book.legs


def test_a_field_stated_of_one_currency_is_stated_of_all() -> None:
    """What is not listed is then 0, what is listed without the field is unknown; who stops telling leaves all unknown again."""
    balances = {"BTC": Stated(Decimal(9), Decimal(2)), "USD": Stated(Decimal(5), Decimal(1))}
    book = book_of(Statement("spot", 1, 0, balances=balances))
    take(book, Statement("spot", 2, 0, balances={"BTC": Stated(Decimal(9), Decimal(3))}))
    assert (book.legs[BTC_LOCKED], book.legs[USD_LOCKED]) == (3, 0)
    take(book, Statement("spot", 3, 0, balances={**balances, "USD": Stated(Decimal(5))}))
    assert book.legs[BTC_LOCKED] == 2
    assert USD_LOCKED not in book.legs
    take(book, stated(4, BTC=9))
    assert book.legs.keys().isdisjoint({BTC_LOCKED, USD_LOCKED})


def test_debt_is_stated_apart_and_not_netted() -> None:
    """What is borrowed is a leg of its own."""
    book = book_of(Statement("spot", 1, 0, balances={"BTC": Stated(Decimal(9), None, Decimal(4))}))
    assert (book.legs[BTC], book.legs[Leg("spot", "BTC", Field.BORROWED)]) == (9, 4)


def test_a_statement_that_changes_something_is_marked() -> None:
    """No movement explains the difference between two statements that differ; one that confirms the book needs none."""
    book = book_of(stated(1, BTC=9), stated(2, BTC=9), stated(3, BTC=8))
    assert [one.restates for one in book.window().entries] == [True, False, True]


def test_what_a_statement_includes_is_not_missed() -> None:
    """History is held against the book up to its reach, else the instant that it speaks of; an unopened wallet lacks nothing."""
    early, late, undated = (moved(1, 4, at).movement for at in (100, 101, None))
    assert Book("x", ("spot",)).includes(late)
    for change in (stated(1, BTC=9, as_of=100), stated(1, 100, BTC=9, as_of=500)):
        book = book_of(change)
        assert [book.includes(one) for one in (early, late, undated)] == [True, False, False]


def test_the_digest_is_of_what_is_said() -> None:
    """Formatting, order and the instant are not content; amounts, unstated fields and the reach are."""
    one = Statement("spot", 1, 0, balances={"BTC": Stated(Decimal("1.0")), "USD": Stated(Decimal(5))})
    same = Statement("spot", 2, 9, balances={"USD": Stated(Decimal("5.00")), "BTC": Stated(Decimal(1))})
    zero = Statement("spot", 1, 0, balances={"BTC": Stated(Decimal(1), Decimal(0)), "USD": Stated(Decimal(5))})
    positions = Statement("spot", 1, 0, positions={"BTC": Decimal(1), "USD": Decimal(5)})
    assert digest(one) == digest(same)
    assert len({digest(each) for each in (one, zero, positions, replace(one, includes_through=0))}) == 4
