"""Inside its bounds the comparison is sound: whatever an exchange may rightly answer agrees, and a loss is always among the
differences that it allows. The exchange here is a sum over what has happened by an instant; it shares nothing with the cuts."""

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import event, given, settings
from hypothesis import strategies as st

from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.changes import OrderClosed, OrderOpened, Record
from reconcile_actors.domain.comparison import Agreed, Different, Question, Undecided, evaluate
from reconcile_actors.domain.lock_check import lock_gaps
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.tolerance import Tolerances
from tests.unit.domain.domain_values import ACCOUNT, EPOCH_AT, Desk, snapshot

BOUNDS = Bounds()
LATE_MS = BOUNDS.local_lag_us // 1000
STALE_MS = BOUNDS.exchange_lag_us // 1000
OPENING = {"BTC": Decimal(2), "USD": Decimal(10000)}


@dataclass(frozen=True)
class Event:
    """Something that happens to an account. Times in milliseconds; `own` says how its own time is told."""

    happened: int
    lateness: int
    amounts: tuple[int, int]
    own: str

    @property
    def told(self) -> int:
        """When its report arrives."""
        return self.happened + self.lateness


def events(own: st.SearchStrategy[str]) -> st.SearchStrategy[list[Event]]:
    """Up to a dozen in three seconds, with lots that repeat, so that states come back and sums coincide."""
    lots = st.tuples(st.integers(-2, 2), st.sampled_from((-600, -7, 0, 7, 600)))
    one = st.builds(Event, st.integers(0, 3000), st.integers(0, LATE_MS - 1), lots, own)
    return st.lists(one, max_size=12)


def own_time(one: Event, skew_ms: int) -> int | None:
    """As the exchange dates it: to the millisecond, to the hundredth of a second, to the second, or not at all."""
    exact_us = EPOCH_AT + (one.happened + skew_ms) * 1000
    match one.own:
        case "exact":
            return exact_us + 7
        case "coarse":
            return exact_us - exact_us % 10_000 + 7
        case "seconds":
            return exact_us - exact_us % 1_000_000
        case _:
            return None


def desk_of(told: list[Event], skew_ms: int) -> Desk:
    """The book once everything has been told."""
    desk = Desk({currency: str(amount) for currency, amount in OPENING.items()})
    for number, one in sorted(enumerate(told), key=lambda pair: pair[1].told):
        effects = {
            Leg("spot", currency, Field.TOTAL): Decimal(amount)
            for currency, amount in zip(OPENING, one.amounts, strict=True)
            if amount
        }
        movement = Movement(
            ACCOUNT, "spot", MovementType.TRANSFER, f"T{number}", effects, occurred_at=own_time(one, skew_ms)
        )
        desk.tell(Record(movement), one.told / 1000)
    return desk


def shown_at(true: list[Event], instant: int) -> dict[str, Decimal]:
    """What the exchange holds at an instant."""
    held = dict(OPENING)
    for one in true:
        if one.happened <= instant:
            for currency, amount in zip(OPENING, one.amounts, strict=True):
                held[currency] += amount
    return held


@dataclass(frozen=True)
class Read:
    """When it was asked for, how long it took, which instant it shows (as a share of those that it may), and the clock's skew."""

    requested: int
    trip: int
    share: float
    skew_ms: int

    @property
    def instant(self) -> int:
        """The instant that it shows: between R before the request and the receipt."""
        first = self.requested - STALE_MS + 1
        return first + round(self.share * (self.requested + self.trip - first))


def reads(skew_ms: int = 499) -> st.SearchStrategy[Read]:
    """Any read of those three seconds, or after them."""
    return st.builds(Read, st.integers(0, 4000), st.integers(0, 400), st.floats(0, 1), st.integers(-skew_ms, skew_ms))


def question_of(desk: Desk, read: Read, totals: dict[str, Decimal]) -> Question:
    """The read, against the book as it is when nothing can be late any more."""
    texts = {currency: str(amount) for currency, amount in totals.items()}
    answer = snapshot(read.requested / 1000, texts, trip=read.trip / 1000)
    return Question(desk.book.window(), answer, BOUNDS, frozenset(Field), Tolerances({}, {}))


@settings(max_examples=400, deadline=None, print_blob=True)
@given(happened=events(st.sampled_from(("exact", "coarse"))), read=reads())
def test_a_true_state_always_agrees(happened: list[Event], read: Read) -> None:
    """Every report late by less than L, in any order, every clock off by less than the skew: a true answer agrees."""
    desk = desk_of(happened, read.skew_ms)
    true = shown_at(happened, read.instant)
    verdict = evaluate(question_of(desk, read, true), settled=True)
    assert isinstance(verdict, Agreed)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(happened=events(st.sampled_from(("exact", "none", "none"))), read=reads())
def test_a_true_state_is_never_a_loss_where_times_are_not_told(happened: list[Event], read: Read) -> None:
    """It agrees, or where there is too much to try it stays undecided; it never differs."""
    desk = desk_of(happened, read.skew_ms)
    true = shown_at(happened, read.instant)
    verdict = evaluate(question_of(desk, read, true), settled=True)
    event(type(verdict).__name__)
    assert isinstance(verdict, Agreed | Undecided)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(happened=events(st.just("seconds")), read=reads(skew_ms=0))
def test_a_true_state_agrees_where_times_are_told_in_seconds(happened: list[Event], read: Read) -> None:
    """What happened in one second may have come in any order of it."""
    desk = desk_of(happened, read.skew_ms)
    true = shown_at(happened, read.instant)
    verdict = evaluate(question_of(desk, read, true), settled=True)
    assert isinstance(verdict, Agreed) or verdict == Undecided("too_many_cuts")


@settings(max_examples=300, deadline=None, print_blob=True)
@given(
    happened=events(st.sampled_from(("exact", "coarse"))),
    lost=st.tuples(st.integers(-3, 3), st.sampled_from((-31, 0, 55))),
    read=reads(),
)
def test_a_loss_is_among_the_differences_that_a_read_allows(
    happened: list[Event], lost: tuple[int, int], read: Read
) -> None:
    """So the intersection over reads never loses it; and where it is nothing, nothing differs."""
    desk = desk_of(happened, read.skew_ms)
    true = shown_at(happened, read.instant)
    loss = {
        Leg("spot", currency, Field.TOTAL): Decimal(amount)
        for currency, amount in zip(OPENING, lost, strict=True)
        if amount
    }
    shown = {currency: amount + lost[number] for number, (currency, amount) in enumerate(true.items())}
    verdict = evaluate(question_of(desk, read, shown), settled=True)
    event(type(verdict).__name__)
    if isinstance(verdict, Different):
        assert loss
        assert frozenset(loss.items()) in verdict.joint
        for leg, amount in loss.items():
            assert amount in verdict.sets[leg]


@dataclass(frozen=True)
class Life:
    """One order: opened, filled in part, closed. Times in milliseconds; a report each, late by its own time."""

    number: int
    opened: int
    lasts: tuple[int, int]
    lateness: tuple[int, int, int]
    timed: bool

    @property
    def instants(self) -> tuple[int, int, int]:
        """Opened, filled by half, closed."""
        return self.opened, self.opened + self.lasts[0], self.opened + self.lasts[0] + self.lasts[1]

    def locks(self, instant: int) -> int:
        """What it locks at an instant: 100, then 50, then nothing."""
        opened, filled, closed = self.instants
        if instant < opened or instant >= closed:
            return 0
        return 100 if instant < filled else 50


LATENESS = st.integers(0, LATE_MS - 1)
LIVES = st.builds(
    Life,
    st.just(0),
    st.integers(0, 3000),
    st.tuples(st.integers(0, 1500), st.integers(0, 1500)),
    st.tuples(LATENESS, LATENESS, LATENESS),
    st.booleans(),
)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(lives=st.lists(LIVES, max_size=6), read=reads())
def test_a_true_lock_is_always_possible(lives: list[Life], read: Read) -> None:
    """Reports of an order may come in any order, with own times and without: what is truly locked is never a difference."""
    desk = Desk({"USD": "10000"}, locked={"USD": "0"})
    reports = []
    for number, one in enumerate(lives):
        times = [EPOCH_AT + (instant + read.skew_ms) * 1000 + 7 if one.timed else None for instant in one.instants]
        filled = Movement(
            ACCOUNT, "spot", MovementType.FILL, f"T{number}", {}, order_id=f"O{number}", occurred_at=times[1]
        )
        changes = (
            OrderOpened("spot", f"O{number}", "USD", Decimal(2), Decimal(50), is_buy=True, occurred_at=times[0]),
            Record(filled, Decimal(1)),
            OrderClosed("spot", f"O{number}", occurred_at=times[2]),
        )
        told = [instant + late for instant, late in zip(one.instants, one.lateness, strict=True)]
        reports += list(zip(told, changes, strict=True))
    for told, change in sorted(reports, key=lambda pair: pair[0]):
        desk.tell(change, told / 1000)
    locked = sum(one.locks(read.instant) for one in lives)
    answer = snapshot(read.requested / 1000, {"USD": "10000"}, locked={"USD": str(locked)}, trip=read.trip / 1000)
    question = Question(desk.book.window(), answer, BOUNDS, frozenset(Field), Tolerances({}, {}))
    assert list(lock_gaps(question, Decimal(0), settled=True).values()) == [None]
