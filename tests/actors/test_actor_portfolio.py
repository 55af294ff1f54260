"""The portfolio actor by its messages: what is answered is durable, and the book is shown only at rest."""

from __future__ import annotations

from datetime import timedelta

import pytest
from actor_desk import PortfolioDesk, reward, statement, transfer

from reconcile_actors.actors.protocol import (
    PORTFOLIO,
    CheckHistory,
    GetWindow,
    HistoryChecked,
    LegsExact,
    NoteGap,
    WindowIs,
)
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.messages import (
    CloseOrder,
    GetPortfolio,
    LocalWatermark,
    OpenOrder,
    Recorded,
    RecordFill,
    RecordFunding,
    SetPositions,
)
from reconcile_actors.messages.records import StatedPosition
from reconcile_actors.messages.views import PortfolioView

USD = Leg("spot", "USD", Field.TOTAL)


@pytest.fixture
def desk() -> PortfolioDesk:
    return PortfolioDesk()


def test_an_answer_comes_only_after_the_commit() -> None:
    """A report is answered `recorded` once the ledger has said so, and not a turn before (I8)."""
    desk = PortfolioDesk(scripted=True)
    future = desk.ask(statement(1))
    commit = desk.next_commit()
    desk.host.advance(5)
    assert not future.done()
    desk.answer(commit)
    desk.host.run_until(future.done)
    assert future.result() == Recorded(status="recorded")


def test_reports_gather_while_one_is_being_written() -> None:
    """What comes during a write goes into the next unit, all of it in one, in the order of telling."""
    desk = PortfolioDesk(scripted=True)
    first = desk.ask(statement(1))
    commit = desk.next_commit()
    rest = [desk.ask(transfer(f"T{number}")) for number in range(40)]
    desk.host.settle()
    desk.answer(commit)
    second = desk.next_commit()
    assert [row.version for row in second.unit.rows] == list(range(2, 42))
    assert [row.movement.id for row in second.unit.rows] == [f"T{number}" for number in range(40)]
    assert second.unit.expected_version == 1
    assert not any(one.done() for one in rest)
    desk.answer(second)
    desk.host.run_until(lambda: all(one.done() for one in [first, *rest]))


def test_a_batch_is_bounded(desk: PortfolioDesk) -> None:
    """One unit takes at most its bound of reports; the rest follow (I12)."""
    desk.record(statement(1, "0"))
    desk.ledger.script.append(2.0)
    futures = [desk.ask(transfer(f"T{number}")) for number in range(1200)]
    desk.host.run_until(lambda: all(one.done() for one in futures))
    assert max(len(unit.rows) for unit in desk.ledger.units) == 500
    assert desk.usd() == "1200"


def test_a_duplicate_counts_once(desk: PortfolioDesk) -> None:
    """The same key with the same content is a duplicate: in one batch, later, and with other digits for the same number."""
    desk.record(statement(1))
    futures = [desk.ask(transfer("T1", "5")) for _ in range(3)]
    desk.host.run_until(lambda: all(one.done() for one in futures))
    statuses = sorted(one.result().status for one in futures)  # type: ignore[attr-defined] # Recorded
    assert statuses == ["duplicate", "duplicate", "recorded"]
    assert desk.record(transfer("T1", "5.000")).status == "duplicate"
    assert desk.usd() == "105"


def test_a_duplicate_alone_writes_nothing(desk: PortfolioDesk) -> None:
    """Nothing new, nothing to write: it is answered without a transaction."""
    desk.record(statement(1))
    desk.record(transfer("T1"))
    before = len(desk.ledger.groups)
    assert desk.record(transfer("T1")).status == "duplicate"
    assert len(desk.ledger.groups) == before


def test_a_conflict_is_refused_on_record_and_makes_the_account_unknown(desk: PortfolioDesk) -> None:
    """The same key with other content: refused, durable as such, unknown until a statement settles it."""
    desk.record(statement(1))
    desk.record(transfer("T1", "5"))
    answer = desk.record(transfer("T1", "6"))
    assert (answer.status, answer.reason) == ("refused", "conflict")
    assert desk.view().unknown == "local_conflict"
    assert desk.usd() == "105"
    assert [one.body["reason"] for one in desk.ledger.of_kind("book.refused")] == ["conflict"]
    assert desk.record(statement(2, "7")).status == "recorded"
    assert desk.view().unknown is None
    assert desk.usd() == "7"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (transfer("X1").model_copy(update={"wallet": "margin"}), "unknown_wallet"),
        (statement(1, "99"), "older_version"),
        (statement(2, "99"), "version_reused"),
        (transfer("X1", name="elsewhere"), "unknown_exchange"),
    ],
)
def test_a_line_that_cannot_be_taken_is_refused_with_its_reason(
    desk: PortfolioDesk, record: object, reason: str
) -> None:
    """Refused is an answer, its neighbours are recorded, and the book is not made unknown by it."""
    desk.record(statement(2))
    futures = [desk.ask(transfer("T1")), desk.ask(record), desk.ask(transfer("T2"))]  # type: ignore[arg-type]
    desk.host.run_until(lambda: all(one.done() for one in futures))
    assert [one.result().status for one in futures] == ["recorded", "refused", "recorded"]  # type: ignore[attr-defined]
    assert futures[1].result() == Recorded(status="refused", reason=reason)
    assert desk.view().unknown is None
    assert desk.usd() == "102"


def test_told_without_waiting_to_an_unknown_account_harms_nobody(desk: PortfolioDesk) -> None:
    """Nobody waits for the answer: it is dropped, and the actor lives."""
    desk.tell(transfer("T1", name="elsewhere"))
    assert desk.record(statement(1)).status == "recorded"


def test_a_window_is_shown_only_at_rest() -> None:
    """A comparison never sees what is not durable: the window waits for the write in hand."""
    desk = PortfolioDesk(scripted=True)
    desk.ask(statement(1))
    commit = desk.next_commit()
    desk.probe.tell(PORTFOLIO, GetWindow("a", 9))
    view = desk.host.ask(PORTFOLIO, GetPortfolio(exchange="a"), timeout_seconds=60)
    desk.host.advance(3)
    assert desk.probe.waiting == ()
    assert not view.done()
    desk.answer(commit)
    window = desk.probe.expect(WindowIs).window
    assert window.legs[USD] == 100
    desk.host.run_until(view.done)


def test_the_portfolio_of_all_accounts_comes_in_the_order_of_the_configuration() -> None:
    """GetPortfolio without a name shows every account; of an unknown one it shows none."""
    desk = PortfolioDesk("b", "a")
    desk.record(statement(1, "7", name="a"))
    view = desk.host.request(PORTFOLIO, GetPortfolio())
    assert isinstance(view, PortfolioView)
    assert [(one.exchange, one.unknown) for one in view.accounts] == [("b", "no_opening"), ("a", None)]
    assert desk.host.request(PORTFOLIO, GetPortfolio(exchange="nobody")) == PortfolioView(())


def test_what_a_statement_leaves_out_is_none_and_not_zero(desk: PortfolioDesk) -> None:
    """A leg that nobody stated is None in the view (I1); with orders and positions the view tells those too."""
    desk.record(statement(1))
    (usd,) = desk.view().balances
    assert (usd.total, usd.available, usd.locked, usd.borrowed) == (100, None, None, None)
    held = (StatedPosition(symbol="BTC/USD:USD", quantity="-3"), StatedPosition(symbol="ETH/USD:USD", quantity="0"))
    desk.record(SetPositions(exchange="a", version=1, positions=held))
    assert [(one.symbol, one.quantity) for one in desk.view().positions] == [("BTC/USD:USD", -3)]


def test_orders_lock_and_release_what_a_statement_made_known(desk: PortfolioDesk) -> None:
    """OpenOrder locks quote for a buy, a fill of it releases its part, CloseOrder the rest."""
    stated = statement(1, "1000")
    balance = stated.balances[0].model_copy(update={"available": 1000, "locked": 0})
    desk.record(stated.model_copy(update={"balances": (balance,)}))
    desk.record(OpenOrder(exchange="a", order_id="O1", symbol="BTC/USD", side="buy", quantity="10", price="20"))
    assert [(one.locked, one.available) for one in desk.view().balances] == [(200, 800)]
    fill = RecordFill(exchange="a", id="F1", order_id="O1", symbol="BTC/USD", side="buy", quantity="4", price="20")
    desk.record(fill)
    usd = next(one for one in desk.view().balances if one.currency == "USD")
    assert (usd.total, usd.locked) == (920, 120)
    desk.record(CloseOrder(exchange="a", order_id="O1"))
    usd = next(one for one in desk.view().balances if one.currency == "USD")
    assert usd.locked == 0
    assert desk.record(CloseOrder(exchange="a", order_id="O1")).status == "duplicate"


def test_every_kind_of_movement_is_booked(desk: PortfolioDesk) -> None:
    """Funding and rewards move the book as transfers do, each under its own kind in the audit log."""
    desk.record(statement(1, "0"))
    desk.record(RecordFunding(exchange="a", id="N1", symbol="BTC/USD:USD", currency="USD", amount="-1.25"))
    desk.record(reward("R1", "3"))
    assert desk.usd() == "1.75"
    assert desk.ledger.kinds() == ["book.statement", "book.funding", "book.reward"]


@pytest.mark.parametrize("seconds", [6, 60, 10**8])
def test_a_watermark_of_the_future_is_refused(desk: PortfolioDesk, seconds: int) -> None:
    """Nobody has reported what has not happened: believed, it would let every later read count too early."""
    desk.record(statement(1))
    ahead = desk.host.clock.utc() + timedelta(seconds=seconds)
    answer = desk.record(LocalWatermark(exchange="a", through=ahead))
    assert (answer.status, answer.reason) == ("refused", "in_the_future")
    assert desk.window().watermark_at is None


def test_a_watermark_never_goes_back_and_writes_nothing(desk: PortfolioDesk) -> None:
    """LocalWatermark is answered, stands in the window, and an earlier one changes nothing."""
    desk.record(statement(1))
    writes = len(desk.ledger.groups)
    now = desk.host.clock.utc()
    assert desk.record(LocalWatermark(exchange="a", through=now + timedelta(seconds=4))).status == "recorded"
    later = desk.window().watermark_at
    desk.record(LocalWatermark(exchange="a", through=now))
    assert desk.window().watermark_at == later
    assert later is not None
    assert len(desk.ledger.groups) == writes


def test_a_gap_at_the_door_makes_the_account_unknown_until_it_is_restated(desk: PortfolioDesk) -> None:
    """NoteGap: refused at the door is never lost in silence, and it survives a restart."""
    desk.record(statement(1))
    desk.tell(NoteGap("a"))
    desk.tell(NoteGap("nobody"))
    desk.record(transfer("T1"))
    assert desk.window().unknown is UnknownReason.LOCAL_GAP
    again = PortfolioDesk(ledger=desk.ledger)
    assert again.view().unknown == "local_gap"
    again.record(statement(2))
    assert again.view().unknown is None


def test_a_gap_alone_becomes_durable_at_once(desk: PortfolioDesk) -> None:
    """A gap needs no later report to get to disk: a crash straight after must not heal it."""
    desk.record(statement(1))
    desk.tell(NoteGap("a"))
    desk.host.run_until_idle()
    desk.host.advance(1)
    assert PortfolioDesk(ledger=desk.ledger).view().unknown == "local_gap"


def test_legs_that_were_exact_start_their_tolerance_anew(desk: PortfolioDesk) -> None:
    """LegsExact for the newest version resets the count of roundings; for an older one it changes nothing."""
    desk.record(statement(1, "1000"))
    desk.record(RecordFill(exchange="a", id="F1", symbol="BTC/USD", side="buy", quantity="1", price="20"))
    assert desk.window().operations[USD] == 1
    desk.tell(LegsExact("a", 1, (USD,)))
    assert desk.window().operations[USD] == 1
    desk.tell(LegsExact("a", 2, (USD,)))
    assert USD not in desk.window().operations


def test_history_is_set_against_what_the_book_knows(desk: PortfolioDesk) -> None:
    """CheckHistory names what the book lacks, by id, and nothing that it holds or that a statement includes."""
    desk.record(statement(1))
    desk.host.advance(60)
    desk.record(transfer("T1", "5"))
    now_at = int(desk.host.clock.utc().timestamp() * 1_000_000)

    def moved(id_: str, at: int) -> Movement:
        return Movement("a", "spot", MovementType.TRANSFER, id_, {USD: 5}, instrument="USD", occurred_at=at)

    told = [moved("T1", now_at), moved("T2", now_at), moved("T0", now_at - 61_000_000)]
    desk.probe.tell(PORTFOLIO, CheckHistory("a", 4, told))
    checked = desk.probe.expect(HistoryChecked)
    assert checked.token == 4
    assert [one.id for one in checked.missing] == ["T2"]


def test_other_messages_are_ignored(desk: PortfolioDesk) -> None:
    """Nothing else is said to this role; whatever is said all the same does no harm."""
    desk.tell(object())
    assert desk.record(statement(1)).status == "recorded"
