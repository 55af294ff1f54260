"""The portfolio actor and a ledger that refuses, hangs, forgets or comes back: nothing is lost in silence."""

from __future__ import annotations

import random

import pytest
from actor_desk import PortfolioDesk, reward, statement, transfer
from actor_ledger import FakeLedger

from reconcile_actors.actors.protocol import PORTFOLIO, CheckHistory, HistoryChecked, NoteGap
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.errors import StoreError
from reconcile_actors.kernel.errors import ActorDead, DeadlineExceeded
from reconcile_actors.kernel.signals import Stopped, Terminated
from reconcile_actors.messages import LocalWatermark, OpenOrder, Recorded

REASONS = ("store_full", "store_locked", "store_read_only", "store_corrupt", "store_failed", "overloaded")


@pytest.mark.parametrize("reason", REASONS)
def test_a_refused_unit_is_forgotten_and_told(reason: str) -> None:
    """Every reporter of a refused unit hears `refused` with the store's reason, and the book is as before."""
    desk = PortfolioDesk(scripted=True)
    desk.ask(statement(1))
    desk.answer(desk.next_commit())
    desk.host.settle()
    futures = [desk.ask(transfer("T1", "5")), desk.ask(reward("R1"))]
    refused = desk.next_commit()
    futures += [desk.ask(transfer("T2", "7"))]
    desk.answer(refused, reason)
    desk.host.run_until(futures[0].done)
    assert futures[0].result() == Recorded(status="refused", reason=reason)
    last = desk.next_commit()
    assert last.unit.expected_version == len(refused.unit.rows)  # one row was refused: the book was read anew
    desk.answer(last)
    desk.host.run_until(lambda: all(one.done() for one in futures))
    assert desk.usd() == str(100 + sum(int(row.movement.effects[USD]) for row in last.unit.rows))


USD = Leg("spot", "USD", Field.TOTAL)


def test_the_same_report_may_be_sent_again_after_a_refusal() -> None:
    """What was refused was not counted: sent again it is recorded, once."""
    desk = PortfolioDesk()
    desk.record(statement(1))
    desk.ledger.refuse = lambda _unit: "store_full"
    assert desk.record(transfer("T1", "5")).reason == "store_full"
    desk.ledger.refuse = lambda _unit: None
    assert desk.record(transfer("T1", "5")).status == "recorded"
    assert desk.record(transfer("T1", "5")).status == "duplicate"
    assert desk.usd() == "105"


def test_a_duplicate_of_what_is_refused_is_no_duplicate() -> None:
    """`duplicate` says that it is on disk (I8): in a unit that the store refuses, the repetition is refused too."""
    desk = PortfolioDesk(scripted=True)
    desk.ask(statement(1))
    first = desk.next_commit()
    futures = [desk.ask(transfer("T1", "5")) for _ in range(2)]
    desk.host.settle()
    desk.answer(first)
    desk.answer(desk.next_commit(), "store_full")
    desk.host.run_until(lambda: all(one.done() for one in futures))
    assert [one.result() for one in futures] == [Recorded(status="refused", reason="store_full")] * 2


def test_what_nobody_waited_for_and_is_lost_leaves_a_gap() -> None:
    """A told report in a refused unit makes the account unknown (`local_gap`), durably, until it is restated."""
    desk = PortfolioDesk()
    desk.record(statement(1))
    desk.ledger.refuse = lambda unit: "store_full" if unit.rows else None
    desk.tell(transfer("T1", "5"))
    desk.host.advance(2)
    assert desk.view().unknown == "local_gap"
    assert PortfolioDesk(ledger=desk.ledger).view().unknown == "local_gap"
    desk.ledger.refuse = lambda _unit: None
    assert desk.record(statement(2, "105")).status == "recorded"
    assert desk.view().unknown is None


def test_a_gap_outlives_a_store_that_refuses_it() -> None:
    """While the gap itself cannot be written it stands in memory, is tried again at a bounded pace, and then is durable."""
    desk = PortfolioDesk()
    desk.record(statement(1))
    desk.ledger.refuse = lambda _unit: "store_full"
    desk.tell(NoteGap("a"))
    before = len(desk.ledger.groups)
    desk.host.advance(20)
    assert desk.view().unknown == "local_gap"
    assert 2 <= len(desk.ledger.groups) - before <= 25
    desk.ledger.refuse = lambda _unit: None
    desk.host.advance(3)
    assert PortfolioDesk(ledger=desk.ledger).view().unknown == "local_gap"


def test_a_conflict_outlives_a_store_that_refuses_it() -> None:
    """An account with a conflict stays unknown although the refusal could not be put on record."""
    desk = PortfolioDesk()
    desk.record(statement(1))
    desk.record(transfer("T1", "5"))
    desk.ledger.refuse = lambda _unit: "store_full"
    assert desk.record(transfer("T1", "6")).status == "refused"
    desk.host.advance(3)
    assert desk.view().unknown == "local_conflict"
    desk.ledger.refuse = lambda _unit: None
    desk.host.advance(3)
    assert PortfolioDesk(ledger=desk.ledger).view().unknown == "local_conflict"


def test_a_lost_watermark_is_no_gap() -> None:
    """A watermark changes nothing of the book: one that shares the fate of a refused unit leaves no hole."""
    desk = PortfolioDesk(scripted=True)
    desk.ask(statement(1))
    first = desk.next_commit()
    desk.ask(transfer("T1"))
    desk.tell(LocalWatermark(exchange="a", through=desk.host.clock.utc()))
    desk.host.settle()
    desk.answer(first)
    desk.answer(desk.next_commit(), "store_full")
    assert desk.view().unknown is None


def test_no_answer_of_the_ledger_in_time_is_neither_recorded_nor_refused() -> None:
    """After its deadline the reporter hears that nobody knows; what the ledger did is read back, and a late answer is ignored."""
    desk = PortfolioDesk(scripted=True)
    future = desk.ask(statement(1))
    late = desk.next_commit()
    desk.host.run_until(future.done, limit_seconds=60)
    assert isinstance(future.exception(), DeadlineExceeded)
    desk.answer(late)
    desk.host.advance(1)
    again = desk.ask(transfer("T1", "5"))
    desk.answer(desk.next_commit(), "version_conflict")  # the book was read before the late unit was written
    desk.host.run_until(again.done)
    assert desk.usd() == "100"
    assert desk.ask(statement(1)) is not None
    desk.host.settle()


def test_an_unanswered_unit_that_was_written_counts_once() -> None:
    """The unit was written but its answer was lost: the same reports, sent again, are duplicates."""
    desk = PortfolioDesk(scripted=True)
    future = desk.ask(statement(1))
    desk.ledger._commit_one(desk.next_commit().unit)
    desk.host.run_until(future.done, limit_seconds=60)
    assert desk.record(statement(1)).status == "duplicate"
    assert desk.usd() == "100"


def test_a_book_that_cannot_be_read_is_tried_again() -> None:
    """A store that is down at the start delays the first answers and loses none."""
    ledger = FakeLedger()
    ledger.load_script.extend([StoreError("locked")] * 3)
    desk = PortfolioDesk(ledger=ledger)
    futures = [desk.ask(statement(1)), desk.ask(transfer("T1", "5"))]
    desk.host.advance(2.5)
    assert not futures[0].done()
    desk.host.run_until(lambda: all(one.done() for one in futures))
    assert desk.usd() == "105"


def test_old_ids_are_looked_up_in_the_store() -> None:
    """Beyond what memory keeps, only the store can tell a duplicate: the batch is looked up at once."""
    desk = PortfolioDesk(remembered_ids=5)
    desk.record(statement(1, "0"))
    for number in range(20):
        desk.record(transfer(f"T{number}"))
    lookups = len(desk.ledger.lookups)
    assert desk.record(transfer("T3")).status == "duplicate"
    assert desk.ledger.lookups[lookups:] == [("T3",)]
    assert desk.record(transfer("T3", "9")).reason == "conflict"
    assert desk.usd() == "20"


def test_history_is_looked_up_in_the_store_too() -> None:
    """A movement that memory has forgotten is not missing: CheckHistory asks the store."""
    desk = PortfolioDesk(remembered_ids=3)
    desk.record(statement(1, "0"))
    desk.host.advance(5)
    for number in range(10):
        desk.record(transfer(f"T{number}"))
    now_at = int(desk.host.clock.utc().timestamp() * 1_000_000)
    told = [
        Movement("a", "spot", MovementType.TRANSFER, f"T{number}", {USD: 1}, instrument="USD", occurred_at=now_at)
        for number in range(11)
    ]
    desk.probe.tell(PORTFOLIO, CheckHistory("a", 1, told))
    assert [one.id for one in desk.probe.expect(HistoryChecked).missing] == ["T10"]


def test_a_lookup_that_fails_is_tried_again() -> None:
    """Not to know is not to lack: while the store cannot tell of an old id, nothing is counted twice or called missing."""
    desk = PortfolioDesk(remembered_ids=3)
    desk.record(statement(1, "0"))
    desk.host.advance(5)
    for number in range(10):
        desk.record(transfer(f"T{number}"))
    desk.ledger.find_script.extend([StoreError("locked")] * 2)
    future = desk.ask(transfer("T0"))
    desk.host.run_until(future.done)
    assert future.result() == Recorded(status="duplicate")
    desk.ledger.find_script.extend([StoreError("locked")] * 2)
    now_at = int(desk.host.clock.utc().timestamp() * 1_000_000)
    told = [Movement("a", "spot", MovementType.TRANSFER, "T1", {USD: 1}, instrument="USD", occurred_at=now_at)]
    desk.probe.tell(PORTFOLIO, CheckHistory("a", 1, told))
    assert desk.probe.expect(HistoryChecked, within_seconds=10).missing == ()
    assert desk.usd() == "10"


def test_a_batch_of_old_ids_outlasts_its_lookup() -> None:
    """However few ids memory keeps, a batch of old ones is recognised whole."""
    desk = PortfolioDesk(remembered_ids=4)
    desk.record(statement(1, "0"))
    for _ in range(2):
        futures = [desk.ask(transfer(f"T{number}")) for number in range(30)]
        desk.host.run_until(lambda futures=futures: all(one.done() for one in futures))
    assert {one.result().status for one in futures} == {"duplicate"}  # type: ignore[attr-defined] # Recorded
    assert desk.usd() == "30"


def test_what_comes_during_a_lookup_waits_for_its_own() -> None:
    """A report that arrives while ids are looked up is not taken along unasked: its own id is looked up first."""
    desk = PortfolioDesk(remembered_ids=3)
    desk.record(statement(1, "0"))
    for number in range(10):
        desk.record(transfer(f"T{number}"))
    futures = []
    for number in range(6):
        futures.append(desk.ask(transfer(f"T{number}")))
        desk.host.advance(0.01)
    desk.host.run_until(lambda: all(one.done() for one in futures))
    assert {one.result().status for one in futures} == {"duplicate"}  # type: ignore[attr-defined] # Recorded
    assert desk.usd() == "10"


@pytest.mark.parametrize("orderly", [True, False])
def test_a_restart_rebuilds_the_same_book(orderly: bool) -> None:
    """After a stop, or a kill at any time, the book read back is the book that was shown: legs, orders, versions, ids."""
    desk = PortfolioDesk()
    desk.record(statement(4, "1000"))
    for number in range(7):
        desk.record(transfer(f"T{number}", str(number)))
    desk.record(OpenOrder(exchange="a", order_id="O1", symbol="BTC/USD", side="buy", quantity="1", price="50"))
    before = desk.view()
    if orderly:
        assert desk.host.stop() == ()
        assert desk.ledger.kinds()[-1] == "book.state"
    again = PortfolioDesk(ledger=desk.ledger, seed=9)
    assert again.view() == before
    assert again.record(transfer("T3", "3")).status == "duplicate"
    assert again.record(statement(3)).reason == "older_version"
    assert again.record(transfer("T9", "1")).status == "recorded"


def test_a_state_is_kept_now_and_then() -> None:
    """A start need not replay for ever: after enough versions a unit carries the book's state."""
    desk = PortfolioDesk()
    desk.record(statement(1, "0"))
    futures = [desk.ask(transfer(f"T{number}")) for number in range(1100)]
    desk.host.run_until(lambda: all(one.done() for one in futures))
    assert 1000 <= desk.ledger.states["a"].version <= 1101
    assert PortfolioDesk(ledger=desk.ledger).usd() == "1100"


def test_stop_writes_what_was_told_and_each_state() -> None:
    """Asked to stop, it writes the queue, then each changed book's state, and ends in order."""
    desk = PortfolioDesk("a", "b", "c")
    desk.record(statement(1, "1", name="a"))
    desk.record(statement(1, "2", name="b"))
    desk.tell(transfer("T1", "5", name="b"))
    assert desk.host.stop() == ()
    assert {name: state.version for name, state in desk.ledger.states.items()} == {"a": 1, "b": 2}
    assert PortfolioDesk("a", "b", "c", ledger=desk.ledger).usd("b") == "7"


def test_stop_does_not_wait_for_a_store_that_refuses() -> None:
    """A failing store must not hold the process: who waits is told, then the actor ends."""
    desk = PortfolioDesk()
    desk.record(statement(1))
    desk.ledger.refuse = lambda _unit: "store_full"
    future = desk.ask(transfer("T1"))
    desk.host.settle()
    assert desk.host.stop() == ()
    error = future.exception()
    assert isinstance(error, ActorDead) or future.result() == Recorded(status="refused", reason="store_full")


def test_an_unchanged_book_leaves_no_state_behind() -> None:
    """A stop with nothing new writes nothing."""
    desk = PortfolioDesk()
    desk.record(statement(1))
    desk.host.stop()
    before = len(desk.ledger.entries)
    again = PortfolioDesk(ledger=desk.ledger)
    again.host.run_until_idle()
    assert again.host.stop() == ()
    assert len(desk.ledger.entries) == before


def test_the_watcher_hears_of_an_orderly_end() -> None:
    """Stopped by its parent it writes first, and the parent hears of one orderly end."""
    desk = PortfolioDesk()
    desk.record(statement(1))
    desk.host.tell(PORTFOLIO, transfer("T1", "5"))
    desk.host.stop()
    assert desk.ledger.version("a") == 2
    ended = [one for one in desk.probe.waiting if isinstance(one, Terminated)]
    assert [one.reason for one in ended] in ([Stopped()], [])


@pytest.mark.parametrize("seed", range(12))
def test_any_refusals_leave_book_and_store_of_one_mind(seed: int) -> None:
    """Seeded: whatever the store refuses, recorded means in the store, refused means not, and memory equals a fresh read."""
    draw = random.Random(seed)
    desk = PortfolioDesk(seed=seed)
    desk.record(statement(1, "0"))
    desk.ledger.refuse = lambda unit: draw.choice(REASONS) if draw.random() < 0.3 else None
    sent = []
    for step in range(60):
        id_ = f"T{draw.randrange(40)}"
        sent.append((id_, desk.ask(transfer(id_))))
        if draw.random() < 0.4:
            desk.host.advance(draw.random())
        if step % 20 == 19:
            desk.ledger.script.append(draw.random())
    desk.host.run_until(lambda: all(future.done() for _, future in sent))
    desk.ledger.refuse = lambda _unit: None
    stored = [row.movement.id for row in desk.ledger.rows["a"] if row.movement.id is not None]
    assert len(stored) == len(set(stored))
    acknowledged = {id_ for id_, future in sent if future.result().status in {"recorded", "duplicate"}}  # type: ignore[attr-defined]
    assert acknowledged == set(stored)
    assert desk.usd() == str(len(stored))
    assert PortfolioDesk(ledger=desk.ledger).view() == desk.view()
