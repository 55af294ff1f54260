"""When an account's actor asks that trading stop, and when it does not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from actor_exchange import failure
from actor_rig import PRICES, Rig, settings_of

from reconcile_actors.domain.alerts import ALERT
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.halting import halts_of
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import (
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    TradingHaltRequested,
)

IN_OBSERVE = "[halt]\nin_observe = true"
ASKED_WITHIN_SECONDS = 25.0


def halting(seed: int = 0, more: str = IN_OBSERVE, valuation: str = PRICES, reconciliation: str = "") -> Rig:
    """A rig whose accounts ask for halts, past its start."""
    return Rig(seed=seed, settings=settings_of(["a"], reconciliation, more, valuation)).opened().quiet()


def asked(rig: Rig) -> list[TradingHalt]:
    """The halts that were asked for, one each."""
    return list({one.halt.id: one.halt for one in rig.events(TradingHaltRequested)}.values())


@pytest.mark.parametrize("seed", range(6))
def test_a_large_loss_that_nothing_explains_halts_trading(seed: int) -> None:
    """The halt, its entry and its alert are one unit, the event follows it, and the id is that of the discrepancy."""
    rig = halting(seed)
    rig.exchanges["a"].glitch("USD", "-4000")
    event = rig.await_event(TradingHaltRequested, within=ASKED_WITHIN_SECONDS)
    assert event.halt.id == "a:halt:spot:USD:total:1"
    assert (event.halt.reason, event.halt.discrepancies) == ("large_loss", ("a:spot:USD:total:1",))
    (entry,) = rig.ledger.of_kind("halt.requested")
    unit = next(one for one in rig.ledger.units if entry in one.entries)
    assert [row.kind for row in unit.outbox] == [ALERT]
    assert rig.timeline.index(("committed", unit)) < rig.timeline.index(("event", event))
    assert entry.body == {
        "id": event.halt.id,
        "reason": "large_loss",
        "discrepancies": ["a:spot:USD:total:1"],
    }
    (record,) = halts_of(rig.ledger.switches)
    assert record.halt == event.halt
    assert record.told == {"a:spot:USD:total:1": Decimal(4000)}
    assert rig.account().halts == (event.halt.id,)


def test_an_unreported_withdrawal_halts_trading_as_soon_as_it_is_named() -> None:
    """That history names an outflow is no comfort: it is what a theft looks like."""
    rig = halting()
    rig.exchanges["a"].move("W1", {"USD": "-40000"})
    happened = rig.host.now
    event = rig.await_event(TradingHaltRequested, within=10)
    assert event.halt.reason == "unreported_withdrawal"
    assert rig.host.now - happened <= 6.0


def test_a_whole_currency_that_is_withdrawn_halts_trading() -> None:
    """Everything of a currency taken out."""
    rig = halting()
    rig.exchanges["a"].move("W1", {"BTC": "-2"})
    assert rig.await_event(TradingHaltRequested, within=15).halt.discrepancies == ("a:spot:BTC:total:1",)


@pytest.mark.parametrize(
    ("amount", "kind"),
    [("-9000", MovementType.FEE), ("-9000", MovementType.FUNDING), ("40000", MovementType.TRANSFER)],
)
def test_what_history_explains_is_no_reason(amount: str, kind: MovementType) -> None:
    """Fees, funding and gains are discrepancies and no reason to stop, however large."""
    rig = halting()
    rig.exchanges["a"].move("M1", {"USD": amount}, kind)
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(40)
    assert asked(rig) == []


@pytest.mark.parametrize("seed", range(12))
def test_a_missed_fill_is_no_theft_before_history_names_it(seed: int) -> None:
    """A large fill that was not told costs one currency much; the exchange lists it late, as late as it may."""
    rig = halting(seed)
    world = rig.exchanges["a"]
    fill = world.fill("T1", "buy", "0.5", "60000", "6")
    world.movements.remove(fill)  # shown in the balances before it is listed
    rig.host.advance(2.9)
    world.movements.append(fill)
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(40)
    assert asked(rig) == []


@pytest.mark.parametrize("seed", range(4))
def test_honest_trading_with_late_reports_is_no_reason(seed: int) -> None:
    """Large fills, each told as late as it may be."""
    rig = halting(seed)
    for number in range(12):
        report = rig.fill(f"T{number}", told=False, quantity="0.1", side="buy" if number % 2 else "sell")
        rig.host.advance(1.9)
        rig.record(report)
        rig.host.advance(0.7)
    assert asked(rig) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_withdrawal_of_ones_own_is_no_reason(seed: int) -> None:
    """Reported as late as it may be, most of the account taken out by its owner."""
    rig = halting(seed)
    for number in range(4):
        rig.exchanges["a"].move(f"W{number}", {"USD": "-9000"})
        report = rig.transfer(f"W{number}", "-9000")
        rig.host.advance(1.9)
        assert rig.record(report).status == "recorded"
        rig.host.advance(3)
    rig.host.advance(30)
    assert asked(rig) == []


def test_without_history_a_loss_halts_trading_all_the_same() -> None:
    """A history that fails explains nothing: after half a minute a person must hear of the loss."""
    rig = halting()
    world = rig.exchanges["a"]
    world.history_always = failure(FailureClass.TRANSIENT)
    world.glitch("USD", "-4000")
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(20)
    assert asked(rig) == []
    rig.await_event(TradingHaltRequested, within=20)


def test_while_the_exchange_cannot_be_reached_nobody_waits_for_its_history() -> None:
    """An outage between a fill that nobody told and its listing: a halt only after half a minute of asking in vain."""
    rig = halting()
    world = rig.exchanges["a"]
    world.history_always = failure(FailureClass.TRANSIENT)
    world.fill("T1", "buy", "0.5", "60000", "6")
    rig.await_event(DiscrepancyConfirmed)
    world.always = failure(FailureClass.TRANSIENT)
    rig.host.run_until(lambda: rig.account().reason is not None, limit_seconds=10)
    rig.host.advance(60)
    world.always = None
    rig.host.run_until(lambda: rig.account().reason is None, limit_seconds=120)
    rig.host.advance(10)
    assert asked(rig) == []
    world.history_always = None
    rig.host.advance(60)
    assert asked(rig) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_late_report_beside_a_fill_that_is_named_late_is_no_loss(seed: int) -> None:
    """The book takes in one missed fill while history names another: the difference that stands still holds both."""
    rig = halting(seed)
    world = rig.exchanges["a"]
    late = rig.fill("T1", told=False)
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(5)
    world.history_always = failure(FailureClass.TRANSIENT)
    rig.fill("T2", told=False, quantity="0.2")
    rig.host.advance(20)
    world.history_always = None
    assert rig.record(late).status == "recorded"
    rig.host.advance(60)
    assert asked(rig) == []


def test_an_exchange_without_history_is_not_waited_for() -> None:
    """Where there is none to ask, reads alone decide."""
    rig = Rig(settings=settings_of(["a"], more=IN_OBSERVE))
    rig.exchanges["a"].facts = replace(rig.exchanges["a"].facts, has_history=False)
    rig.opened().quiet()
    rig.exchanges["a"].glitch("USD", "-4000")
    rig.await_event(TradingHaltRequested, within=ASKED_WITHIN_SECONDS)


@pytest.mark.parametrize(("amount", "halts"), [("-999", 0), ("-1000", 1)])
def test_the_limit_is_a_value(amount: str, halts: int) -> None:
    """Worth `loss_usd` or more."""
    rig = halting()
    rig.exchanges["a"].glitch("USD", amount)
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(40)
    assert len(asked(rig)) == halts


def test_a_loss_in_parts_is_one_loss() -> None:
    """Two currencies, each below the limit, together above it: one halt for both."""
    rig = halting()
    rig.exchanges["a"].glitch("USD", "-700")
    rig.exchanges["a"].glitch("BTC", "-0.01")
    rig.await_event(TradingHaltRequested, within=ASKED_WITHIN_SECONDS)
    (one,) = asked(rig)
    assert one.discrepancies == ("a:spot:USD:total:1", "a:spot:BTC:total:1")


def test_a_loss_that_grows_with_each_fill_halts_trading() -> None:
    """What is siphoned off bit by bit is never the same twice, and must not be young for ever."""
    rig = halting()
    for number in range(40):
        rig.exchanges["a"].glitch("USD", "-60")
        if number % 3 == 0:
            rig.fill(f"T{number}", quantity="0.001")
        rig.host.advance(1)
    assert len(asked(rig)) == 1


def test_without_a_price_a_loss_is_told_and_halts_nothing() -> None:
    """Unpriced is a warning until it is found severe; a price that comes later decides."""
    rig = halting(valuation="")
    world = rig.exchanges["a"]
    world.glitch("BTC", "-1")
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(20)
    assert asked(rig) == []
    world.quotes["BTC"] = "60000"
    rig.await_event(TradingHaltRequested, within=30)


def test_observing_asks_for_no_halt() -> None:
    """I9: unless the configuration says so, nothing is asked of anybody."""
    rig = halting(more="")
    rig.exchanges["a"].glitch("USD", "-40000")
    rig.exchanges["a"].move("W1", {"BTC": "-1"})
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.host.advance(60)
    assert rig.events(TradingHaltRequested) == []
    assert halts_of(rig.ledger.switches) == ()


def test_a_second_loss_is_added_and_said_at_once() -> None:
    """One halt an account: it grows, on record, and nobody is asked twice to stop."""
    rig = halting()
    rig.exchanges["a"].glitch("USD", "-4000")
    rig.await_event(TradingHaltRequested, within=ASKED_WITHIN_SECONDS)
    rig.exchanges["a"].move("W1", {"BTC": "-0.5"})
    rig.host.run_until(lambda: len(asked(rig)[0].discrepancies) == 2, limit_seconds=15)
    (one,) = asked(rig)
    assert one.discrepancies == ("a:spot:USD:total:1", "a:spot:BTC:total:1")
    assert len(rig.ledger.of_kind("halt.requested")) == 1
    rig.exchanges["a"].glitch("USD", "-2500")
    rig.host.run_until(lambda: len(rig.ledger.of_kind("halt.extended")) == 2, limit_seconds=15)
    (record,) = halts_of(rig.ledger.switches)
    assert record.told == {"a:spot:USD:total:1": Decimal(6500), "a:spot:BTC:total:1": Decimal("0.5")}


def test_a_discrepancy_that_goes_leaves_the_halt() -> None:
    """What looked like a theft is over; whether trading goes on is for a person to say."""
    rig = halting()
    rig.exchanges["a"].glitch("USD", "-4000")
    rig.await_event(TradingHaltRequested, within=ASKED_WITHIN_SECONDS)
    rig.exchanges["a"].glitch("USD", "4000")
    rig.await_event(DiscrepancyResolved)
    rig.host.advance(30)
    assert rig.account().halts == ("a:halt:spot:USD:total:1",)


def test_what_was_booked_under_another_id_is_not_lost() -> None:
    """Balances agree and only the withdrawal's id is missing: no loss, also where another small one stands on the currency."""
    rig = halting()
    rig.exchanges["a"].move("W1", {"USD": "-5000"})
    rig.record(rig.transfer("X1", "-5000"))
    rig.exchanges["a"].glitch("USD", "-20")
    rig.await_event(DiscrepancyConfirmed)
    rig.host.advance(40)
    assert asked(rig) == []


def test_a_report_that_comes_late_takes_the_halts_reason_and_not_the_halt() -> None:
    """The withdrawal was the trading process's own: its report ends the discrepancy."""
    rig = halting()
    at = rig.host.clock.utc()
    rig.exchanges["a"].move("W1", {"USD": "-5000"})
    rig.await_event(TradingHaltRequested, within=ASKED_WITHIN_SECONDS)
    rig.record(rig.transfer("W1", "-5000").model_copy(update={"occurred_at": at}))
    rig.await_event(DiscrepancyResolved)
    assert len(rig.account().halts) == 1
