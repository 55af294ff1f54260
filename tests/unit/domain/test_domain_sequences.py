"""Sequences that once defeated the comparison, or could: each is a short story with the read that must not mislead."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.changes import Record
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.snapshot import UnknownReason
from tests.unit.domain.domain_values import (
    BTC,
    USD,
    Desk,
    at,
    closed,
    fee,
    fill,
    opened,
    snapshot,
    statement,
    transfer,
    us,
)

HELD = {"BTC": "2", "USD": "10000"}


def test_a_chance_agreement_does_not_resolve_what_stands() -> None:
    """While a report is on its way, a read may agree with the book by chance; only a settled read ends a loss."""
    desk = Desk()
    desk.settle(0, {"BTC": "2", "USD": "9900"})
    desk.settle(0.3, {"BTC": "2", "USD": "9900"})
    assert desk.open == {"USD.total": "confirmed -100"}
    # a deposit of 100 happens at 5.0 and is not told yet: the balances happen to be equal
    assert desk.look(5.1, HELD) == []
    assert desk.done is False
    desk.tell(transfer("D1", "100", 5.0), 6.5)
    assert desk.settle(5.1, HELD) == []
    assert desk.open == {"USD.total": "confirmed -100"}


def test_a_repair_resolves_what_stands_once_a_read_must_show_it() -> None:
    """Until R has passed the old version explains the read too; afterwards the loss is over."""
    desk = Desk()
    desk.settle(0, {"BTC": "2", "USD": "9900"})
    desk.settle(0.3, {"BTC": "2", "USD": "9900"})
    desk.tell(transfer("D1", "-100", -1), 5)
    desk.settle(5.5, {"BTC": "2", "USD": "9900"})
    assert desk.open == {"USD.total": "confirmed -100"}
    desk.settle(7, {"BTC": "2", "USD": "9900"})
    assert desk.open == {}


def test_rounding_that_grows_past_its_tolerance_is_not_past_doubt_at_once() -> None:
    """An open matter of precision gives no credit to a real difference: that takes its own k reads."""
    steps = {"USD": "0.01"}
    desk = Desk()
    desk.tell(fill("T1", price="60000.04", quantity="0.1", happened=-10), -10)
    desk.look(0, {"BTC": "2.1", "USD": "4000"}, steps=steps)
    assert desk.open == {"USD.total": "confirmed 0.004"}
    desk.settle(2, {"BTC": "2.1", "USD": "3950"}, steps=steps)
    assert desk.open == {"USD.total": "candidate -49.996"}
    desk.settle(2.3, {"BTC": "2.1", "USD": "3950"}, steps=steps)
    assert desk.open == {"USD.total": "confirmed -49.996"}
    assert [one.episode for one in desk.register.all_open()] == [2]


def test_history_does_not_confirm_a_guess_at_the_size() -> None:
    """A fixed lot leaves many sizes possible: the candidate's guess waits for the read that fits what history names."""
    desk = Desk()
    for number in range(3):
        desk.tell(fill(f"T{number}", "sell", "0.01", fee="0.6", happened=0.2 + number / 10), 0.3 + number / 10)
    # the exchange shows all of them, and one more that was not told
    desk.settle(0.5, {"BTC": "1.96", "USD": "12397.6"})
    before = dict(desk.open)
    listed = fill("T9", "sell", "0.01", fee="0.6", happened=0.3)
    desk.history(9, listed)
    assert desk.open == before
    desk.look(9.1, {"BTC": "1.96", "USD": "12397.6"})
    assert desk.open == {"BTC.total": "confirmed -0.01", "USD.total": "confirmed 599.4"}


def test_a_market_maker_who_comes_back_is_told_by_history_alone() -> None:
    """A missed buy hides behind the next one; once history names it, it is a loss of both currencies and stays one."""
    desk = Desk()
    desk.tell(fill("T1", "buy", "0.01", happened=0.0), 0.1)
    # T0 was not told: the exchange has two buys, or one within the reach of the read
    desk.look(0.2, {"BTC": "2.01", "USD": "9400"})
    assert desk.done is True
    desk.history(4, fill("T0", "buy", "0.01", happened=-0.5), fill("T1", "buy", "0.01", happened=0.0))
    assert desk.tracker.names_unseen
    desk.tell(fill("T2", "buy", "0.01", happened=4.5), 4.6)
    desk.settle(4.7, {"BTC": "2.02", "USD": "8800"})
    assert desk.open == {"BTC.total": "confirmed 0.01", "USD.total": "confirmed -600"}
    assert [one.cause for one in desk.register.all_open()] == ["missed_fill", "missed_fill"]
    # nothing differs is possible too, but nothing has come into the book: the loss stands
    desk.settle(4.9, {"BTC": "2.02", "USD": "8800"})
    assert set(desk.open) == {"BTC.total", "USD.total"}


def test_what_history_no_longer_names_has_come_into_the_book() -> None:
    """Where both readings are possible, the one that history supports is taken."""
    desk = Desk()
    listed = fill("T0", "buy", "0.01", happened=-0.5)
    desk.look(-5, HELD)
    desk.history(4, listed)
    desk.look(4.2, {"BTC": "2.01", "USD": "9400"})
    assert set(desk.open) == {"BTC.total", "USD.total"}
    desk.tell(listed, 5)
    desk.tell(fill("T2", "buy", "0.01", happened=5.5), 5.6)
    desk.history(8, listed)
    # within the reach of the read T2 may be shown or not: with it the loss would still stand
    desk.settle(6, {"BTC": "2.02", "USD": "8800"})
    assert desk.open == {}


def test_an_id_that_balances_agree_without_stands_alone() -> None:
    """The bot booked it under another id: one discrepancy a currency, of the movement, until the id is known."""
    desk = Desk()
    desk.tell(transfer("other", "40", -3), -3)
    desk.look(0, {"BTC": "2", "USD": "10040"})
    desk.history(1, transfer("D1", "40", -3))
    desk.settle(1.5, {"BTC": "2", "USD": "10040"})
    assert desk.open == {"USD.movement": "confirmed 40"}
    desk.history(5)
    assert desk.open == {}


def test_a_movement_that_stood_alone_gives_way_to_the_loss_that_it_is() -> None:
    """One cause is one discrepancy of a currency."""
    desk = Desk()
    desk.look(0, HELD)
    desk.history(1, transfer("D1", "40", -3))
    desk.settle(1.5, HELD)
    assert desk.open == {"USD.movement": "confirmed 40"}
    desk.settle(5, {"BTC": "2", "USD": "10040"})
    desk.settle(5.3, {"BTC": "2", "USD": "10040"})
    assert desk.open == {"USD.total": "confirmed 40"}


def test_a_loss_named_while_another_stands_adds_to_it() -> None:
    """The read that shows the sum confirms it at once, under the id that stands."""
    desk = Desk()
    desk.look(-5, HELD)
    desk.settle(0, {"BTC": "2", "USD": "9900"})
    desk.settle(0.3, {"BTC": "2", "USD": "9900"})
    desk.history(9, transfer("D1", "-30", 5))
    desk.look(9.2, {"BTC": "2", "USD": "9870"})
    assert desk.open == {"USD.total": "confirmed -130"}
    assert desk.changes[-1].after.episode == 1


def test_reads_that_cannot_decide_do_not_silence_history() -> None:
    """An id that the book lacks is a discrepancy, whatever the balances look like; here they are restated at every moment."""
    desk = Desk()
    desk.look(-5, HELD)
    desk.history(4, transfer("D1", "-30", 0))
    desk.tell(statement(2, {"BTC": "2", "USD": "9500"}, as_of=-50), 4.5)
    desk.settle(5, {"BTC": "2", "USD": "9000"})
    assert desk.tracker.reason is UnknownReason.BUSY
    assert desk.open == {"USD.movement": "confirmed -30"}


def test_a_growing_loss_accuses_no_other_currency() -> None:
    """Fees that are never told: each read differs anew, and BTC, which may agree every time, is never named."""
    desk, paid, held = Desk(), Decimal(0), Decimal(2)
    for number in range(40):
        seconds = number / 4
        quantity = Decimal(1 + number % 7) / 1000
        held += quantity
        paid += quantity * 60000 + Decimal("1.5")
        desk.tell(fill(f"T{number}", quantity=str(quantity), happened=seconds), seconds)
        if number % 2:
            desk.settle(seconds + 0.05, {"BTC": str(held), "USD": str(10000 - paid)})
    assert {one.currency for one in desk.register.all_open()} == {"USD"}
    assert desk.register.all_open()[0].state is State.CONFIRMED


def test_reports_of_an_order_in_the_wrong_order_lock_nothing_false() -> None:
    """The fill is told before the order's opening: a read between the two instants shows the whole lock, rightly."""
    desk = Desk(locked={"USD": "0"})
    desk.tell(fill("T1", "buy", "0.5", "100", 5.0, order_id="O1"), 5.1)
    desk.tell(opened("O1", quantity="1", unit="100", happened=4.0), 5.6)
    for seconds in (4.5, 4.8):
        desk.settle(seconds, HELD, locked={"USD": "100"})
    assert desk.open == {}
    desk.settle(7, {"BTC": "2.5", "USD": "9950"}, locked={"USD": "50"})
    assert desk.open == {}


def test_a_forgotten_close_is_found_and_repaired() -> None:
    """The book locks what the exchange does not: past doubt after k reads, resolved by the late report; never more than a warning."""
    desk = Desk(locked={"USD": "0"})
    desk.tell(opened("O1", quantity="50", unit="100", happened=0), 0)
    desk.settle(2, HELD, locked={"USD": "5000"})
    for seconds in (40, 40.3):
        desk.settle(seconds, HELD, locked={"USD": "100"})
    assert desk.open == {"USD.locked": "confirmed -4900"}
    desk.tell(closed("O1", 39), 45)
    desk.look(47, HELD, locked={"USD": "0"})
    assert desk.open == {}


def test_a_lock_that_the_book_had_before_is_lag_first() -> None:
    """An answer from before the order was opened: only time on fresh connections makes it a loss."""
    desk = Desk(locked={"USD": "0"})
    desk.tell(opened("O1", quantity="1", unit="100", happened=0), 0)
    desk.settle(10, HELD, locked={"USD": "0"})
    desk.settle(10.3, HELD, locked={"USD": "0"})
    assert desk.open == {"USD.locked": "candidate -100"}
    assert desk.tracker.wants_fresh_connection
    assert desk.tracker.wants_confirming_read
    desk.settle(41, HELD, locked={"USD": "0"}, connection=1)
    assert desk.open == {"USD.locked": "confirmed -100"}


def test_the_same_answer_after_later_movements_is_lag_although_a_loss_stands() -> None:
    """A cache that stands still: the book moved on, the answer did not; what it seems to lack is no second loss."""
    desk = Desk()
    shown = {"BTC": "2", "USD": "9900"}
    desk.settle(0, shown)
    desk.settle(0.3, shown)
    desk.tell(transfer("D1", "30", 5), 5)
    desk.settle(9, shown)
    assert desk.tracker.reason is UnknownReason.STALE
    assert desk.open == {"USD.total": "confirmed -100"}
    desk.settle(9.3, {"BTC": "2", "USD": "9930"})
    assert desk.tracker.reason is None
    assert desk.open == {"USD.total": "confirmed -100"}


def test_balances_that_come_back_are_no_lag() -> None:
    """An answer as before, and a book as before: there was a movement there and back, and the loss is found."""
    desk = Desk()
    shown = {"BTC": "2", "USD": "9900"}
    desk.settle(0, shown)
    desk.tell(transfer("D1", "30", 5), 5)
    desk.tell(transfer("D2", "-30", 6), 6)
    desk.settle(9, shown)
    assert desk.open == {"USD.total": "confirmed -100"}


def test_an_answer_older_than_the_recent_versions_proves_no_lag() -> None:
    """Beyond what the book remembers nothing is known, and the answer counts from now."""
    desk = Desk()
    shown = {"BTC": "2", "USD": "9900"}
    desk.settle(0, shown)
    desk.tell(transfer("D1", "30", 5), 5)
    desk.book.forget_recent(us(6))
    desk.settle(9, shown)
    assert desk.open == {"USD.total": "confirmed -130"}


def test_too_many_cuts_then_prove_no_lag() -> None:
    """What cannot be enumerated is not held against an answer."""
    desk = Desk(bounds=Bounds(cuts_max=64))
    shown = {"BTC": "2", "USD": "9900"}
    for number in range(8):
        desk.tell(transfer(f"A{number}", str(2**number), -0.5), -0.4)
    desk.tracker.remember(snapshot(0, shown))
    desk.settle(9, shown)
    assert desk.open == {"USD.total": "candidate -355"}


@pytest.mark.parametrize("told_late", [0.0, 0.9])
def test_times_in_whole_seconds_are_no_proof_that_the_bot_was_late(told_late: float) -> None:
    """A movement at 3.9 that the exchange dates 3: its report may come until 5.9, and history waits for that."""
    coarse = Record(replace(transfer("D1", "40").movement, occurred_at=at(3.0) - 7))
    desk = Desk()
    desk.look(0, HELD)
    assert desk.history(5.4 + told_late / 2, coarse) == []
    desk.settle(5.5, {"BTC": "2", "USD": "10040"})
    assert desk.open == {"USD.total": "candidate 40"}
    desk.tell(coarse, 5.9)
    desk.settle(3.95, {"BTC": "2", "USD": "10000"})
    desk.settle(5.6, {"BTC": "2", "USD": "10040"})
    assert desk.open == {}


def test_times_in_whole_seconds_come_in_any_order_of_their_second() -> None:
    """Two movements of one second: a read in it may show either alone, although the second began before its reach."""
    desk = Desk()
    for id_, amount in (("A", "30"), ("B", "-7")):
        desk.tell(Record(replace(transfer(id_, amount).movement, occurred_at=at(3.0) - 7)), 5.0)
    desk.settle(5.45, {"BTC": "2", "USD": "9993"}, trip=0.01)
    assert desk.done
    assert desk.open == {}


def test_movements_without_own_time_may_have_happened_in_any_order() -> None:
    """Told as A, B; happened as B, A: the read between them shows B alone, and that is right."""
    desk = Desk()
    desk.tell(transfer("A", "30"), 1.0)
    desk.tell(transfer("B", "-7"), 1.1)
    desk.settle(0.5, {"BTC": "2", "USD": "9993"})
    assert desk.open == {}
    assert desk.tracker.reason is None


def test_history_dates_movements_that_were_told_without_time() -> None:
    """Too many to try in every order: the read waits undecided, until history tells their times."""
    desk = Desk()
    listed = [transfer(f"A{number}", str(3 + 2**number), number / 20) for number in range(16)]
    for number, one in enumerate(listed):
        bare = replace(one.movement, occurred_at=None)
        desk.tell(Record(bare), 1.0 + ((number * 7) % 16) / 100)
    shown = 10000 - 500 + sum(3 + 2**number for number in range(8))
    for seconds in (0.37, 0.38):
        desk.settle(seconds, {"BTC": "2", "USD": str(shown)}, trip=0.001)
    assert desk.open == {}
    desk.book.date([one.movement for one in listed])
    late = 10000 - 500 + sum(3 + 2**number for number in range(16))
    desk.settle(3.0, {"BTC": "2", "USD": str(late)})
    assert desk.open == {"USD.total": "confirmed -500"}


def test_an_undated_read_is_given_up_in_time() -> None:
    """After ten seconds it is too old to say anything of now."""
    desk = Desk()
    for number in range(16):
        desk.tell(transfer(f"A{number}", str(3 + 2**number)), 1.0 + number / 100)
    desk.settle(0.4, {"BTC": "2", "USD": "9500"})
    assert len(desk.tracker._undated) == 1
    desk.settle(20, {"BTC": "2", "USD": str(10000 + sum(3 + 2**number for number in range(16)))})
    assert desk.tracker._undated == []


def test_after_a_start_differences_stay_candidates_and_agreement_counts() -> None:
    """What was told just before the start may be missing from the recent versions: such a read proves nothing."""
    desk = Desk()
    desk.book.forget_recent(us(0))
    desk.settle(0.5, {"BTC": "2", "USD": "9900"})
    desk.settle(0.8, {"BTC": "2", "USD": "9900"})
    assert desk.open == {"USD.total": "candidate -100"}
    desk.look(0.9, HELD)
    desk.settle(0.9, HELD)
    assert desk.open == {}
    desk.settle(1.5, {"BTC": "2", "USD": "9900"})
    desk.settle(1.8, {"BTC": "2", "USD": "9900"})
    assert desk.open == {"USD.total": "confirmed -100"}


def test_history_names_nothing_before_the_bot_may_have_spoken() -> None:
    """Right after a start the bot's reports are on their way; nothing is missing yet, and nothing that stood is resolved."""
    first = Desk()
    first.look(0, HELD)
    first.history(1, transfer("D1", "40", -3))
    first.settle(1.5, HELD)
    stood = first.register.open
    desk = Desk()
    desk.register.open.update(stood)
    desk.book.first_message_us = None
    desk.started_us = us(-1)
    assert desk.history(0, transfer("D1", "40", -3)) == []
    desk.look(0.5, HELD)
    assert desk.open == {"USD.movement": "confirmed 40"}
    assert desk.history(10, transfer("D1", "40", -3)) == []
    desk.history(12, transfer("D1", "40", -3))
    assert desk.tracker.named != ()


def test_the_anchor_of_tolerance_is_what_the_read_showed() -> None:
    """A fill that the read did not show keeps its rounding: forgetting it would raise an alarm over the next read."""
    steps = {"USD": "0.01"}
    desk = Desk()
    desk.tell(fill("T1", price="60000.04", happened=0.0), 0.0)
    desk.look(0.1, HELD, steps=steps)
    assert desk.tracker.exact == ()
    desk.look(3, {"BTC": "2.1", "USD": "4000"}, steps=steps)
    assert desk.tracker.exact == (BTC,)
    desk.tell(fill("T2", "sell", price="60000.04", happened=3.5), 3.5)
    desk.look(6, HELD, steps=steps)
    assert desk.tracker.exact == (BTC, USD)


def test_all_gone_is_unknown_first_and_past_doubt_when_history_names_it() -> None:
    """What a theft looks like; and what a broken answer looks like, which the next answer mends."""
    desk = Desk()
    desk.look(0, HELD)
    gone = {"BTC": "0", "USD": "0"}
    desk.settle(2, gone)
    desk.settle(2.3, gone, connection=1)
    assert desk.tracker.reason is UnknownReason.SUDDEN_DISAPPEARANCE
    assert desk.tracker.wants_fresh_connection
    assert {one.state for one in desk.register.all_open()} == {State.CANDIDATE}
    mended = Desk()
    mended.look(0, HELD)
    mended.settle(2, gone)
    mended.settle(2.3, HELD)
    assert mended.open == {}
    desk.history(9, transfer("W1", "-10000", 1.5), transfer("W2", "-2", 1.6, "BTC"))
    desk.look(9.1, gone)
    assert {one.cause for one in desk.register.all_open()} == {"missed_withdrawal"}
    assert {one.severity for one in desk.register.all_open()} == {"error"}


def test_all_gone_is_past_doubt_after_ten_seconds_on_fresh_connections() -> None:
    """Where no history names it; on one and the same connection it never is."""
    desk, stuck = Desk(), Desk()
    for each in (desk, stuck):
        each.look(0, HELD)
    for number in range(7):
        desk.settle(2 + 2 * number, {"BTC": "2", "USD": "0"}, connection=number)
        stuck.settle(2 + 2 * number, {"BTC": "2", "USD": "0"})
    assert desk.open == {"USD.total": "confirmed -10000"}
    assert stuck.open == {"USD.total": "candidate -10000"}


def test_what_a_fee_and_its_fill_say_apart_is_one_event() -> None:
    """Told separately under the fill's id: nothing is missing, and without the fee just the fee is."""
    desk = Desk()
    desk.look(-5, HELD)
    desk.tell(fill("T1", happened=0), 0.1)
    listed = fill("T1", happened=0, fee="6")
    desk.history(4, listed)
    desk.look(4.1, {"BTC": "2.1", "USD": "3994"})
    assert desk.open == {"USD.total": "confirmed -6"}
    assert desk.register.all_open()[0].cause == "differing_movement"
    desk.tell(fee("T1", "-6", 0), 5)
    desk.settle(8, {"BTC": "2.1", "USD": "3994"})
    assert desk.open == {}


def test_a_loss_of_unknown_size_is_not_resolved_by_a_read_that_allows_it_still() -> None:
    """Six reads in a row differ, each by another size: past doubt, but vague; a read that fits both readings decides nothing."""
    desk = Desk()
    desk.look(-5, HELD)
    total = Decimal(10000)
    for number in range(6):
        seconds = number * 2.0
        desk.tell(transfer(f"A{number}", str(1000 + number), seconds), seconds)
        desk.tell(transfer(f"B{number}", str(-990 - number), seconds + 0.01), seconds)
        total += 10
        desk.settle(seconds + 0.1, {"BTC": "2", "USD": str(total - 300 - number)})
    (one,) = desk.register.all_open()
    assert one.state is State.CONFIRMED
    size = one.difference
    desk.tell(transfer("C", str(-size), 30), 30)
    desk.settle(30.2, {"BTC": "2", "USD": str(total)})
    assert desk.register.open[USD].state is State.CONFIRMED
    desk.settle(40, {"BTC": "2", "USD": str(total - size)})
    assert desk.open == {}


def test_missing_without_own_time_was_named_after_it_happened() -> None:
    """History lists it, so it is there; a read that is judged after that must show it."""
    desk = Desk()
    desk.look(0, HELD)
    desk.tracker.take_history([Missing(transfer("D1", "40").movement, {USD: Decimal(40)})], at(1))
    desk.look(1.2, {"BTC": "2", "USD": "10040"})
    assert desk.open == {"USD.total": "confirmed 40"}


def test_a_report_that_comes_after_history_named_it_leaves_nothing_behind() -> None:
    """Once it is told the id is missing no longer, before history is asked again; neither as a loss nor by itself."""
    desk = Desk()
    listed = transfer("D1", "40", 0)
    desk.look(-5, HELD)
    desk.history(4, listed)
    desk.look(4.2, {"BTC": "2", "USD": "10040"})
    assert desk.open == {"USD.total": "confirmed 40"}
    desk.tell(listed, 5)
    desk.look(5.2, {"BTC": "2", "USD": "10040"})
    assert desk.open == {}
    named = Desk()
    named.look(-5, HELD)
    named.history(4, listed)
    named.tell(listed, 4.1)
    named.look(4.2, {"BTC": "2", "USD": "10040"})
    assert named.changes == []


def test_a_loss_that_ends_by_itself_stands_alone_only_if_history_still_names_it() -> None:
    """Somebody took out again what was paid in untold: the id stays missing, and says so after the next look."""
    desk = Desk()
    listed = transfer("D1", "40", 0)
    desk.look(-5, HELD)
    desk.history(4, listed)
    desk.look(4.2, {"BTC": "2", "USD": "10040"})
    desk.settle(8, HELD)
    assert desk.open == {}
    desk.history(9, listed)
    desk.settle(9.2, HELD)
    assert desk.open == {"USD.movement": "confirmed 40"}
