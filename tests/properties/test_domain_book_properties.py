"""Whatever is told and in whatever order, sums are exact, events count once, and a replay leads to the same book."""

from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book, Duplicate, Recording
from reconcile_actors.domain.changes import Change, OrderClosed, OrderOpened, Record, Stated, Statement
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.register import Register
from reconcile_actors.domain.valuation import Price

CURRENCIES = ("BTC", "USD", "BNB")
SYMBOLS = ("BTC/USD", "BNB/USD", "BTC/USD:USD")
AMOUNTS = st.builds(
    lambda sign, digits, scale: Decimal(sign * digits).scaleb(-scale, money.EXACT),
    st.sampled_from((1, -1)),
    st.integers(0, 10**30 - 1),
    st.integers(0, 36),
)
SMALL = st.integers(0, 10**9).map(lambda digits: Decimal(digits).scaleb(-6))
TIMES = st.one_of(st.none(), st.integers(0, 100))
ORDER_IDS = st.sampled_from(("O1", "O2", "O3"))


def record_fill(
    *, number: int, symbol: str, side: str, quantity: Decimal, fee: Decimal, order_id: str, at: int | None
) -> Record:
    """A fill at 3, whose fee is in a third currency."""
    effects = fill_effects("spot", symbol, side, quantity, Decimal(3), fee_currency="BNB", fee=fee)
    return Record(Movement("x", "spot", MovementType.FILL, f"T{number}", effects, symbol, order_id, side, at), quantity)


def record_transfer(number: int, currency: str, amount: Decimal, at: int | None) -> Record:
    """A deposit or withdrawal."""
    effects = {Leg("spot", currency, Field.TOTAL): amount}
    return Record(Movement("x", "spot", MovementType.TRANSFER, f"D{number}", effects, currency, occurred_at=at))


NUMBERS = st.integers(0, 10**6)
FILLS = st.builds(
    record_fill,
    number=NUMBERS,
    symbol=st.sampled_from(SYMBOLS),
    side=st.sampled_from(("buy", "sell")),
    quantity=SMALL,
    fee=SMALL,
    order_id=ORDER_IDS,
    at=TIMES,
)
TRANSFERS = st.builds(record_transfer, NUMBERS, st.sampled_from(CURRENCIES), AMOUNTS, TIMES)
MOVEMENTS = st.one_of(FILLS, TRANSFERS)
OPENINGS = st.builds(
    OrderOpened, st.just("spot"), ORDER_IDS, st.sampled_from(CURRENCIES), SMALL, SMALL, st.booleans(), TIMES
)
CLOSINGS = st.builds(OrderClosed, st.just("spot"), ORDER_IDS, TIMES)
STATED = st.builds(Stated, SMALL, st.one_of(st.none(), SMALL), st.one_of(st.none(), SMALL))
BALANCES = st.builds(
    Statement,
    st.just("spot"),
    st.one_of(st.none(), st.integers(1, 9)),
    st.just(50),
    balances=st.dictionaries(st.sampled_from(CURRENCIES), STATED),
    includes_through=TIMES,
)
POSITIONS = st.builds(
    Statement,
    st.just("spot"),
    st.one_of(st.none(), st.integers(1, 9)),
    st.just(50),
    positions=st.dictionaries(st.just("BTC/USD:USD"), AMOUNTS),
    includes_through=TIMES,
)
CHANGES = st.lists(st.one_of(MOVEMENTS, OPENINGS, CLOSINGS, BALANCES, POSITIONS), max_size=25)


def tell(book: Book, changes: list[Change]) -> list[tuple[Recording, Change]]:
    """What the book takes of these."""
    taken = []
    for now_us, change in enumerate(changes):
        proposal = book.propose(change, now_us)
        if isinstance(proposal, Recording):
            book.apply(proposal, now_us)
            taken.append((proposal, change))
    return taken


@settings(max_examples=100, deadline=None, print_blob=True)
@given(st.lists(MOVEMENTS, max_size=30, unique_by=lambda one: one.movement.id), st.integers(0, 10**6))
def test_a_sum_is_exact_in_any_order(movements: list[Record], seed: int) -> None:
    """No order of arrival raises or rounds, and all lead to the sum that whole numbers give (I2)."""
    shuffled = list(movements)
    Random(seed).shuffle(shuffled)
    one, two = Book("x", ("spot",)), Book("x", ("spot",))
    tell(one, list(movements))
    tell(two, list(shuffled))
    sums: dict[Leg, int] = {}
    for each in movements:
        for leg, amount in each.movement.effects.items():
            sums[leg] = sums.get(leg, 0) + int(amount.scaleb(80, money.EXACT))
    # a leg that only cancelled out may be absent from the book: it is zero
    for leg in {*sums, *one.legs, *two.legs}:
        values = [book.legs.get(leg, Decimal(0)).scaleb(80, money.EXACT) for book in (one, two)]
        assert values == [sums.get(leg, 0)] * 2


@settings(max_examples=100, deadline=None, print_blob=True)
@given(CHANGES, MOVEMENTS)
def test_a_movement_counts_once(changes: list[Change], again: Record) -> None:
    """However often it is proposed and told: proposing changes nothing, and once told it is a duplicate."""
    book = Book("x", ("spot",))
    tell(book, changes)
    legs, version = dict(book.legs), book.version
    first = book.propose(again, 99)
    assert book.propose(again, 99) == first
    assert (book.legs, book.version) == (legs, version)
    if isinstance(first, Recording):
        book.apply(first, 99)
        legs = dict(book.legs)
        assert book.propose(again, 100) == Duplicate()
        assert tell(book, [again, again]) == []
        assert book.legs == legs


@settings(max_examples=150, deadline=None, print_blob=True)
@given(CHANGES)
def test_a_replay_leads_to_the_same_book(changes: list[Change]) -> None:
    """The recordings alone hold all that there is to know of balances, orders and statements (I3)."""
    book, again = Book("x", ("spot",)), Book("x", ("spot",))
    for recording, change in tell(book, changes):
        again.replay(recording.movement, change, recording.recorded_at)
    assert again.legs == book.legs
    assert (again.version, again.told, again.orders) == (book.version, book.told, book.orders)
    assert again.operations == book.operations
    window, original = again.window(), book.window()
    assert (window.reserves, window.open_orders) == (original.reserves, original.open_orders)


@settings(max_examples=100, deadline=None, print_blob=True)
@given(CHANGES)
def test_a_window_stays_as_it_was(changes: list[Change]) -> None:
    """Whatever comes after it was handed out."""
    book, half = Book("x", ("spot",)), len(changes) // 2
    tell(book, changes[:half])
    window = book.window()
    seen = (dict(window.legs), window.entries, dict(window.operations), dict(window.reserves), dict(window.orders))
    tell(book, changes[half:])
    assert (window.legs, window.entries, window.operations, window.reserves, window.orders) == seen


@settings(max_examples=100, deadline=None, print_blob=True)
@given(st.lists(st.tuples(AMOUNTS, AMOUNTS, SMALL, st.booleans(), st.booleans()), max_size=20))
def test_the_difference_is_exchange_minus_local(reads: list[tuple[Decimal, Decimal, Decimal, bool, bool]]) -> None:
    """In every change that is told, exactly; and ids are never given twice."""
    leg = Leg("spot", "BTC", Field.TOTAL)
    register = Register("x", Decimal(10), prices={"BTC": Price(Decimal("61234.5"), "static")})
    begun = []
    for now_at, (local, exchange, tolerance, confirmed, closes) in enumerate(reads):
        changes = register.observe(
            leg,
            local=local,
            exchange_value=exchange,
            difference=money.subtract(exchange, local),
            tolerance=tolerance,
            now_at=now_at,
            confirmed=confirmed,
        )
        changes += register.close(leg, now_at) if closes else []
        begun += [one.after.id for one in changes if one.before is None]
        for one in (*(change.after for change in changes), *register.all_open()):
            assert one.local is not None
            assert one.exchange_value is not None
            assert one.difference == money.subtract(one.exchange_value, one.local)
    assert len(begun) == len(set(begun))
