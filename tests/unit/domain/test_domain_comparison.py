"""One read against the book: agreed, lagging, undecided or different, and nothing in between."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from reconcile_actors.domain.balances import Balance, Field, Leg, Position
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.comparison import Agreed, Different, Lagging, Question, Undecided, evaluate
from reconcile_actors.domain.cuts import CutMark
from reconcile_actors.domain.snapshot import Bracket, Snapshot
from reconcile_actors.domain.tolerance import Tolerances
from reconcile_actors.domain.window import BookWindow, Entry

SECOND = 1_000_000
AT = 1_800_000_000 * SECOND
BTC, USD = Leg("spot", "BTC", Field.TOTAL), Leg("spot", "USD", Field.TOTAL)
PERP = Leg("spot", "BTC/USDC:USDC", Field.POSITION)


def entry(version: int, recorded: float, happened: float | None, usd: str) -> Entry:
    """A movement of USD."""
    at = None if happened is None else AT + int(happened * SECOND)
    return Entry(version, int(recorded * SECOND), at, {USD: Decimal(usd)})


def question(shown: dict[str, str | None], legs: dict[Leg, str], entries: Iterable[Entry] = ()) -> Question:
    """A read from 10.0 to 10.1 s against a book whose newest state is `legs`."""
    made = tuple(entries)
    window = BookWindow(
        exchange="x",
        version=len(made),
        legs={leg: Decimal(amount) for leg, amount in legs.items()},
        entries=made,
        complete_from_us=None,
        balance_wallets=frozenset({"spot"}),
        position_wallets=frozenset({"spot"}),
    )
    bracket = Bracket(10 * SECOND, 10 * SECOND + 100_000, AT + 10 * SECOND, AT + 10 * SECOND + 100_000)
    rows = {
        ("spot", name): Balance(name, None if amount is None else Decimal(amount)) for name, amount in shown.items()
    }
    snapshot = Snapshot("x", "spot", bracket, rows, {}, "digest", "raw")
    authoritative = frozenset({Field.TOTAL, Field.POSITION})
    return Question(window, snapshot, Bounds(skew_us=0), authoritative, Tolerances({}, {}))


def test_equal_sides_agree_at_once() -> None:
    """No waiting for what is plainly right."""
    verdict = evaluate(question({"USD": "5"}, {USD: "5"}), settled=False)
    assert isinstance(verdict, Agreed)
    assert verdict.amounts == {}


def test_a_difference_waits_until_it_is_settled() -> None:
    """Before that a late report may still explain it."""
    asked = question({"USD": "4"}, {USD: "5"})
    assert evaluate(asked, settled=False) == Undecided("unsettled")
    verdict = evaluate(asked, settled=True)
    assert isinstance(verdict, Different)
    assert verdict.sets == {USD: frozenset({Decimal(-1)})}
    assert verdict.newest == {USD: Decimal(-1)}
    assert verdict.complete


def test_what_one_side_leaves_out_is_zero_and_what_it_does_not_state_is_unknown() -> None:
    """A missing row differs, an unstated total does not (I1)."""
    verdict = evaluate(question({}, {USD: "5"}), settled=True)
    assert isinstance(verdict, Different)
    assert verdict.newest == {USD: Decimal(-5)}
    verdict = evaluate(question({"USD": "0", "BTC": "2"}, {}), settled=True)
    assert isinstance(verdict, Different)
    assert verdict.newest == {BTC: Decimal(2)}
    assert isinstance(evaluate(question({"USD": None}, {USD: "5"}), settled=True), Agreed)


def test_a_wallet_that_was_never_stated_is_not_compared() -> None:
    """Nothing is known of it, so nothing differs."""
    asked = question({"USD": "4"}, {})
    unopened = replace(asked.window, balance_wallets=frozenset())
    assert isinstance(evaluate(replace(asked, window=unopened), settled=True), Agreed)


def test_positions_are_compared_by_their_sign() -> None:
    """A short is no long, and a position that the exchange does not list is none."""
    asked = question({}, {PERP: "1"})
    short = replace(asked.snapshot, positions={("spot", "BTC/USDC:USDC"): Position("BTC/USDC:USDC", Decimal(-1))})
    for snapshot, difference in ((short, Decimal(-2)), (asked.snapshot, Decimal(-1))):
        verdict = evaluate(replace(asked, snapshot=snapshot), settled=True)
        assert isinstance(verdict, Different)
        assert verdict.newest == {PERP: difference}


def test_currencies_must_agree_in_one_and_the_same_cut() -> None:
    """Each alone would agree with some cut, together they agree with none."""
    both = Entry(1, int(9.6 * SECOND), AT + int(9.5 * SECOND), {BTC: Decimal(1), USD: Decimal(-60)})
    legs = {BTC: "3", USD: "40"}
    assert isinstance(evaluate(question({"BTC": "2", "USD": "100"}, legs, [both]), settled=True), Agreed)
    verdict = evaluate(question({"BTC": "2", "USD": "40"}, legs, [both]), settled=True)
    assert isinstance(verdict, Different)
    assert verdict.joint == {frozenset({(BTC, Decimal(-1))}), frozenset({(USD, Decimal(-60))})}


def test_an_earlier_state_is_lag() -> None:
    """A movement older than R is not shown: no loss yet."""
    assert isinstance(evaluate(question({"USD": "5"}, {USD: "7"}, [entry(1, 5.0, 4.9, "2")]), settled=True), Lagging)


def test_a_match_with_an_older_cut_than_the_last_is_provisional() -> None:
    """Cuts never go back in time."""
    asked = question({"USD": "5"}, {USD: "7"}, [entry(1, 9.6, 9.5, "2")])
    assert isinstance(evaluate(asked, settled=True), Agreed)
    assert evaluate(replace(asked, floor=CutMark(1, frozenset())), settled=True) == Undecided("behind")


def test_a_restated_book_is_busy() -> None:
    """Between two statements that no movement explains nothing is known, but a match is a match."""
    stated = replace(entry(1, 9.9, None, "2"), restates=True)
    assert evaluate(question({"USD": "6"}, {USD: "7"}, [stated]), settled=True) == Undecided("busy")
    assert isinstance(evaluate(question({"USD": "7"}, {USD: "7"}, [stated]), settled=True), Agreed)


def test_too_many_cuts_leave_a_read_undecided() -> None:
    """It is never judged by a part of what is possible."""
    ties = [entry(version, 11.0, 9.5, str(2**version)) for version in range(1, 20)]
    assert evaluate(question({"USD": "1"}, {USD: "5"}, ties), settled=True) == Undecided("too_many_cuts")


def test_a_difference_that_stands_explains_a_read() -> None:
    """Up to what is known already, it agrees; that it is gone is only believed once settled."""
    stands = ({USD: Decimal(-1)},)
    verdict = evaluate(replace(question({"USD": "4"}, {USD: "5"}), expected=stands), settled=False)
    assert isinstance(verdict, Agreed)
    assert verdict.expected == stands[0]
    repaired = replace(question({"USD": "5"}, {USD: "5"}), expected=stands)
    assert evaluate(repaired, settled=False) == Undecided("unsettled")
    assert isinstance(evaluate(repaired, settled=True), Agreed)


def test_rounding_is_tolerated_for_each_operation_and_never_without_a_step() -> None:
    """One step for each, from the last exact agreement."""
    asked = question({"USD": "5.0002"}, {USD: "5"})
    assert isinstance(evaluate(asked, settled=True), Different)
    steps = {"USD": Decimal("0.0001")}
    assert isinstance(evaluate(replace(asked, tolerances=Tolerances(steps, {USD: 1})), settled=True), Different)
    verdict = evaluate(replace(asked, tolerances=Tolerances(steps, {USD: 2})), settled=True)
    assert isinstance(verdict, Agreed)
    assert verdict.amounts == {USD: Decimal("0.0002")}


def test_many_movements_without_own_time_widen_what_is_possible() -> None:
    """Too many to try each: between the ends all may be right, beyond them nothing is."""
    loose = [entry(version, 9.5 + version / 100, None, str(2**version)) for version in range(1, 20)]
    total = str(2**20 - 2)
    assert evaluate(question({"USD": "5"}, {USD: total}, loose), settled=True) == Undecided("untimed")
    verdict = evaluate(question({"USD": "-5000000"}, {USD: total}, loose), settled=True)
    assert isinstance(verdict, Different)
    assert verdict.untimed
    assert verdict.joint == frozenset()
    assert max(verdict.sets[USD]) < 0


def test_recordings_that_may_be_missing_make_a_difference_incomplete() -> None:
    """After a start it shows a candidate and counts for nothing."""
    verdict = evaluate(replace(question({"USD": "4"}, {USD: "5"}), since_us=10 * SECOND), settled=True)
    assert isinstance(verdict, Different)
    assert not verdict.complete
