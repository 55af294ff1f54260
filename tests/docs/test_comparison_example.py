"""docs/comparison.md: the worked example and the bounds are what the code does."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

from reconcile_actors.domain.balances import Balance, Field, Leg
from reconcile_actors.domain.book import Book, Recording
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.changes import Change, Record, Stated, Statement
from reconcile_actors.domain.comparison import Different, Question, evaluate
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.register import Register
from reconcile_actors.domain.snapshot import Bracket, Snapshot
from reconcile_actors.domain.tolerance import Tolerances
from reconcile_actors.domain.tracking import Declared, Tracker

PAGE: Final = (Path(__file__).parents[2] / "docs" / "comparison.md").read_text(encoding="utf-8")
NOON_US: Final = 100_000_000
NOON_AT: Final = 1_800_000_000_000_000
CURRENCIES: Final = ("BTC", "USDT")


def table(marker: str) -> list[list[str]]:
    """The rows of the table that follows a marker."""
    found = re.search(rf"<!-- {marker} -->\n\|.*\n\|.*\n((?:\|.*\n)+)", PAGE)
    assert found is not None, marker
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def us(seconds: str | float) -> int:
    """Seconds after noon as microseconds."""
    return int(Decimal(str(seconds)) * 1_000_000)


def amounts(btc: str, usdt: str) -> dict[Leg, Decimal]:
    """The two legs of the example."""
    return {Leg("spot", name, Field.TOTAL): Decimal(text) for name, text in zip(CURRENCIES, (btc, usdt), strict=True)}


@dataclass
class Example:
    """The account of the page, run in its order of time."""

    book: Book = field(default_factory=lambda: Book("main", ("spot",)))
    tracker: Tracker = field(
        default_factory=lambda: Tracker(Register("main", Decimal(10)), Bounds(), Declared(frozenset({Field.TOTAL})))
    )
    outcomes: dict[str, tuple[str, Decimal | None]] = field(default_factory=dict)
    differences: dict[str, frozenset[frozenset[tuple[Leg, Decimal]]]] = field(default_factory=dict)
    steps: list[tuple[int, Callable[[], None]]] = field(default_factory=list)

    def tell(self, change: Change, now_us: int) -> None:
        """A report comes."""
        recording = self.book.propose(change, NOON_AT + now_us)
        assert isinstance(recording, Recording)
        self.book.apply(recording, NOON_US + now_us)
        if self.book.first_message_us is None:
            self.book.first_message_us = NOON_US + now_us

    def answer(self, name: str, snapshot: Snapshot) -> None:
        """An answer is there: it agrees at once, or is judged again when it is settled."""
        done, changes = self.tracker.judge(self.book.window(), snapshot, settled=False)
        assert not done
        assert changes == []
        due_us = self.tracker.settles_at_us(snapshot.bracket, self.book.window(), NOON_US - us(20))
        self.steps.append((due_us - NOON_US, lambda: self.settle(name, snapshot, due_us - NOON_US)))
        self.steps.sort(key=lambda step: step[0])

    def settle(self, name: str, snapshot: Snapshot, now_us: int) -> None:
        """No report can be late any more."""
        window = self.book.window()
        steps = Tolerances(snapshot.steps, window.operations)
        verdict = evaluate(Question(window, snapshot, Bounds(), frozenset({Field.TOTAL}), steps), settled=True)
        if isinstance(verdict, Different):
            self.differences[name] = verdict.joint
        self.tracker.judge(window, snapshot, settled=True)
        found = self.tracker.register.all_open()
        seconds = Decimal(now_us) / 1_000_000
        if not found:
            self.outcomes[name] = "agrees once T2 is told", seconds
        elif all(one.is_loss for one in found):
            self.outcomes[name] = "confirmed", seconds
        else:
            self.outcomes[name] = "candidate", None

    def run(self) -> "Example":
        """All that the page tells of."""
        opening = {"BTC": Stated(Decimal(1)), "USDT": Stated(Decimal(100000))}
        self.tell(Statement("spot", 1, NOON_AT - us(10), balances=opening), -us(10))
        for name, at, btc, usdt, told in table("fills"):
            if told != "never":
                effects = amounts(btc, usdt)
                fill = Movement("main", "spot", MovementType.FILL, name, effects, occurred_at=NOON_AT + us(at))
                self.steps.append((us(told), partial(self.tell, Record(fill), us(told))))
        for name, asked, received, btc, usdt, *_ in table("reads"):
            bracket = Bracket(NOON_US + us(asked), NOON_US + us(received), NOON_AT + us(asked), NOON_AT + us(received))
            rows = {("spot", leg.currency): Balance(leg.currency, amount) for leg, amount in amounts(btc, usdt).items()}
            snapshot = Snapshot("main", "spot", bracket, rows, {}, digest=name, raw_digest=name)
            self.steps.append((us(received), partial(self.answer, name, snapshot)))
        self.steps.sort(key=lambda step: step[0])
        while self.steps:
            self.steps.pop(0)[1]()
        return self


def test_the_example_ends_as_the_page_says() -> None:
    """Each read has the outcome of its row, at the second of its row."""
    told = {row[0]: (row[5], None if row[6] == "-" else Decimal(row[6])) for row in table("reads")}
    assert Example().run().outcomes == told


def test_the_differences_of_the_example_are_those_of_the_page() -> None:
    """Each set holds exactly the pairs of its columns, and they share the forgotten fill alone."""
    rows = table("differences")
    example = Example().run()
    told = {
        "B": frozenset(frozenset(amounts(row[1], row[2]).items()) for row in rows),
        "C": frozenset(frozenset(amounts(row[3], row[4]).items()) for row in rows if row[3] != "-"),
    }
    assert example.differences == told
    forgotten = next(row for row in table("fills") if row[4] == "never")
    assert told["B"] & told["C"] == {frozenset(amounts(forgotten[2], forgotten[3]).items())}
    found = {one.leg: one.difference for one in example.tracker.register.all_open()}
    assert found == amounts(forgotten[2], forgotten[3])


def test_the_exchange_showed_what_its_fills_add_up_to() -> None:
    """The rows of the reads are the opening and the fills up to an instant that the read may show."""
    states, state = [], (Decimal(1), Decimal(100000))
    for _, _, btc, usdt, _ in table("fills"):
        state = (state[0] + Decimal(btc), state[1] + Decimal(usdt))
        states.append(state)
    shown = [(Decimal(btc), Decimal(usdt)) for _, _, _, btc, usdt, *_ in table("reads")]
    assert shown == [states[1], states[4], states[5]]


def test_the_bounds_of_the_page_are_the_defaults() -> None:
    """The first table and the text give the numbers of the code."""
    bounds = Bounds()
    for said in (
        f"| L, local lag | {bounds.local_lag_us // 1_000_000} s |",
        f"| R, exchange lag | {bounds.exchange_lag_us // 1_000_000} s,",
        f"| skew | {bounds.skew_us / 1_000_000} s |",
        f"| k | {bounds.reads} |",
        f"agree for {bounds.stale_us // 1_000_000} s without",
        f"agree for {bounds.disappearance_us // 1_000_000} s.",
        f"or from {bounds.start_grace_us // 1_000_000} s after the start",
        f"more than {bounds.cuts_max} cuts",
        f"by {bounds.watermark_wait_us // 1_000_000} s in all",
        f"after {bounds.undecided_us // 1_000_000} s without a decided read",
    ):
        assert said in " ".join(PAGE.split()) or said in PAGE, said
