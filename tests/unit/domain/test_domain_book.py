"""A book takes each event once, in any order of arrival, within bounds, and is the same after a replay."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Duplicate, Recording, Refusal
from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Stated, Statement
from reconcile_actors.domain.movements import Effects, Movement, MovementType, fill_effects
from reconcile_actors.domain.snapshot import UnknownReason

SECOND = 1_000_000
BTC, USD = Leg("spot", "BTC", Field.TOTAL), Leg("spot", "USD", Field.TOTAL)
PERP = Leg("spot", "BTC/USD:USD", Field.POSITION)
BUY_ONE = {BTC: Decimal(1), USD: Decimal(-100)}


def opened(*, history_us: int = 120 * SECOND, entries: int = 20_000, ids: int = 20_000) -> Book:
    """A book of one wallet with 10 BTC and 1000 USD, as stated at instant 0."""
    book = Book("x", ("spot",), history_us, entries, ids)
    take(book, opening())
    return book


def opening() -> Statement:
    """The first statement."""
    return Statement("spot", 1, 0, balances={"BTC": Stated(Decimal(10)), "USD": Stated(Decimal(1000))})


def take(book: Book, change: Change, now_us: int = 1) -> Recording:
    """Proposes, commits and applies."""
    proposal = book.propose(change, now_us)
    assert isinstance(proposal, Recording)
    book.apply(proposal, now_us)
    return proposal


def fill(number: int, effects: Effects = BUY_ONE, occurred_at: int | None = None) -> Record:
    """A fill with all parts of its key."""
    movement = Movement("x", "spot", MovementType.FILL, f"T{number}", effects, "BTC/USD", "O1", "buy", occurred_at)
    return Record(movement)


def test_a_spot_fill_moves_both_currencies() -> None:
    """Base and quote change together, as one version."""
    book = opened()
    take(book, fill(1))
    assert (book.legs[BTC], book.legs[USD], book.version) == (Decimal(11), Decimal(900), 2)


def test_a_contract_fill_moves_the_position() -> None:
    """The position is signed; of the wallet's cash only the fee moves."""
    book = opened()
    effects = fill_effects("spot", PERP.currency, "sell", Decimal(3), Decimal(7), fee_currency="USD", fee=Decimal(2))
    take(book, Record(Movement("x", "spot", MovementType.FILL, "T1", effects, PERP.currency, "O1", "sell")))
    assert (book.legs[PERP], book.legs[USD], book.legs[BTC]) == (Decimal(-3), Decimal(998), Decimal(10))


def test_a_fee_under_the_id_of_its_fill_is_an_event_of_its_own() -> None:
    """The type is part of the key, so a separately booked fee is neither a duplicate nor a conflict."""
    book = opened()
    take(book, fill(1))
    take(book, Record(Movement("x", "spot", MovementType.FEE, "T1", {USD: Decimal(-1)}, "USD")))
    assert book.legs[USD] == Decimal(899)
    assert len(book.known("T1")) == 2


@pytest.mark.parametrize("omitted", [(), ("instrument",), ("order_id",), ("side",), ("instrument", "order_id", "side")])
def test_a_movement_told_twice_counts_once(omitted: tuple[str, ...]) -> None:
    """Even where one of the two reports leaves out parts of the key, or has other times."""
    first = fill(1).movement
    again = replace(first, occurred_at=77, **dict.fromkeys(omitted))
    for one, two in ((first, again), (again, first)):
        book = opened()
        take(book, Record(one))
        assert book.propose(Record(two), 9) == Duplicate()


def test_the_same_key_with_other_content_is_a_conflict() -> None:
    """Of two contents none is known to be right: the account asks to be unknown, and the book is as before."""
    book = opened()
    take(book, fill(1))
    before = dict(book.legs)
    assert book.propose(fill(1, {BTC: Decimal(2), USD: Decimal(-200)}), 9) == Refusal("conflict", conflict=True)
    assert (book.legs, book.version) == (before, 2)


def test_a_movement_without_id_is_no_duplicate() -> None:
    """Nothing says that two rewards of one size are the same."""
    book = opened()
    reward = Record(Movement("x", "spot", MovementType.REWARD, None, {BTC: Decimal(1)}, "BTC"))
    take(book, reward)
    take(book, reward)
    assert book.legs[BTC] == Decimal(12)


@pytest.mark.parametrize("change", [OrderClosed("swap", "O1"), Statement("swap", 1, 0, balances={})])
def test_a_wallet_that_is_not_configured_is_refused(change: Change) -> None:
    """What nobody compares is not booked in silence."""
    assert opened().propose(change, 1) == Refusal("unknown_wallet")


def test_a_proposal_changes_nothing() -> None:
    """Memory never knows more than the store: only what is committed is applied (I3, I8)."""
    book, same = opened(), opened()
    for change in (
        fill(1),
        OrderOpened("spot", "O1", "USD", Decimal(1), Decimal(5), is_buy=True),
        OrderClosed("spot", "O2"),
    ):
        book.propose(change, 5)
    assert book == same


def test_what_was_never_stated_is_unknown() -> None:
    """A book with movements alone has no opening (I1), and a gap or conflict is unknown until a statement heals it."""
    book = Book("x", ("spot",))
    take(book, fill(1))
    assert book.unknown is UnknownReason.NO_OPENING
    take(book, opening())
    assert book.unknown is None
    book.conflict = True
    assert book.unknown is UnknownReason.LOCAL_CONFLICT
    book.gap = True
    assert book.unknown is UnknownReason.LOCAL_GAP
    take(book, replace(opening(), version=2))
    assert book.unknown is None


def test_a_gap_is_healed_once_every_wallet_is_stated_anew() -> None:
    """What was lost may have belonged to any wallet."""
    book = Book("x", ("spot", "swap"))
    take(book, opening())
    take(book, replace(opening(), wallet="swap"))
    book.gap = True
    take(book, replace(opening(), version=2))
    assert book.gap
    take(book, replace(opening(), version=2, wallet="swap"))
    assert not book.gap


def test_ids_are_remembered_up_to_a_bound() -> None:
    """The oldest are forgotten, and the book says that only the store can tell of them (I12)."""
    book = opened(ids=2)
    for number in (1, 2):
        take(book, fill(number))
    assert book.ids_complete
    assert not book.lacks("T9")
    take(book, fill(3))
    assert not book.ids_complete
    assert [book.lacks(f"T{number}") for number in (1, 2, 3)] == [True, False, False]
    assert isinstance(book.propose(fill(1), 9), Recording)
    book.remember(fill(1).movement)
    assert book.propose(fill(1), 9) == Duplicate()


def test_an_id_seen_again_is_among_the_newest() -> None:
    """What is forgotten is the longest unseen, and nothing is kept twice."""
    book = opened(ids=2)
    take(book, fill(1))
    take(book, fill(2))
    book.remember(fill(1).movement)
    take(book, fill(3))
    assert not book.lacks("T1")
    assert book.lacks("T2")
    assert book.known("T1") == (fill(1).movement,)


def test_a_stored_id_can_be_declared_incomplete() -> None:
    """After a start only the newest ids are in memory."""
    book = opened()
    book.ids_complete = False
    assert book.lacks("T1")


def test_history_is_bounded_by_number() -> None:
    """The window says since when it is complete, and what was forgotten is still counted in the balances (I12)."""
    book = opened(entries=3)
    for number in range(1, 6):
        take(book, fill(number, occurred_at=number * 10), now_us=number)
    window = book.window()
    assert [one.version for one in window.entries] == [4, 5, 6]
    assert window.complete_from_us == 2
    assert book.forgotten_at == 20
    assert window.legs[BTC] == Decimal(15)


def test_history_is_bounded_by_age() -> None:
    """Versions older than the history are left out of windows."""
    book = opened(history_us=10 * SECOND)
    take(book, fill(1), now_us=5 * SECOND)
    take(book, fill(2), now_us=15 * SECOND)
    assert [one.version for one in book.window().entries] == [2, 3]
    take(book, fill(3), now_us=15 * SECOND + 1)
    assert [one.version for one in book.window().entries] == [3, 4]


def test_recent_versions_can_be_given_up() -> None:
    """Where they are not known for certain, nothing is complete before now."""
    book = opened()
    take(book, fill(1, occurred_at=30), now_us=2)
    book.forget_recent(99)
    window = book.window()
    assert (window.entries, window.complete_from_us, book.forgotten_at) == ((), 99, 30)


def test_a_window_is_as_it_was_when_it_was_handed_out() -> None:
    """Another thread may read it while the book goes on."""
    book = opened()
    take(book, OrderOpened("spot", "O1", "USD", Decimal(2), Decimal(5), is_buy=True))
    take(book, fill(1))
    window = book.window()
    legs, operations, orders = dict(window.legs), dict(window.operations), dict(window.orders)
    take(book, fill(2))
    take(book, OrderClosed("spot", "O1"))
    take(book, replace(opening(), version=2))
    book.exact([BTC, USD])
    assert (window.version, len(window.entries)) == (3, 3)
    assert (window.legs, window.operations, window.orders) == (legs, operations, orders)
    assert window.legs[BTC] == Decimal(11)


def test_operations_count_from_the_last_exact_anchor() -> None:
    """Fills and fees may be rounded, transfers may not; what agreed exactly starts anew from its window's version."""
    book = opened()
    take(book, fill(1))
    seen = book.version
    take(book, fill(2))
    take(book, Record(Movement("x", "spot", MovementType.FEE, "F1", {USD: Decimal(-1)}, "USD")))
    take(book, Record(Movement("x", "spot", MovementType.TRANSFER, "D1", {USD: Decimal(9)}, "USD")))
    assert book.operations == {BTC: 2, USD: 3}
    book.exact([USD], seen)
    assert book.operations == {BTC: 2, USD: 2}
    book.exact([BTC])
    assert book.operations == {USD: 2}
    take(book, replace(opening(), version=2))
    assert book.operations == {}


def test_own_times_may_come_from_history() -> None:
    """A movement told without is dated by its id, before it is recorded or after; what has a time keeps it."""
    book = opened()
    take(book, fill(1))
    take(book, fill(2, occurred_at=5))
    book.date([fill(number, occurred_at=number * 100).movement for number in (1, 2, 3)])
    take(book, fill(3))
    assert [one.occurred_at for one in book.window().entries] == [None, 100, 5, 300]


def test_the_newest_own_time_outlives_its_entry() -> None:
    """It is of all movements, forgotten ones too, and none where none had an own time."""
    book = opened(entries=1)
    assert book.newest_at is None
    take(book, fill(1, occurred_at=50))
    take(book, fill(2, occurred_at=40))
    assert book.newest_at == 50
    take(book, fill(3, occurred_at=60))
    take(book, fill(4))
    assert book.newest_at == 60


def test_a_replayed_book_equals_the_original() -> None:
    """The stored recordings alone lead to the same balances, orders, ids and statements; recent history begins anew."""
    changes: list[Change] = [
        replace(opening(), balances={"BTC": Stated(Decimal(10)), "USD": Stated(Decimal(1000), Decimal(0))}),
        OrderOpened("spot", "O1", "USD", Decimal(4), Decimal(100), is_buy=True, occurred_at=10),
        replace(fill(1, occurred_at=20), quantity=Decimal(1)),
        fill(2, occurred_at=30),
        Statement("spot", 2, 40, balances={"BTC": Stated(Decimal(9))}, includes_through=25),
        fill(3, occurred_at=24),
        Statement("spot", 1, 40, positions={PERP.currency: Decimal(-1)}),
        OrderClosed("spot", "O1", occurred_at=50),
    ]
    book, again = Book("x", ("spot",)), Book("x", ("spot",))
    for number, change in enumerate(changes):
        recording = take(book, change, number)
        again.replay(recording.movement, change, number)
    assert (again.legs, again.version, again.told) == (book.legs, book.version, book.told)
    assert (again.orders, again.operations, again.unknown) == (book.orders, book.operations, book.unknown)
    assert all(again.known(f"T{number}") == book.known(f"T{number}") for number in (1, 2, 3))
    assert (again.window().entries, again.forgotten_at) == ((), 50)
    assert all(again.propose(fill(number), 9) == Duplicate() for number in (1, 2, 3))


def test_recordings_are_applied_in_order() -> None:
    """A version is neither skipped nor applied twice."""
    book = opened()
    recording = take(book, fill(1))
    with pytest.raises(AssertionError):
        book.apply(recording, 9)
