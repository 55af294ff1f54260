"""Unknown is never zero: what cannot be read or reached changes nothing, has a reason, and ends by itself where it can."""

from __future__ import annotations

import pytest
from actor_exchange import HANG, Answer, failure
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.domain.report import ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import ConfigError, CredentialsError
from reconcile_actors.exchanges.port import FailureClass
from reconcile_actors.messages import (
    ActorRestarted,
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    ExchangeDegraded,
    ExchangeRecovered,
)

ROLE = reconciliation_role("a")
UNREADABLE = (
    UnknownReason.BAD_SHAPE,
    UnknownReason.INCOMPLETE_PAGE,
    UnknownReason.CODE_COLLISION,
    UnknownReason.NOT_FINITE,
    UnknownReason.OUT_OF_RANGE,
    UnknownReason.EMPTY,
)
PASSING = (
    (FailureClass.TRANSIENT, UnknownReason.UNREACHABLE),
    (FailureClass.RATE_LIMIT, UnknownReason.RATE_LIMITED),
    (FailureClass.MAINTENANCE, UnknownReason.MAINTENANCE),
    (FailureClass.BAD_DATA, UnknownReason.BAD_SHAPE),
)
FOR_GOOD = (
    (FailureClass.CREDENTIALS, UnknownReason.CREDENTIALS),
    (FailureClass.CONFIGURATION, UnknownReason.CONFIGURATION),
)


@pytest.mark.parametrize("reason", UNREADABLE)
def test_an_unreadable_answer_makes_a_pass_unknown_and_changes_nothing(reason: UnknownReason) -> None:
    """I1: the report says why, holds no values, and neither book nor discrepancies change; afterwards all is well again."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    book = rig.portfolio()
    world.always = reason
    report = rig.reconcile()
    assert (report.status, report.unknown_reason) == (ReconciliationStatus.UNKNOWN, reason)
    assert report.unknown_detail == "made_up_detail"
    assert (report.exchange_balances, report.snapshot_digest, report.discrepancies) == ((), None, ())
    assert rig.account().reason is reason
    assert rig.portfolio() == book
    assert rig.ledger.of_kind("read.unknown")[-1].body == {"reason": str(reason), "detail": "made_up_detail"}
    world.always = None
    rig.host.advance(5)
    assert rig.account().reason is None
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    assert rig.events(DiscrepancyDetected) == []


def test_one_unreadable_answer_is_read_again_within_the_pass() -> None:
    """A pass tries again before it gives up: one bad answer costs it half a second, not its result."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].script.append(UnknownReason.BAD_SHAPE)
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.MATCHED
    assert report.duration_us < 3_000_000


def test_a_pass_gives_up_after_its_tries() -> None:
    """`retry_count` bounds the reads of a pass that sees nothing but nonsense."""
    rig = Rig(settings=settings_of(["a"], "retry_count = 1\nwatch = false")).opened().quiet()
    world = rig.exchanges["a"]
    world.always = UnknownReason.EMPTY
    reads = world.reads
    assert rig.reconcile().unknown_reason is UnknownReason.EMPTY
    assert world.reads - reads <= 3


def test_an_open_discrepancy_stays_through_the_unknown() -> None:
    """A confirmed loss is neither resolved nor masked by an exchange that cannot be read."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.glitch("USD", "-300")
    rig.await_event(DiscrepancyConfirmed)
    world.always = UnknownReason.BAD_SHAPE
    rig.host.advance(20)
    report = rig.reconcile()
    assert report.status is ReconciliationStatus.DISCREPANT
    assert [one.id for one in report.discrepancies] == ["a:spot:USD:total:1"]
    assert rig.events(DiscrepancyResolved) == []


@pytest.mark.parametrize(("kind", "reason"), PASSING)
def test_a_failure_that_passes_opens_the_breaker_and_recovers(kind: FailureClass, reason: UnknownReason) -> None:
    """Failures in a row: unknown with the reason, degraded once, few calls meanwhile, recovered by the first good read."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.always = failure(kind, "code_of_test")
    event = rig.await_event(ExchangeDegraded, within=60)
    assert (event.exchange, event.reason) == ("a", "code_of_test")
    assert rig.account().reason is reason
    assert rig.child(ROLE).breaker == "open"
    report = rig.reconcile()
    assert (report.status, report.unknown_reason) == (ReconciliationStatus.UNKNOWN, reason)
    reads = world.reads
    rig.host.advance(60)
    assert world.reads - reads <= 8
    world.always = None
    rig.await_event(ExchangeRecovered, within=120)
    rig.host.advance(3)
    assert rig.account().reason is None
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    assert rig.events(ActorRestarted) == []
    assert rig.ledger.of_kind("read.failed")[0].body["code"] == "code_of_test"
    changes = [(one.body["from"], one.body["to"]) for one in rig.ledger.of_kind("breaker.changed")]
    assert changes[0] == ("closed", "open")
    assert changes[-1] == ("half_open", "closed")


@pytest.mark.parametrize(("kind", "reason"), FOR_GOOD)
def test_a_failure_that_only_a_person_can_mend_opens_it_for_good(kind: FailureClass, reason: UnknownReason) -> None:
    """Refused credentials: degraded at once, not one more call for an hour, and read again only once it is resumed."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.always = failure(kind, "refused")
    rig.await_event(ExchangeDegraded)
    reads = world.reads
    world.always = None
    rig.host.advance(3600)
    assert world.reads == reads
    assert rig.account().reason is reason
    assert rig.reconcile().unknown_reason is reason
    assert rig.resume().status == "recorded"
    rig.await_event(ExchangeRecovered)
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    assert rig.ledger.kinds("a").count("exchange.resumed") == 1


def test_resume_takes_new_credentials_into_use() -> None:
    """Mended keys are read when the account is resumed: the gateway is opened anew, the old one closed."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.always = failure(FailureClass.CREDENTIALS)
    rig.await_event(ExchangeDegraded)
    world.always = None
    rig.resume()
    rig.host.advance(5)
    assert len(world.gateways) == 2
    assert [one.closed for one in world.gateways] == [True, False]
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (CredentialsError("no key"), UnknownReason.CREDENTIALS),
        (ConfigError("no such exchange"), UnknownReason.CONFIGURATION),
        (failure(FailureClass.CREDENTIALS), UnknownReason.CREDENTIALS),
    ],
)
def test_a_gateway_that_cannot_be_opened_is_unknown_until_resumed(error: Exception, reason: UnknownReason) -> None:
    """An opening that fails for good leaves the account unknown with its reason, alive, and resumable."""
    rig = Rig()
    rig.exchanges["a"].opening_script.append(error)
    rig.start()
    rig.state_balances()
    rig.host.advance(30)
    assert rig.account().reason is reason
    assert rig.reconcile().unknown_reason is reason
    assert rig.child(ROLE).state == "alive"
    rig.resume()
    rig.host.advance(20)
    assert rig.account().reason is None
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_an_opening_that_fails_in_passing_is_tried_again() -> None:
    """The network is not there yet when the service starts: the account comes up by itself once it is."""
    rig = Rig()
    rig.exchanges["a"].opening_script.extend([failure(FailureClass.TRANSIENT)] * 2)
    rig.start()
    rig.state_balances()
    rig.host.advance(120)
    assert rig.account().reason is None
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_a_rate_limit_is_obeyed() -> None:
    """The exchange says for how long it wants to be left alone, and it is."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.script.append(failure(FailureClass.RATE_LIMIT, "slow_down", retry_after=40))
    rig.await_event(ExchangeDegraded)
    reads = world.reads
    rig.host.advance(39)
    assert world.reads == reads
    assert rig.account().reason is UnknownReason.RATE_LIMITED
    rig.await_event(ExchangeRecovered)
    assert rig.reconcile().status is ReconciliationStatus.MATCHED


def test_an_exchange_that_never_answers_is_unreachable() -> None:
    """A read that hangs is cut off: the account is unknown, and nothing else hangs with it."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].always = HANG
    rig.host.advance(30)
    assert rig.account().reason is UnknownReason.UNREACHABLE
    assert rig.ledger.of_kind("read.failed")[0].body["code"] == "timeout"
    rig.exchanges["a"].always = None
    rig.host.advance(120)
    assert rig.account().reason is None


@pytest.mark.parametrize("answer", [failure(FailureClass.TRANSIENT), UnknownReason.BAD_SHAPE, HANG])
def test_the_unknown_is_told_in_time(answer: Answer) -> None:
    """No decided read for twice the detection target is unknown, whatever the cause."""
    rig = Rig().opened().quiet()
    rig.exchanges["a"].always = answer
    rig.host.advance(20)
    assert rig.account().reason is not None


def test_history_that_fails_is_no_findings_and_no_breaker() -> None:
    """A look into history that fails is on record, tried again, and does not make the account unknown."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.history_always = failure(FailureClass.TRANSIENT, "history_down")
    rig.host.advance(40)
    assert rig.account().reason is None
    assert rig.ledger.of_kind("history.failed")[-1].body == {"code": "history_down"}
    assert rig.reconcile().status is ReconciliationStatus.MATCHED
    world.history_always = None
    world.move("M1", {"USD": "-300"})
    rig.host.run_until(
        lambda: any(one.cause == "missed_withdrawal" for one in rig.ledger.known.values()), limit_seconds=60
    )


def test_history_goes_on_after_an_outage() -> None:
    """Once the breaker has closed, history is looked at again at its own spacing, not only at the next pass."""
    rig = Rig().opened().quiet()
    world = rig.exchanges["a"]
    world.always = failure(FailureClass.TRANSIENT)
    rig.await_event(ExchangeDegraded, within=60)
    rig.host.advance(30)
    world.always = None
    rig.await_event(ExchangeRecovered, within=120)
    looks = len(world.looks)
    rig.host.advance(20)
    assert len(world.looks) - looks >= 4


def test_a_pass_under_way_ends_when_the_breaker_opens() -> None:
    """Who waits for a pass hears at once that it cannot be made."""
    rig = Rig(settings=settings_of(["a"], "timeout_seconds = 600\nretry_count = 20")).opened().quiet()
    rig.exchanges["a"].always = failure(FailureClass.RATE_LIMIT, "slow_down")
    report = rig.reconcile(timeout=700)
    assert report.unknown_reason is UnknownReason.RATE_LIMITED
    assert report.duration_us < 30_000_000
