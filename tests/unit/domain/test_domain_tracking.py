"""The tracker over time: what only fresh connections tell, statements, watermarks, unopened wallets, and starts."""

from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain.book import Book
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.changes import Record
from reconcile_actors.domain.discrepancy import Kind, State
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.snapshot import Bracket, UnknownReason
from tests.unit.domain.domain_world import ACCOUNT, EPOCH_AT, SECOND, Habits, World

QUIET = Habits(rate=0, deposits=0, duplicates=0)
EVENT = 6.0


def quiet(*, history: bool = False) -> World:
    """A bot that does nothing by itself."""
    return World(1, QUIET, history=history)


def losses(world: World) -> dict[str, Decimal]:
    """What stands past doubt, by currency."""
    return {one.currency: one.difference for one in world.tracker.register.all_open() if one.is_loss}


def book_phantom(world: World) -> None:
    """The bot tells of a fill that never happened."""
    effects = fill_effects("spot", "BTC/USD", "buy", Decimal("0.1"), Decimal(60000))
    at = world.utc(world.now_us)
    world.record(Record(Movement(ACCOUNT, "spot", MovementType.FILL, "P1", effects, "BTC/USD", None, "buy", at)))


@pytest.mark.parametrize("history", [True, False])
def test_a_fill_that_never_happened_is_lag_first_and_a_loss_after_half_a_minute(*, history: bool) -> None:
    """The exchange shows the state before it: stale, until fresh connections have agreed for 30 s."""
    world = quiet(history=history)
    world.at(EVENT, lambda: book_phantom(world))
    world.run(EVENT + 29)
    assert world.findings == []
    assert world.tracker.reason is UnknownReason.STALE
    assert world.tracker.wants_fresh_connection
    world.run(EVENT + 36)
    assert losses(world) == {"BTC": Decimal("-0.1"), "USD": Decimal(6000)}
    assert world.connection > 1


def test_an_exchange_that_answers_from_a_cache_is_stale_and_no_loss() -> None:
    """Twelve seconds of the same old answer while the bot trades on: unknown meanwhile, matched afterwards, never an alarm."""
    world = World(3, replace(QUIET, rate=5.0))
    world.at(EVENT, lambda: setattr(world.exchange, "frozen_us", world.now_us))
    world.at(EVENT + 12, lambda: setattr(world.exchange, "frozen_us", None))
    world.run(EVENT + 11)
    assert world.tracker.reason is UnknownReason.STALE
    world.run(EVENT + 25)
    assert world.confirmed == []
    assert world.tracker.reason is None


def test_all_gone_is_unknown_for_ten_seconds_and_then_a_loss() -> None:
    """An empty account is what a theft and what a broken answer look like: only fresh connections over time tell."""
    world = quiet()
    world.at(EVENT, lambda: setattr(world.exchange, "blank", True))
    world.run(EVENT + 9)
    assert world.confirmed == []
    assert {one.state for one in world.tracker.register.all_open()} == {State.CANDIDATE}
    assert world.tracker.reason is UnknownReason.SUDDEN_DISAPPEARANCE
    world.run(EVENT + 15)
    assert losses(world) == {"BTC": Decimal(-2), "USD": Decimal(-500000), "BNB": Decimal(-10)}
    assert {one.change.after.kind for one in world.confirmed} == {Kind.MISSING_EXCHANGE}


def test_an_empty_answer_that_passes_was_none() -> None:
    """Six seconds of zeros are a matter of timing, and nothing was ever confirmed."""
    world = quiet()
    world.at(EVENT, lambda: setattr(world.exchange, "blank", True))
    world.at(EVENT + 6, lambda: setattr(world.exchange, "blank", False))
    world.run(EVENT + 30)
    assert world.confirmed == []
    assert world.tracker.register.open == {}
    assert {one.change.after.kind for one in world.findings if one.change.after.state is State.RESOLVED} == {
        Kind.TIMING
    }


def test_all_of_a_currency_gone_is_certain_once_history_names_the_outflow() -> None:
    """Then no ten seconds are waited for."""
    world = quiet(history=True)
    world.at(EVENT, lambda: world.transfer(Decimal(-10), "BNB", told=False))
    world.run(EVENT + 5)
    assert losses(world) == {"BNB": Decimal(-10)}
    assert [one.change.after.cause for one in world.confirmed] == ["missed_withdrawal"]


def test_reads_around_a_statement_are_busy_and_a_wrong_statement_is_found() -> None:
    """Neither what the bot said before nor what it says now: undecided. What is wrong with it comes out by later reads."""
    world = quiet()
    world.at(EVENT - 0.1, lambda: world.transfer(Decimal(-7), told=False, listed=False))
    wrong = {"BTC": Decimal(3), "USD": Decimal(500000), "BNB": Decimal(10)}
    world.at(EVENT - 0.05, lambda: world.state(wrong, {}))
    world.run(EVENT + 2.3)
    assert world.tracker.reason is UnknownReason.BUSY
    assert world.findings == []
    world.run(EVENT + 8)
    assert losses(world) == {"BTC": Decimal(-1), "USD": Decimal(-7)}


def test_a_statement_repairs_what_stands() -> None:
    """What was a loss is resolved once the bot states what the exchange holds, and the same loss again is another one."""
    world = quiet()
    world.at(EVENT, lambda: world.transfer(Decimal(-7), told=False, listed=False))
    world.run(EVENT + 6)
    assert losses(world) == {"USD": Decimal(-7)}
    world.state(world.exchange.balances, {})
    world.run(EVENT + 12)
    assert losses(world) == {}
    world.transfer(Decimal(-7), told=False, listed=False)
    world.run(EVENT + 20)
    assert [one.change.after.episode for one in world.confirmed] == [1, 2]


def test_a_watermark_that_stands_still_delays_by_half_a_minute_and_no_more() -> None:
    """The account says `local_stale` meanwhile."""
    world = quiet()
    world.book.watermark_at = world.utc(world.now_us)
    world.at(EVENT, lambda: world.transfer(Decimal(-10), told=False, listed=False))
    world.run(EVENT + 20)
    assert world.findings == []
    assert world.tracker.reason is UnknownReason.LOCAL_STALE
    world.run(EVENT + 36)
    assert losses(world) == {"USD": Decimal(-10)}


def test_a_watermark_past_the_read_settles_it_at_once() -> None:
    """Past it by the skew: the bot may go by the exchange's clock."""
    world = quiet()
    bounds = world.bounds
    received_us = world.now_us
    bracket = Bracket(received_us - 1, received_us, EPOCH_AT + received_us - 1, EPOCH_AT + received_us)
    for past_us, due_us in (
        (bounds.skew_us, 0),
        (bounds.skew_us - 1, received_us + bounds.watermark_wait_us),
    ):
        world.book.watermark_at = bracket.received_at + past_us
        assert world.tracker.settles_at_us(bracket, world.book.window(), world.started_us) == due_us
    world.book.watermark_at = None
    assert world.tracker.settles_at_us(bracket, world.book.window(), 0) == received_us + bounds.local_lag_us


def test_a_start_waits_for_the_first_message_or_for_the_grace() -> None:
    """L runs from then, not from the read."""
    world = quiet()
    window, bounds = world.book.window(), Bounds()
    bracket = Bracket(SECOND, 2 * SECOND, EPOCH_AT + SECOND, EPOCH_AT + 2 * SECOND)
    silent = replace(window, first_message_us=None)
    spoken = replace(window, first_message_us=5 * SECOND)
    assert world.tracker.settles_at_us(bracket, silent, 0) == bounds.start_grace_us + bounds.local_lag_us
    assert world.tracker.settles_at_us(bracket, spoken, 0) == 5 * SECOND + bounds.local_lag_us


def test_a_wallet_that_was_never_stated_is_unknown() -> None:
    """Nothing of it is compared, and a read says so instead of comparing with zero (I1)."""
    world = quiet()
    world.book = Book(ACCOUNT, ("spot",))
    world.run(EVENT)
    assert world.tracker.register.open == {}
    assert world.tracker.reason is UnknownReason.NO_OPENING


def test_a_conflict_makes_the_account_unknown_until_a_statement_settles_it() -> None:
    """Nothing is judged meanwhile, and what was doubted before is forgotten."""
    world = quiet()
    world.run(EVENT)
    world.book.conflict = True
    world.transfer(Decimal(-7), told=False, listed=False)
    world.run(EVENT + 10)
    assert world.findings == []
    assert world.tracker.reason is UnknownReason.LOCAL_CONFLICT
    world.state(world.exchange.balances, {})
    world.run(EVENT + 20)
    assert world.tracker.reason is None
    assert world.findings == []


def test_what_stands_does_not_flap_while_the_bot_trades_on() -> None:
    """The same difference through hundreds of fills: one discrepancy, never resolved, never changed."""
    world = World(5, replace(QUIET, rate=20.0))
    world.at(EVENT, lambda: world.transfer(Decimal(-700), told=False, listed=False))
    world.run(EVENT + 30)
    of_usd = [one.change.after for one in world.findings if one.change.after.kind is not Kind.PRECISION]
    assert [one.state for one in of_usd if one.state is not State.CANDIDATE] == [State.CONFIRMED]
    difference = losses(world)["USD"]
    assert abs(difference + 700) < Decimal("0.2")


def test_one_read_alone_never_confirms() -> None:
    """Where no history helps, the first read that counts makes a candidate and the second a loss."""
    world = quiet()
    world.at(EVENT, lambda: world.transfer(Decimal(-7), told=False, listed=False))
    world.run(EVENT + 6)
    assert [one.change.after.state for one in world.findings] == [State.CANDIDATE, State.CONFIRMED]
