"""What the whole tree makes an alert of: losses and their ends, accounts that cannot be read, actors that stay down, the store."""

import pytest
from actor_exchange import failure
from alert_desk import AlertLedger, AlertRig, FakeSink

from reconcile_actors.actors.alert_protocol import ALERTS, AlertsUnwritten, DescribeAlerts
from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import DiscrepancyConfirmed

BTC, USD = "a:spot:BTC:total:1", "a:spot:USD:total:1"


def begun(seed: int = 0) -> AlertRig:
    rig = AlertRig(seed=seed, ledger=AlertLedger())
    rig.opened().quiet()
    return rig


def said(rig: AlertRig) -> list[tuple[str, str]]:
    return rig.sinks[0].said


@pytest.mark.parametrize("seed", range(5))
def test_a_missed_fill_is_told_once_and_so_is_its_end(seed: int) -> None:
    """One fill that nobody reported: one alert for each currency that it moved, and one end each when it is reported late."""
    rig = begun(seed)
    report = rig.fill("T1", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.host.advance(120)
    assert sorted(said(rig)) == [("firing", BTC), ("firing", USD)]
    (one,) = [notice.alert for notice in rig.sinks[0].told if notice.alert.key == BTC]
    assert (one.severity, one.cause, one.value) == (Severity.ERROR, "missed_fill", "1,000 to 10,000 USD")
    assert one.advice == f"reconcile-actors discrepancies show {BTC} -c CONFIG"
    rig.record(report)
    rig.host.advance(120)
    assert sorted(said(rig)[2:]) == [("resolved", BTC), ("resolved", USD)]


def test_an_alert_is_committed_with_what_it_tells_of() -> None:
    """The row stands in the unit that confirms the discrepancy: never one without the other (I3)."""
    rig = begun()
    rig.exchanges["a"].glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed)
    (unit,) = [one for one in rig.ledger.units if one.outbox]
    assert [entry.kind for entry in unit.entries] == ["discrepancy.confirmed"]
    assert [row.body["key"] for row in unit.outbox] == [USD]


def test_a_candidate_and_rounding_are_nobodys_business() -> None:
    """What may still be a late report is no alert, and when it comes, nothing ends."""
    rig = begun()
    report = rig.fill("T1", told=False)
    rig.host.advance(0.5)
    rig.record(report)
    rig.host.advance(120)
    assert said(rig) == []


def test_a_loss_that_grows_is_told_again_when_it_weighs_more() -> None:
    """Another band is news at once."""
    rig = begun()
    rig.exchanges["a"].glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed)
    rig.exchanges["a"].glitch("USD", "-3000")
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.host.advance(5)
    assert said(rig) == [("firing", USD)] * 2
    assert [one.alert.value for one in rig.sinks[0].told] == ["100 to 1,000 USD", "1,000 to 10,000 USD"]


def test_an_exchange_that_cannot_be_read_is_told_once() -> None:
    """However often the breaker probes in vain; and when it can be read again."""
    rig = begun()
    rig.exchanges["a"].always = failure(FailureClass.TRANSIENT, "code_of_test")
    rig.host.advance(600)
    assert said(rig) == [("firing", "a:degraded")]
    assert rig.sinks[0].told[0].alert.cause == "code_of_test"
    rig.exchanges["a"].always = None
    rig.host.advance(120)
    assert said(rig)[1:] == [("resolved", "a:degraded")]


def test_unknown_for_long_is_told() -> None:
    """An account that nobody can compare, though its exchange answers, is an alert after a minute; a shorter while is none."""
    rig = begun()
    rig.exchanges["a"].always = UnknownReason.BAD_SHAPE
    rig.host.advance(50)
    rig.exchanges["a"].always = None
    rig.host.advance(30)
    assert said(rig) == []
    rig.exchanges["a"].always = UnknownReason.BAD_SHAPE
    rig.host.advance(70)
    assert said(rig) == [("firing", "a:unknown")]
    assert rig.sinks[0].told[0].alert.cause == "bad_shape"
    rig.host.advance(600)
    rig.exchanges["a"].always = None
    rig.host.advance(30)
    assert said(rig)[1:] == [("resolved", "a:unknown")]
    assert [one.kind for one in rig.ledger.entries if one.kind.startswith("account.")] == [
        "account.unknown",
        "account.known",
    ]


def test_a_book_that_nobody_opened_is_told() -> None:
    """No opening: nothing is compared, and somebody should know."""
    rig = AlertRig(ledger=AlertLedger())
    rig.start()
    rig.host.advance(90)
    assert said(rig) == [("firing", "a:unknown")]
    assert rig.sinks[0].told[0].alert.cause == "no_opening"


def test_a_single_pass_tells_of_no_account_that_is_unknown_for_long() -> None:
    """Where nothing is watched nobody expects to be compared: the command's exit code says enough."""
    rig = AlertRig(ledger=AlertLedger(), standalone=True)
    rig.start()
    rig.host.advance(600)
    assert said(rig) == []


def test_paused_is_nobodys_news() -> None:
    """Who ordered it knows; an account that was unknown before it was paused is told to be compared again after it."""
    rig = begun()
    rig.pause()
    rig.host.advance(600)
    assert said(rig) == []
    rig.resume()
    rig.host.advance(60)
    assert said(rig) == []


def test_an_actor_that_stays_down_is_told_until_it_is_resumed() -> None:
    """Parked after too many crashes; the end is told when it runs again."""
    rig = begun()
    role = reconciliation_role("a")
    rig.exchanges["a"].always = ZeroDivisionError()
    rig.host.advance(900)
    assert rig.child(role).state == "parked"
    assert ("firing", f"{role}:parked") in said(rig)
    rig.exchanges["a"].always = None
    rig.resume()
    rig.host.advance(60)
    assert said(rig)[-1] == ("resolved", f"{role}:parked")


def test_a_loss_is_told_while_the_store_is_full() -> None:
    """The store refuses: both the refusal and the loss are told, and the loss not once more when it is on disk."""
    rig = begun()
    rig.ledger.refuse = lambda unit: "store_full"
    rig.exchanges["a"].glitch("USD", "-300")
    rig.host.advance(60)
    assert sorted(said(rig)) == [("firing", USD), ("firing", "store")]
    rig.ledger.refuse = lambda unit: None
    rig.host.advance(60)
    assert said(rig)[2:] == [("resolved", "store")]
    assert rig.ledger.waiting == [number for number, one in rig.ledger.outbox.items() if one.body["key"] == USD]


def test_a_crash_of_the_alerts_actor_ends_no_condition() -> None:
    """Its next incarnation reads back what stands, says nothing twice, and lets nothing lapse: the others lived on."""
    rig = begun()
    rig.exchanges["a"].always = UnknownReason.BAD_SHAPE
    rig.host.advance(90)
    rig.host.tell(ALERTS, AlertsUnwritten(None))  # type: ignore[arg-type] # what crashes it
    rig.host.advance(600)
    assert rig.child(ALERTS).epoch == 2
    assert said(rig) == [("firing", "a:unknown")]


def test_a_dead_sink_is_seen_and_changes_nothing_else() -> None:
    """Every pass goes on as ever beside a sink that takes for ever."""
    rig = AlertRig(ledger=AlertLedger())
    hung = FakeSink("hung")
    hung.script.extend([1e9] * 100)
    rig.sinks = (hung, FakeSink("well"))
    rig.opened().quiet()
    rig.exchanges["a"].glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed, within=10)
    rig.host.advance(30)
    assert rig.sinks[1].said == [("firing", USD)]
    assert rig.account().reason is None
    status = rig.host.request(ALERTS, DescribeAlerts())
    assert [one.pending for one in status.sinks] == [1, 0]  # type: ignore[attr-defined] # an AlertsStatus


def test_no_amount_is_in_any_alert() -> None:
    """I7: whatever was told in a life with losses of telling amounts, no digit of them is in it."""
    rig = begun()
    rig.exchanges["a"].glitch("USD", "-1234.5678")
    rig.exchanges["a"].glitch("BTC", "0.87654321")
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.exchanges["a"].glitch("USD", "-98765.4321")
    rig.await_event(DiscrepancyConfirmed, count=3)
    rig.host.advance(120)
    text = repr([row.body for row in rig.ledger.outbox.values()]) + repr(rig.sinks[0].told)
    assert "USD" in text
    for canary in ("1234", "5678", "8765", "4321", "60000", "50000", "52592"):
        assert canary not in text
