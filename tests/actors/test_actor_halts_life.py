"""How a trading halt lives: said again, acknowledged, released, over restarts, outages and a store that fails."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from actor_exchange import failure
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.domain.alerts import ALERT
from reconcile_actors.domain.halting import RELEASED_KEPT, halts_of, standing_of
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import StoreError
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import (
    AcknowledgeHalt,
    DiscrepancyResolved,
    Recorded,
    ReleaseHalt,
    TradingHaltReleased,
    TradingHaltRequested,
)

SETTINGS = settings_of(["a"], more="[halt]\nin_observe = true")
FIRST = "a:halt:spot:USD:total:1"


def halted(seed: int = 0) -> Rig:
    """A rig whose account is halted for a loss of 4000 USD."""
    rig = Rig(seed=seed, settings=SETTINGS).opened().quiet()
    rig.exchanges["a"].glitch("USD", "-4000")
    rig.await_event(TradingHaltRequested)
    return rig


def say(rig: Rig, command: AcknowledgeHalt | ReleaseHalt, within: float = 60.0) -> Recorded:
    """A command, and its answer."""
    answer = rig.host.request(reconciliation_role(command.exchange), command, timeout_seconds=within)
    assert isinstance(answer, Recorded)
    return answer


def release(rig: Rig, id_: str = FIRST) -> Recorded:
    """A person releases a halt."""
    return say(rig, ReleaseHalt(exchange="a", id=id_, reason="seen", claimed_by="alice", actor="root"))


def test_it_is_said_again_until_the_trading_process_has_stopped() -> None:
    """Every ten seconds, until it is acknowledged: once, durably, on record."""
    rig = halted()
    rig.host.advance(35)
    assert len(rig.events(TradingHaltRequested)) == 4
    acknowledge = AcknowledgeHalt(exchange="a", id=FIRST)
    assert say(rig, acknowledge).status == "recorded"
    assert say(rig, acknowledge).status == "duplicate"
    rig.host.advance(60)
    assert len(rig.events(TradingHaltRequested)) == 4
    (entry,) = rig.ledger.of_kind("halt.acknowledged")
    assert entry.body == {"id": FIRST}
    assert rig.account().halts == (FIRST,)


def test_a_person_releases_it_and_that_is_on_record() -> None:
    """Who it was, what name was claimed and why; trading is told once, and nothing is asked again for the same loss."""
    rig = halted()
    assert release(rig).status == "recorded"
    assert release(rig).status == "duplicate"
    (event,) = rig.events(TradingHaltReleased)
    assert event.halt.released_by == "root"
    assert event.halt.released_at is not None
    (entry,) = rig.ledger.of_kind("halt.released")
    assert entry.body == {"id": FIRST, "actor": "root", "claimed_by": "alice", "reason": "seen"}
    unit = next(one for one in rig.ledger.units if entry in one.entries)
    assert [(row.kind, row.body["phase"]) for row in unit.outbox] == [(ALERT, "resolved")]
    said = len(rig.events(TradingHaltRequested))
    rig.host.advance(60)
    assert len(rig.events(TradingHaltRequested)) == said
    assert rig.account().halts == ()
    assert [one.id for one in rig.account().open] == ["a:spot:USD:total:1"]


@pytest.mark.parametrize("kind", [AcknowledgeHalt, ReleaseHalt])
def test_an_unknown_halt_is_refused(kind: type[AcknowledgeHalt | ReleaseHalt]) -> None:
    """Nothing happens, and nothing is recorded."""
    rig = halted()
    answer = say(rig, kind(exchange="a", id="a:halt:spot:BTC:total:9"))
    assert answer == Recorded(status="refused", reason="unknown_halt")
    assert rig.account().halts == (FIRST,)


def test_after_a_release_another_large_loss_is_another_halt() -> None:
    """The same discrepancy that grows by as much again, and only then."""
    rig = halted()
    release(rig)
    rig.exchanges["a"].glitch("USD", "-900")
    rig.host.advance(30)
    assert rig.account().halts == ()
    rig.exchanges["a"].glitch("USD", "-200")
    rig.host.run_until(lambda: rig.events(TradingHaltRequested)[-1].halt.id != FIRST, limit_seconds=30)
    assert rig.account().halts == (f"{FIRST}#2",)


def test_a_loss_that_was_mended_and_comes_again_is_another_halt() -> None:
    """What was told counts as told as long as it stands."""
    rig = halted()
    release(rig)
    rig.exchanges["a"].glitch("USD", "3500")
    rig.host.run_until(lambda: bool(rig.ledger.of_kind("halt.eased")), limit_seconds=30)
    assert halts_of(rig.ledger.switches)[0].told == {"a:spot:USD:total:1": Decimal(500)}
    said = len(rig.events(TradingHaltRequested))
    rig.host.advance(20)
    assert len(rig.events(TradingHaltRequested)) == said
    rig.exchanges["a"].glitch("USD", "-3500")
    rig.host.run_until(lambda: len(rig.events(TradingHaltRequested)) > said, limit_seconds=30)
    assert rig.account().halts == (f"{FIRST}#2",)


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_restart_keeps_it(acknowledged: bool) -> None:
    """The next process says it again at once where nobody has acknowledged it, asks for none of its own, and can release it."""
    rig = halted()
    if acknowledged:
        say(rig, AcknowledgeHalt(exchange="a", id=FIRST))
    rig.host.stop()
    after = rig.restarted().start()
    after.host.advance(60)
    said = after.events(TradingHaltRequested)
    assert {one.halt.id for one in said} == (set() if acknowledged else {FIRST})
    assert len(said) in ({0} if acknowledged else {6, 7})
    assert len(rig.ledger.of_kind("halt.requested")) == 1
    assert after.account().halts == (FIRST,)
    assert release(after).status == "recorded"
    last = after.restarted(seed=2).start()
    last.host.advance(60)
    assert last.events(TradingHaltRequested) == []
    assert last.account().halts == ()
    assert release(last).status == "duplicate"


def test_a_pause_and_an_open_breaker_keep_it_and_it_can_be_released() -> None:
    """Whether trading should stop does not depend on whether the exchange answers."""
    rig = halted()
    rig.exchanges["a"].always = failure(FailureClass.TRANSIENT)
    rig.host.run_until(lambda: rig.child(reconciliation_role("a")).breaker == "open", limit_seconds=120)
    said = len(rig.events(TradingHaltRequested))
    rig.host.advance(25)
    assert len(rig.events(TradingHaltRequested)) >= said + 2
    rig.pause()
    assert rig.account().halts == (FIRST,)
    assert rig.account().reason is UnknownReason.PAUSED
    assert release(rig).status == "recorded"
    rig.host.advance(1)
    assert len(rig.events(TradingHaltReleased)) == 1


def test_an_exchange_that_cannot_be_opened_after_a_restart_hides_no_halt() -> None:
    """Credentials that are refused at the start: the halt is said again and can be released."""
    rig = halted()
    rig.host.stop()
    rig.exchanges["a"].opening_script.extend(failure(FailureClass.CREDENTIALS) for _ in range(20))
    after = rig.restarted().start()
    after.host.advance(15)
    assert len(after.events(TradingHaltRequested)) == 2
    assert release(after).status == "recorded"


def test_a_crash_keeps_it() -> None:
    """The next incarnation reads it back."""
    rig = halted()
    rig.exchanges["a"].script.append(ValueError("a defect"))
    rig.host.run_until(lambda: rig.child(reconciliation_role("a")).epoch == 2, limit_seconds=60)
    rig.host.advance(20)
    assert rig.account().halts == (FIRST,)
    assert len(rig.ledger.of_kind("halt.requested")) == 1


def test_what_is_said_while_the_halts_are_read_back_is_answered() -> None:
    """A command that comes first waits; a store that cannot be read is asked again."""
    rig = halted()
    rig.host.stop()
    after = rig.restarted()
    after.ledger.control_script.extend([StoreError("busy"), StoreError("busy")])
    after.start()
    assert release(after).status == "recorded"
    assert after.account().halts == ()


def test_a_defect_while_they_are_read_is_a_crash_like_any_other() -> None:
    """The next incarnation reads them; nothing is taken for "no halt"."""
    rig = halted()
    rig.host.stop()
    after = rig.restarted()
    after.ledger.control_script.append(ValueError("a defect"))
    after.start()
    after.host.run_until(lambda: after.child(reconciliation_role("a")).epoch == 2, limit_seconds=60)
    after.host.advance(15)
    assert after.account().halts == (FIRST,)


def test_too_many_commands_at_that_time_are_refused() -> None:
    """Bounded: nobody may fill the memory of an actor whose store does not answer."""
    rig = halted()
    rig.host.stop()
    after = rig.restarted()
    after.ledger.control_script.extend(StoreError("busy") for _ in range(1000))
    after.start()
    command = AcknowledgeHalt(exchange="a", id=FIRST)
    futures = [after.host.ask(reconciliation_role("a"), command, timeout_seconds=600) for _ in range(101)]
    after.host.advance(1)
    assert futures[-1].result() == Recorded(status="refused", reason="overloaded")
    assert not futures[0].done()
    after.ledger.control_script.clear()
    after.host.advance(10)
    assert [one.result().status for one in futures[:2]] == ["recorded", "duplicate"]


def test_a_halt_in_the_store_that_is_none_is_no_release() -> None:
    """A record that cannot be read is trouble of the store, and does not pass for "no halt"."""
    for text in ("{", "[]", '{"halt": {}, "told": {}}', '{"halt": {"discrepancies": []}, "told": {}}'):
        with pytest.raises(StoreError):
            halts_of({"halt:x": text})
    rig = halted()
    document = json.loads(rig.ledger.switches[f"halt:{FIRST}"])
    assert standing_of({f"halt:{FIRST}": json.dumps(document), "paused:a": "x"}, "a")[0].id == FIRST
    assert standing_of({f"halt:{FIRST}": json.dumps(document)}, "b") == ()


def test_while_the_store_fails_a_halt_is_asked_for_and_a_release_is_not_said() -> None:
    """A person must hear of a loss also then; that trading may go on must be durable first (I3, I8)."""
    rig = Rig(settings=SETTINGS).opened().quiet()
    rig.ledger.refuse = lambda _unit: "store_full"
    rig.exchanges["a"].glitch("USD", "-4000")
    rig.await_event(TradingHaltRequested)
    assert say(rig, AcknowledgeHalt(exchange="a", id=FIRST)) == Recorded(status="refused", reason="store_full")
    assert release(rig) == Recorded(status="refused", reason="store_full")
    assert release(rig) == Recorded(status="refused", reason="store_full")
    rig.host.advance(30)
    assert rig.events(TradingHaltReleased) == []
    rig.ledger.refuse = lambda _unit: None
    rig.await_event(TradingHaltReleased, within=60)
    rig.host.advance(30)
    assert len(rig.events(TradingHaltReleased)) == 1
    assert release(rig).status == "duplicate"
    assert [one for one in rig.ledger.kinds() if one.startswith("halt")] == [
        "halt.requested",
        "halt.acknowledged",
        "halt.released",
    ]


def test_released_halts_that_are_over_go_from_the_store() -> None:
    """Bounded: of those whose discrepancies are gone the newest are kept."""
    rig = Rig(settings=SETTINGS).opened().quiet()
    for number in range(1, RELEASED_KEPT + 4):
        rig.exchanges["a"].glitch("USD", "-4000")
        rig.await_event(TradingHaltRequested, count=len(rig.events(TradingHaltRequested)) + 1)
        assert release(rig, f"a:halt:spot:USD:total:{number}").status == "recorded"
        rig.exchanges["a"].glitch("USD", "4000")
        rig.await_event(DiscrepancyResolved, count=number)
    kept = [one for one in rig.ledger.switches if one.startswith("halt:")]
    assert len(kept) == RELEASED_KEPT + 1
    assert release(rig).reason == "unknown_halt"


def test_a_restart_does_not_forget_what_history_explained() -> None:
    """The newest history does not reach back to a missed fill of the day before: that is no theft now."""
    rig = Rig(settings=SETTINGS).opened().quiet()
    rig.fill("T1", told=False, quantity="0.5")
    rig.host.run_until(lambda: {one.cause for one in rig.ledger.known.values()} == {"missed_fill"}, limit_seconds=20)
    rig.host.advance(20)
    assert rig.host.stop() == ()
    rig.exchanges["a"].movements.clear()
    after = rig.restarted().start()
    after.host.advance(90)
    assert len(after.account().open) == 2
    assert after.events(TradingHaltRequested) == []
    after.exchanges["a"].glitch("USD", "-2000")
    event = after.await_event(TradingHaltRequested)
    assert (event.halt.id, event.halt.reason) == (FIRST, "large_loss")
    assert halts_of(after.ledger.switches)[0].told == {"a:spot:USD:total:1": Decimal(2000)}


def test_a_parked_account_keeps_it() -> None:
    """An actor that crashed too often is down until somebody resumes it; then the halt is said again and can be released."""
    rig = halted()
    rig.exchanges["a"].always = ValueError("a defect")
    rig.host.run_until(lambda: rig.child(reconciliation_role("a")).state == "parked", limit_seconds=300)
    assert [one.id for one in standing_of(rig.ledger.switches)] == [FIRST]
    rig.exchanges["a"].always = None
    said = len(rig.events(TradingHaltRequested))
    rig.resume()
    rig.host.advance(15)
    assert len(rig.events(TradingHaltRequested)) >= said + 1
    assert release(rig).status == "recorded"
