"""Orders that have to wait, are overtaken or come too early, and accounts without a history."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal

import pytest
from actor_exchange import FACTS
from actor_recovery import RECOVER, adjusted, agrees, armed, await_state, order, states, suspense
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.actors.recovery_state import ORDERS_MAX, PROPOSED_MAX, Recovery
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.messages import ApprovalRequested, ApproveResolution, PortfolioAdjusted, Recorded

USD = "USD:total:1"
APPROVE = ApproveResolution(exchange="a", id=f"a:spot:{USD}", actor="alice")


def held() -> Rig:
    """A loss that waits for a person."""
    rig = armed()
    rig.exchanges["a"].glitch("USD", "-700")
    await_state(rig, USD, State.AWAITING_APPROVAL)
    return rig


def ask(rig: Rig) -> Future[object]:
    """Approves without waiting for the answer."""
    return rig.host.ask(reconciliation_role("a"), APPROVE, timeout_seconds=30)


def blurred() -> Rig:
    """A held loss on a leg of which history names more than any read has shown yet, while reads take long."""
    rig = held()
    rig.exchanges["a"].always = 6.0
    rig.fill("T9", told=False)
    rig.host.advance(4)
    return rig


def test_an_order_waits_for_a_read_and_no_longer_than_who_asked() -> None:
    """What cannot be decided in time is refused, and nothing is posted behind the asker's back."""
    rig = blurred()
    answer = ask(rig)
    rig.host.advance(3)
    assert not answer.done()
    rig.host.advance(2)
    assert answer.result() == Recorded(status="refused", reason="busy")
    rig.exchanges["a"].always = None
    rig.host.advance(30)
    assert adjusted(rig) == []


def test_the_same_order_is_not_put_in_line_twice() -> None:
    """The second of two that wait is a duplicate of the first."""
    rig = blurred()
    first = ask(rig)
    rig.host.advance(0.1)
    second = ask(rig)
    rig.host.advance(0.1)
    assert second.result() == Recorded(status="duplicate")
    rig.host.advance(6)
    assert first.done()


def test_an_order_whose_discrepancy_goes_is_over() -> None:
    """It was resolved before anything was posted."""
    rig = blurred()
    answer = ask(rig)
    rig.host.advance(0.1)
    assert rig.state_balances(version=2).status == "recorded"
    rig.exchanges["a"].always = None
    rig.host.run_until(answer.done, limit_seconds=10)
    reply = answer.result()
    assert isinstance(reply, Recorded)
    assert (reply.status, reply.reason) in {("refused", "state_resolved"), ("refused", "busy")}
    rig.host.advance(10)
    assert adjusted(rig) == []


def test_an_order_is_answered_though_the_ledger_is_slow() -> None:
    """Once it is posted, however long the commit takes, whoever asked hears the truth."""
    rig = held()
    rig.ledger.script.append(8.0)
    answer = ask(rig)
    rig.host.run_until(answer.done, limit_seconds=20)
    assert answer.result() == Recorded(status="recorded")
    assert suspense(rig) == {"USD": "-700"}


def test_an_order_that_the_store_refuses_says_so() -> None:
    """Nothing was posted, and it may be given again."""
    rig = held()
    rig.ledger.refuse = lambda unit: "store_full" if unit.rows else None
    assert order(rig, "approve", USD) == "store_full"
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(10)
    assert states(rig) == {USD: State.AWAITING_APPROVAL}
    assert order(rig, "approve", USD) == "recorded"
    rig.host.advance(10)
    assert states(rig) == {USD: State.RESOLVED}


def test_decisions_while_the_store_fails_are_not_said_to_be_recorded() -> None:
    """I8: it holds for this process and is tried again."""
    rig = held()
    rig.ledger.refuse = lambda _unit: "store_full"
    assert order(rig, "ignore", USD) == "store_full"
    rig.ledger.refuse = lambda _unit: None
    rig.host.advance(5)
    assert states(rig) == {USD: State.IGNORED}


def test_what_went_away_while_it_was_posted_is_resolved() -> None:
    """The exchange takes its glitch back in the very moment: the posting is found to be a difference of its own."""
    rig = armed()
    world = rig.exchanges["a"]
    world.glitch("USD", "-7")
    rig.host.run_until(lambda: rig.host.now > 22.5, limit_seconds=30)
    rig.ledger.script.extend([0.0, 3.0, 3.0])
    world.glitch("USD", "7")
    rig.host.advance(60)
    assert agrees(rig)
    assert all(one in {State.RESOLVED, State.REOPENED} for one in states(rig).values())


def test_a_disabled_account_takes_no_orders() -> None:
    """Nothing is known of it."""
    rig = Rig(settings=settings_of(["a"], f"{RECOVER}\nenabled = false"), armed=True).start(contact=False)
    assert order(rig, "approve", USD) == "not_ready"


def test_without_a_history_a_person_decides() -> None:
    """Nothing could explain it, so nothing is adopted by itself, however small; approved, it is."""
    rig = Rig(settings=settings_of(["a"], RECOVER), armed=True)
    rig.exchanges["a"].facts = replace(FACTS, has_history=False)
    rig.opened().quiet()
    rig.exchanges["a"].glitch("USD", "-7")
    await_state(rig, USD, State.AWAITING_APPROVAL)
    (asked,) = rig.events(ApprovalRequested)
    assert asked.reason == "history_partial"
    assert order(rig, "approve", USD) == "recorded"
    rig.host.advance(10)
    assert agrees(rig)


def test_a_fill_is_not_posted_before_its_order_was_asked_for() -> None:
    """Trades that cannot be read are waited for, then what the ledger said must do."""
    rig = armed()
    rig.exchanges["a"].enrich_script.append(TimeoutError())
    rig.fill("T9", told=False)
    rig.await_event(PortfolioAdjusted)
    (row,) = [row for row in rig.ledger.rows["a"] if row.movement.id == "T9"]
    assert (row.movement.order_id, row.movement.side) == (None, "buy")


class Reply:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    def send(self, message: object) -> bool:
        """See ReplyTo."""
        self.sent.append(message)
        return True

    def fail(self, error: Exception) -> bool:
        """See ReplyTo."""
        raise error


def test_what_an_account_remembers_of_repairs_is_bounded() -> None:
    """I12: orders in line, and proposals that were told."""
    recovery = Recovery()
    for number in range(ORDERS_MAX):
        command = APPROVE.model_copy(update={"id": f"x:{number}"})
        assert recovery.take_order(command, Reply(), None) is not None
    assert recovery.take_order(APPROVE, Reply(), None) is None
    assert all(recovery.is_news(f"p{number}") for number in range(PROPOSED_MAX + 1))
    assert not recovery.is_news(f"p{PROPOSED_MAX}")
    assert len(recovery.proposed) == PROPOSED_MAX


@pytest.mark.parametrize("amount", ["0.5", "-0.5"])
def test_a_currency_that_is_not_in_the_book_is_adopted_too(amount: str) -> None:
    """A leg that nobody stated begins at zero."""
    rig = armed()
    rig.exchanges["a"].glitch("ETH", "0.001" if Decimal(amount) > 0 else "0.002")
    rig.await_event(PortfolioAdjusted)
    rig.host.advance(10)
    assert agrees(rig)
