"""What orders lock follows from the set of their reports, in whatever order these arrive."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from reconcile_actors.domain import orders as orders_module
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Duplicate, Recording, Refusal
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Stated, Statement
from reconcile_actors.domain.cuts import Reach
from reconcile_actors.domain.locks import Range, older_ranges, ranges
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.orders import Order, Orders, OrderStep, StepKind, without
from reconcile_actors.domain.snapshot import Bracket

SECOND = 1_000_000
BTC, USD = Leg("spot", "BTC", Field.TOTAL), Leg("spot", "USD", Field.TOTAL)
LOCKED = Leg("spot", "USD", Field.LOCKED)
OPENED = OrderOpened("spot", "O1", "USD", Decimal(4), Decimal(100), is_buy=True)
CLOSED = OrderClosed("spot", "O1")


def opening(version: int = 1, locked: int | None = 0, through: int | None = None) -> Statement:
    """1000 USD, so much of it locked."""
    held = Stated(Decimal(1000), None if locked is None else Decimal(locked))
    return Statement("spot", version, 0, balances={"USD": held}, includes_through=through)


def fill(number: int, quantity: int, occurred_at: int | None = None) -> Record:
    """A fill of the order."""
    effects = {BTC: Decimal(quantity), USD: Decimal(-100 * quantity)}
    movement = Movement("x", "spot", MovementType.FILL, f"T{number}", effects, "BTC/USD", "O1", "buy", occurred_at)
    return Record(movement, Decimal(quantity))


def take(book: Book, change: Change, now_us: int = 1) -> None:
    """Proposes, commits and applies."""
    proposal = book.propose(change, now_us)
    assert isinstance(proposal, Recording)
    book.apply(proposal, now_us)


def book_of(*changes: Change) -> Book:
    """A book that took these."""
    book = Book("x", ("spot",))
    for change in changes:
        take(book, change)
    return book


def test_an_order_locks_until_it_is_filled_or_closed() -> None:
    """Each fill releases its part, the close what is left."""
    book, locked = book_of(opening()), []
    for change in (OPENED, fill(1, 1), fill(2, 2), CLOSED):
        take(book, change)
        locked.append(book.legs[LOCKED])
    assert locked == [400, 300, 100, 0]


@pytest.mark.parametrize(
    "reports", [(OPENED, fill(1, 1)), (OPENED, fill(1, 1), fill(2, 2)), (OPENED, fill(1, 1), CLOSED)]
)
def test_reports_of_an_order_may_come_in_any_order(reports: tuple[Change, ...]) -> None:
    """A fill or a close that is told before the opening counts all the same."""
    ends = {
        (book.legs[LOCKED], book.legs[USD]) for order in permutations(reports) for book in [book_of(opening(), *order)]
    }
    assert len(ends) == 1
    assert ends.pop()[0] == (0 if CLOSED in reports else 400 - sum(100 * int(one.quantity) for one in reports[1:]))


def test_what_is_filled_beyond_the_order_locks_nothing() -> None:
    """A lock is never negative."""
    assert book_of(opening(), OPENED, fill(1, 3), fill(2, 3)).legs[LOCKED] == 0


def test_what_was_locked_before_stays_under_the_orders() -> None:
    """Orders add to what was stated."""
    assert book_of(opening(locked=50), OPENED).legs[LOCKED] == 450


@pytest.mark.parametrize("reports", [(OPENED,), (OPENED, fill(1, 1)), (OPENED, fill(1, 1), CLOSED)])
def test_locks_that_were_never_stated_stay_unknown(reports: tuple[Change, ...]) -> None:
    """Unknown plus a known lock is still unknown (I1)."""
    assert LOCKED not in book_of(opening(locked=None), *reports).legs


def test_an_order_is_opened_and_closed_once() -> None:
    """The same report again is a duplicate; another order under the same id is refused."""
    book = book_of(opening(), OPENED)
    assert book.propose(OPENED, 1) == Duplicate()
    for other in (replace(OPENED, quantity=Decimal(5)), replace(OPENED, currency="BTC"), replace(OPENED, is_buy=False)):
        assert book.propose(other, 1) == Refusal("order_differs")
    take(book, CLOSED)
    assert book.propose(CLOSED, 1) == Duplicate()


@pytest.mark.parametrize("late", [OPENED, CLOSED])
def test_what_a_statement_includes_of_an_order_changes_no_lock(late: Change) -> None:
    """The statement said what was locked then; later fills go on from it."""
    known = () if late is OPENED else (OPENED,)
    book = book_of(opening(), *known, opening(2, 400, through=100), replace(late, occurred_at=90))
    assert book.legs[LOCKED] == 400
    assert book.window().entries[-1].step is None
    if late is OPENED:
        take(book, fill(1, 1, 110))
        assert book.legs[LOCKED] == 300


def test_what_orders_did_after_a_statements_reach_stays_on_top() -> None:
    """Opened before, filled after: the release counts on top of what is stated."""
    book = book_of(opening(), replace(OPENED, occurred_at=50), fill(1, 1, 110), opening(2, 400, through=100))
    assert book.legs[LOCKED] == 300


def test_the_window_tells_of_the_orders_that_lock() -> None:
    """Reserves are what open buys lock, because fees may be locked on top of them; sells count as orders alone."""
    sell = OrderOpened("spot", "O2", "USD", Decimal(1), Decimal(7), is_buy=False)
    window = book_of(opening(), OPENED, sell).window()
    assert (window.reserves, window.open_orders) == ({LOCKED: 400}, {LOCKED: 2})
    assert window.orders.keys() == {"O1", "O2"}
    window = book_of(opening(), OPENED, CLOSED).window()
    assert (window.reserves, window.open_orders) == ({}, {})
    assert window.orders["O1"].closed


def test_reports_can_be_taken_back() -> None:
    """The state without some of the reports can be told at any time."""
    order = Order("spot", "USD", Decimal(4), Decimal(100), is_buy=True, filled=Decimal(3), closed=True)
    steps = {kind: OrderStep("O1", kind, Decimal(2) if kind is StepKind.FILL else Decimal(0)) for kind in StepKind}
    assert without(order, []).locks == 0
    assert without(order, [steps[StepKind.CLOSE]]).locks == 100
    assert without(order, [steps[StepKind.CLOSE], steps[StepKind.FILL]]).locks == 300
    assert without(order, list(steps.values())).locks == 0


def test_orders_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that lock nothing are forgotten first, the longest unchanged of them; beyond that none may be opened (I12)."""
    monkeypatch.setattr(orders_module, "ORDERS_MAX", 2)
    locking, done, known = Order("spot", "USD", Decimal(1), Decimal(1)), Order("spot", closed=True), Orders()
    known.put("A", locking)
    known.put("B", done)
    known.put("C", done)
    assert [key for key, _ in known.items()] == ["A", "C"]
    assert not known.is_full
    known.put("D", locking)
    assert known.is_full
    known.put("A", done)
    assert not known.is_full
    assert len(known.locking()) == 1


def test_no_order_is_opened_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused aloud, rather than left out of what is locked."""
    monkeypatch.setattr(orders_module, "ORDERS_MAX", 1)
    book = book_of(opening(), OPENED)
    assert book.propose(replace(OPENED, order_id="O2"), 1) == Refusal("too_many_orders")
    take(book, CLOSED)
    take(book, replace(OPENED, order_id="O2"))


@pytest.mark.parametrize(("value", "distance"), [(4, -1), (5, 0), (6, 0), (7, 0), (9, 2)])
def test_a_range_tells_how_far_a_value_lies_outside(value: int, distance: int) -> None:
    """Signed, and 0 inside."""
    assert Range(Decimal(5), Decimal(7)).distance(Decimal(value)) == distance


def possible(
    book: Book, requested_s: int, received_s: int, *, reserve: str = "0", older: bool = False, late_s: int = 0
) -> list[Range]:
    """What may be locked in a read, whose clocks all agree."""
    bounds = Bounds(local_lag_us=late_s * SECOND, exchange_lag_us=0, skew_us=0)
    bracket = Bracket(requested_s * SECOND, received_s * SECOND, requested_s * SECOND, received_s * SECOND)
    look = older_ranges if older else ranges
    return list(look(book.window(), LOCKED, Reach.of(bracket, bounds), bounds, Decimal(reserve)))


def history() -> Book:
    """Opened at 10 s, filled by 1 at 20 s, closed at 30 s."""
    book = book_of(opening())
    take(book, replace(OPENED, occurred_at=10 * SECOND + 1), 10 * SECOND)
    take(book, fill(1, 1, 20 * SECOND + 1), 20 * SECOND)
    take(book, replace(CLOSED, occurred_at=30 * SECOND + 1), 30 * SECOND)
    return book


@pytest.mark.parametrize(("at_s", "locked"), [(5, 0), (15, 400), (25, 300), (35, 0)])
def test_a_read_may_show_what_was_locked_at_its_instant(at_s: int, locked: int) -> None:
    """With exact clocks and own times nothing else is possible."""
    assert set(possible(history(), at_s, at_s)) == {Range(Decimal(locked), Decimal(locked))}


def test_a_longer_read_may_show_any_instant_of_it() -> None:
    """Newest first; of what happened at one instant any part may be shown, and nothing from before the read."""
    shown = possible(history(), 15, 25)
    assert shown[0] == Range(Decimal(300), Decimal(300))
    assert shown[-1] == Range(Decimal(400), Decimal(400))
    assert Range(Decimal(0), Decimal(0)) not in shown


def test_what_was_locked_before_a_read_is_told_apart() -> None:
    """An answer that shows it is late, not wrong."""
    shown = possible(history(), 35, 36, older=True)
    assert Range(Decimal(400), Decimal(400)) in shown
    assert shown[-1] == Range(Decimal(0), Decimal(0))


def test_a_buy_may_lock_its_fees_on_top() -> None:
    """Up to the declared share, and of sells nothing."""
    assert possible(history(), 15, 15, reserve="0.01")[0] == Range(Decimal(400), Decimal(404))
    book = book_of(opening(), replace(OPENED, is_buy=False))
    assert all(one.high <= 400 for one in possible(book, 15, 15, reserve="0.01"))


def test_a_report_without_own_time_may_be_late() -> None:
    """It happened at some time within the lateness before it was told: until then both is possible, afterwards one is."""
    book = book_of(opening())
    take(book, OPENED, 10 * SECOND)
    unlocked, locked = Range(Decimal(0), Decimal(0)), Range(Decimal(400), Decimal(400))
    assert set(possible(book, 7, 7, late_s=2)) == {unlocked}
    assert set(possible(book, 9, 9, late_s=2)) == {Range(Decimal(0), Decimal(400))}
    assert set(possible(book, 11, 11, late_s=2)) == {locked}
    assert possible(book, 9, 11, late_s=2)[0] == locked
