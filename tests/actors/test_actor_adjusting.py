"""The portfolio actor posts a repair in its turn among the reports, as far as it still holds, and says what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from actor_desk import PortfolioDesk, statement, transfer

from reconcile_actors.actors.protocol import PORTFOLIO, NoteGap, PostAdjustment, PostingAnswered
from reconcile_actors.domain.adjustment import Action, Adjustment
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.changes import Posted, Record
from reconcile_actors.domain.ledger import Json
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.errors import StoreError
from reconcile_actors.messages import AcknowledgeAdjustment, PortfolioAdjusted, Recorded

USD = Leg("spot", "USD", Field.TOTAL)
LONG_AGO = 1_000_000
FAR_AHEAD = 4_000_000_000_000_000


def opened(**options: object) -> PortfolioDesk:
    """A book of 100 USD."""
    desk = PortfolioDesk(**options)  # type: ignore[arg-type] # as the test names them
    if not options.get("scripted"):
        assert desk.record(statement(1)).status == "recorded"
    return desk


def missed(id_: str, amount: str = "1") -> Record:
    """A transfer that history names."""
    movement = Movement("a", "spot", MovementType.TRANSFER, id_, {USD: Decimal(amount)}, "USD", occurred_at=LONG_AGO)
    return Record(movement, None, Posted("A1"))


def asked(
    desk: PortfolioDesk, *backfill: Record, adopt: str | None = None, id_: str = "A1", version: int | None = None
) -> PostAdjustment:
    """A repair as an account's actor asks for it."""
    return PostAdjustment(
        exchange="a",
        token=7,
        adjustment=Adjustment(id_, "a", Action.BACKFILL, ("a:spot:USD:total:1",), (), "explained"),
        backfill=backfill,
        adopt={} if adopt is None else {USD: Decimal(adopt)},
        cut_at=FAR_AHEAD,
        version=desk.view().version if version is None else version,
        discrepancies=(),
    )


def post(desk: PortfolioDesk, message: PostAdjustment) -> PostingAnswered:
    """Asks, and runs until it is answered."""
    desk.probe.tell(PORTFOLIO, message)
    return desk.probe.fish(PostingAnswered, within_seconds=60)


def test_what_was_reported_meanwhile_is_left_out() -> None:
    """The rest is posted; the adjustment says what truly was."""
    desk = opened()
    message = asked(desk, missed("X1"), missed("X2", "5"))
    assert desk.record(transfer("X1")).status == "recorded"
    answer = post(desk, message)
    assert answer.outcome == "posted"
    assert answer.adjustment is not None
    assert [line.id for line in answer.adjustment.lines] == ["X2"]
    assert desk.usd() == "106"


def test_with_nothing_left_it_is_superseded() -> None:
    """No row, no entry, no message."""
    desk = opened()
    message = asked(desk, missed("X1"))
    assert desk.record(transfer("X1")).status == "recorded"
    assert post(desk, message).outcome == "superseded"
    assert desk.ledger.of_kind("adjustment.posted") == []
    assert desk.ledger.unheard == []


@pytest.mark.parametrize("report_first", [True, False])
def test_in_one_batch_the_report_that_came_first_wins(report_first: bool) -> None:
    """A report and a repair that wait for the same commit are taken in the order in which they came."""
    desk = opened()
    message = asked(desk, missed("X1"))
    desk.ask(transfer("X0"))
    if report_first:
        desk.ask(transfer("X1"))
        desk.host.settle()
    desk.probe.tell(PORTFOLIO, message)
    desk.host.settle()
    if not report_first:
        desk.ask(transfer("X1"))
    answer = desk.probe.fish(PostingAnswered, within_seconds=60)
    assert answer.outcome == ("superseded" if report_first else "posted")
    assert desk.usd() == "102"


def test_a_second_time_is_the_first_time() -> None:
    """I10: asked again, as after a crash, it was posted; nothing moves, and nobody is told twice."""
    desk = opened()
    message = asked(desk, adopt="-7")
    assert post(desk, message).outcome == "posted"
    again = post(desk, replace(message, version=desk.view().version))
    assert (again.outcome, again.adjustment) == ("posted", None)
    assert desk.usd() == "93"
    assert len(desk.ledger.of_kind("adjustment.posted")) == 1


def test_a_book_that_has_moved_makes_it_stale() -> None:
    """A restatement, or for an adoption whatever may be part of it, asks for another decision."""
    desk = opened()
    message = asked(desk, missed("X1"), adopt="-7")
    assert desk.record(transfer("Y1")).status == "recorded"
    assert post(desk, message).outcome == "stale"
    assert post(desk, asked(desk, missed("X1"), version=1)).outcome == "posted"
    before = asked(desk, missed("X2"), id_="A2")
    assert desk.record(statement(2, "50")).status == "recorded"
    assert post(desk, before).outcome == "stale"
    assert desk.usd() == "50"


def test_what_was_before_a_reload_is_not_known() -> None:
    """A version that memory no longer reaches back to is no basis for a posting."""
    desk = opened()
    message = asked(desk, adopt="-7")
    assert desk.record(transfer("Y1")).status == "recorded"
    desk.ledger.refuse = lambda unit: "store_full" if unit.rows else None
    assert desk.record(transfer("Y2")).status == "refused"
    desk.ledger.refuse = lambda _unit: None
    assert post(desk, replace(message, adopt={}, backfill=(missed("X1"),))).outcome == "stale"


@pytest.mark.parametrize("reason", ["store_full", "version_conflict"])
def test_a_refused_unit_leaves_nothing(reason: str) -> None:
    """The book is read anew, and asked again it is posted."""
    desk = opened()
    desk.ledger.refuse = lambda unit: reason if unit.outbox else None
    answer = post(desk, asked(desk, adopt="-7"))
    assert (answer.outcome, answer.reason) == ("refused", reason)
    assert desk.usd() == "100"
    desk.ledger.refuse = lambda _unit: None
    assert post(desk, asked(desk, adopt="-7")).outcome == "posted"


def test_a_book_with_a_gap_is_not_repaired() -> None:
    """What is not known to be right is not mended by a difference."""
    desk = opened()
    desk.tell(NoteGap("a"))
    answer = post(desk, asked(desk, adopt="-7"))
    assert (answer.outcome, answer.reason) == ("refused", "local_gap")


def test_an_acknowledgement_that_cannot_be_written_is_refused() -> None:
    """`recorded` says that it is durable; until then the adjustment is told on."""
    desk = opened()
    events: list[object] = []
    desk.host.subscribe(events.append)
    assert post(desk, asked(desk, missed("X1"))).outcome == "posted"
    desk.ledger.refuse = lambda unit: "store_full" if unit.acknowledged else None
    command = AcknowledgeAdjustment(exchange="a", id="A1")
    assert desk.host.request(PORTFOLIO, command) == Recorded(status="refused", reason="store_full")
    desk.host.advance(31)
    assert len([one for one in events if isinstance(one, PortfolioAdjusted)]) == 2
    desk.ledger.refuse = lambda _unit: None
    assert desk.host.request(PORTFOLIO, command) == Recorded(status="recorded")
    assert desk.host.request(PORTFOLIO, command) == Recorded(status="duplicate")
    assert desk.host.request(PORTFOLIO, AcknowledgeAdjustment(exchange="zz", id="A1")).reason == "unknown_adjustment"  # type: ignore[attr-defined] # a Recorded


def test_what_nobody_takes_over_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """I12: with too many adjustments unacknowledged nothing more is posted, until some are taken over."""
    monkeypatch.setattr("reconcile_actors.actors.announcing.WAITING_MAX", 1)
    desk = opened()
    assert post(desk, asked(desk, missed("X1"))).outcome == "posted"
    answer = post(desk, asked(desk, missed("X2"), id_="A2"))
    assert (answer.outcome, answer.reason) == ("refused", "unacknowledged")
    assert desk.host.request(PORTFOLIO, AcknowledgeAdjustment(exchange="a", id="A1")) == Recorded(status="recorded")
    assert post(desk, asked(desk, missed("X2"), id_="A2")).outcome == "posted"


def test_suspense_that_is_full_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """I12: what may be adopted without a cause is bounded."""
    monkeypatch.setattr("reconcile_actors.domain.suspense.SUSPENDED_MAX", 0)
    desk = opened()
    answer = post(desk, asked(desk, adopt="-7"))
    assert (answer.outcome, answer.reason) == ("refused", "suspense_full")


def test_what_waits_is_read_again_until_the_store_answers() -> None:
    """At a start the store may be slow: what nobody has acknowledged is said once it can be read."""
    first = opened()
    assert post(first, asked(first, missed("X1"))).outcome == "posted"
    ledger, tries = first.ledger, list[str]()
    true = ledger.unacknowledged

    async def flaky(kind: str) -> list[Mapping[str, Json]]:
        tries.append(kind)
        if len(tries) < 3:
            raise StoreError("busy")
        return await true(kind)

    ledger.unacknowledged = flaky  # type: ignore[method-assign] # a store that fails at first
    again = PortfolioDesk(ledger=ledger)
    events: list[object] = []
    again.host.subscribe(events.append)
    again.host.advance(5)
    assert [one.adjustment.id for one in events if isinstance(one, PortfolioAdjusted)] == ["A1"]
    assert tries == ["adjustment"] * 3
