"""What the alerts actor does with alerts that were committed: to whom, when, how often, and over a restart."""

from collections import deque
from dataclasses import replace

import pytest
from alert_desk import DEAD, AlertDesk, AlertLedger, FakeSink

from reconcile_actors.actors import alert_memory
from reconcile_actors.actors.alert_protocol import ALERTS, AlertsUnwritten, StoreChanged
from reconcile_actors.domain.alerts import (
    AlertKind,
    Phase,
    alert_from,
    degraded_alert,
    halt_alert,
    parked_alert,
    sample_alert,
    unknown_alert,
)
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.ledger import AuditEntry, OutboxRow, UnitOfWork
from reconcile_actors.sinks.port import Acknowledged, Failed, Postponed, Result

HALT = TradingHalt("a:halt:h1", "a", "large_loss", (), 1)
HALTED = halt_alert(HALT)
RELEASED = halt_alert(replace(HALT, released_at=2))
KEY = "a:halt:h1"


def again(row: OutboxRow) -> OutboxRow:
    return replace(alert_from(row.body), again=True).row()


def test_begin_and_end_are_told_once_to_every_sink() -> None:
    """A condition that begins and ends: one notice each at each sink, and nothing is left to say."""
    desk = AlertDesk(FakeSink("first"), FakeSink("second"))
    desk.commit(HALTED)
    assert [sink.said for sink in desk.sinks] == [[("firing", KEY)]] * 2
    assert desk.ledger.waiting == [1], "while it goes on there is something to say after a restart"
    desk.commit(RELEASED)
    desk.host.advance(30_000)
    assert [sink.said for sink in desk.sinks] == [[("firing", KEY), ("resolved", KEY)]] * 2
    assert (desk.ledger.waiting, desk.ledger.told) == ([], {})


def test_a_dead_sink_delays_no_other() -> None:
    """One sink refuses connections, one hangs in every try: the third hears at once, and so does the ledger's next commit."""
    dead, hung, well = FakeSink("dead", always=DEAD), FakeSink("hung"), FakeSink("well")
    hung.script.extend([1e9] * 1000)
    desk = AlertDesk(dead, hung, well)
    for row in (HALTED, unknown_alert("a", "busy"), RELEASED):
        desk.commit(row)
    assert well.said == [("firing", KEY), ("firing", "a:unknown"), ("resolved", KEY)]
    assert len(desk.ledger.entries) == 3
    assert [(one.name, one.pending, one.trouble) for one in desk.status()] == [
        ("dead", 2, "connection"),
        ("hung", 2, None),
        ("well", 0, None),
    ]


def test_a_sink_that_comes_back_hears_what_still_counts() -> None:
    """Tries go on for ever with growing pauses; what began and ended meanwhile is told as one end."""
    sink = FakeSink(always=DEAD)
    desk = AlertDesk(sink)
    desk.commit(HALTED)
    desk.host.advance(3600)
    assert 12 < len(sink.tries) < 60, "an hour of pauses of five minutes at most"
    assert {one.event for one in sink.tries} == {sink.tries[0].event}, "each try is the same event"
    desk.commit(RELEASED)
    sink.always = Acknowledged()
    desk.host.advance(301)
    assert sink.said == [("resolved", KEY)]
    assert desk.ledger.waiting == []


def test_an_end_without_a_beginning_is_not_told() -> None:
    """A restart that follows no parking, an account that was never told to be unknown: nobody was waiting for it."""
    desk = AlertDesk()
    desk.commit(parked_alert("reconciliation:a", "a", over=True), unknown_alert("a", "", over=True))
    assert (desk.sinks[0].tries, desk.ledger.waiting) == ([], [])


def test_what_begins_again_is_told_though_its_end_was_not_noted() -> None:
    """The end was told, the note of it lost with the process; the same condition begins again: that is news."""
    desk = AlertDesk()
    (sink,) = desk.sinks
    desk.commit(degraded_alert("a", "timeout"))
    desk.ledger.forgetful = True
    desk.commit(degraded_alert("a", "", over=True))
    desk = desk.restarted()
    desk.commit(degraded_alert("a", "timeout"))
    desk.ledger.forgetful = False
    desk = desk.restarted()
    assert sink.said[-1] == ("firing", "a:degraded")
    assert sink.said[:2] == [("firing", "a:degraded"), ("resolved", "a:degraded")]


def test_a_restart_delivers_what_was_pending_and_repeats_nothing() -> None:
    """What one sink knows is not told to it again; what the other lacks it hears; a new sink hears what stands."""
    well, dead = FakeSink("well"), FakeSink("dead", always=DEAD)
    desk = AlertDesk(well, dead)
    desk.commit(HALTED)
    dead.always = Acknowledged()
    new = FakeSink("new")
    desk = desk.restarted(well, dead, new)
    assert [sink.said for sink in (well, dead, new)] == [[("firing", KEY)]] * 3
    assert well.told[0].event == dead.told[0].event == new.told[0].event
    desk.commit(RELEASED)
    assert [sink.said[1:] for sink in (well, dead, new)] == [[("resolved", KEY)]] * 3


def test_killed_before_an_acknowledgement_was_noted() -> None:
    """A notice may then come twice, and both bear the same event and key."""
    desk = AlertDesk()
    desk.ledger.broken = False
    desk.commit(HALTED)
    desk.ledger.told.clear()  # as if the kill had come between the answer and the note
    desk = desk.restarted()
    first, second = desk.sinks[0].told
    assert (first.event, first.alert.key) == (second.event, second.alert.key)
    assert not second.reminder


def test_what_could_not_be_noted_is_noted_later() -> None:
    """While notes fail nothing is told twice; once they do not, what was told and what is over is on disk."""
    desk = AlertDesk()
    desk.ledger.forgetful = True
    desk.commit(HALTED, unknown_alert("a", "busy"), RELEASED)
    desk.host.advance(60)
    desk.commit(again(HALTED), RELEASED, HALTED)
    desk.ledger.forgetful = False
    desk.host.advance(6)
    assert {key for _, key in desk.ledger.told} == {KEY, "a:unknown"}
    assert desk.ledger.waiting == [2, 6]
    told = list(desk.sinks[0].said)
    desk.restarted()
    assert desk.sinks[0].said == told


def test_the_same_again_is_a_reminder_and_waits() -> None:
    """Within the window the same condition is told once, however often it is written; then as a reminder."""
    desk = AlertDesk(repeat_seconds=600)
    (sink,) = desk.sinks
    for _ in range(5):
        desk.commit(degraded_alert("a", "timeout"))
        desk.host.advance(60)
    assert sink.said == [("firing", "a:degraded")]
    desk.host.advance(300)
    assert [one.reminder for one in sink.told] == [False, True]
    desk.host.advance(600)
    assert [one.reminder for one in sink.told] == [False, True, True]
    assert len({one.event for one in sink.told}) == 3
    desk.commit(degraded_alert("a", "", over=True))
    assert sink.said[-1] == ("resolved", "a:degraded")
    assert len(desk.ledger.waiting) == 0


def test_a_reminder_is_the_same_event_after_a_restart() -> None:
    """When a reminder falls due it follows from what is on disk."""
    desk = AlertDesk(repeat_seconds=600)
    desk.commit(HALTED)
    (sink,) = desk.sinks
    desk = desk.restarted(later_seconds=10)
    desk.host.advance(300)
    assert len(sink.told) == 1
    desk.host.advance(300)
    assert [one.reminder for one in sink.told] == [False, True]


def test_more_of_the_same_is_told_but_not_at_every_step() -> None:
    """A loss that grows within its band is told again after a minute, newest word only."""
    desk = AlertDesk()
    (sink,) = desk.sinks
    desk.commit(HALTED)
    for _ in range(10):
        desk.commit(again(HALTED))
    assert len(sink.told) == 1
    desk.host.advance(61)
    assert len(sink.told) == 2
    assert not sink.told[1].reminder
    assert desk.ledger.waiting == [11]


def test_what_is_light_does_not_concern_a_sink() -> None:
    """Below its minimum a sink hears nothing; what it heard of it hears the end of."""
    desk = AlertDesk()
    (sink,) = desk.sinks
    desk.commit(sample_alert("x").row())
    assert (sink.tries, desk.ledger.waiting) == ([], [])


def test_refused_for_good_is_not_tried_for_ever() -> None:
    """A refusal is counted and shown, over a restart too, and the next alert is tried."""
    sink = FakeSink(script=_script(Failed("http_400")))
    desk = AlertDesk(sink)
    desk.commit(HALTED)
    desk.host.advance(3600)
    assert len(sink.tries) == 1
    (status,) = desk.status()
    assert (status.failed, status.pending, status.trouble) == (1, 0, "http_400")
    desk = desk.restarted()
    (status,) = desk.status()
    assert (status.failed, len(sink.tries)) == (1, 1)
    desk.commit(unknown_alert("a", "busy"))
    assert sink.said == [("firing", "a:unknown")]


def test_who_asks_to_be_left_alone_is() -> None:
    """Retry-After is honoured to the second, for everything that is to be told there."""
    sink = FakeSink(script=_script(Postponed("http_429", 100.0)))
    desk = AlertDesk(sink)
    desk.commit(HALTED)
    desk.commit(unknown_alert("a", "busy"))
    desk.host.advance(98)
    assert len(sink.tries) == 1
    desk.host.advance(2)
    assert sink.said == [("firing", "a:unknown"), ("firing", KEY)], "what was not tried yet goes first"


def test_a_sink_that_raises_is_tried_again() -> None:
    """A defect of a sink, or one that ignores its own deadline, is a try that failed."""
    sink = FakeSink(script=_script(RuntimeError("canary"), 1e9))
    desk = AlertDesk(sink)
    desk.commit(HALTED)
    desk.host.advance(30)
    assert len(sink.tries) == 3
    assert sink.said == [("firing", KEY)]


def test_a_store_that_fails_is_told_without_the_store() -> None:
    """Neither row nor delivery can be read or written: the sinks hear all the same, once; and of the end."""
    desk = AlertDesk()
    (sink,) = desk.sinks
    desk.ledger.broken = True
    desk.host.tell(ALERTS, StoreChanged("store_full"))
    desk.host.tell(ALERTS, AlertsUnwritten((HALTED,)))
    desk.host.advance(60)
    assert sink.said == [("firing", "store"), ("firing", KEY)]
    desk.ledger.broken = False
    desk.host.tell(ALERTS, StoreChanged(""))
    desk.commit(HALTED)
    desk.host.advance(60)
    assert sink.said[2:] == [("resolved", "store")], "the row that came late says nothing new"
    desk.host.tell(ALERTS, AlertsUnwritten((RELEASED,)))
    desk.host.advance(1)
    desk.commit(RELEASED)
    desk.host.advance(60)
    assert sink.said[3:] == [("resolved", KEY)]
    assert (desk.ledger.waiting, desk.ledger.told) == ([], {})


def test_a_store_that_cannot_be_read_at_the_start() -> None:
    """What is known without it is told; what was in it is told once it can be read, and nothing twice."""
    ledger = AlertLedger()
    first = AlertDesk(ledger=ledger)
    first.commit(HALTED)
    ledger.broken = True
    desk = first.restarted()
    desk.host.tell(ALERTS, StoreChanged("store_failed"))
    desk.host.advance(1)
    (sink,) = desk.sinks
    assert sink.said == [("firing", KEY), ("firing", "store")]
    ledger.broken = False
    desk.host.advance(60)
    assert sink.said == [("firing", KEY), ("firing", "store")]


def test_what_was_not_seen_again_after_a_start_has_lapsed() -> None:
    """An exchange that was down before the restart: down still, it is said again and goes on; else it ends after a while."""
    desk = AlertDesk(accounts=("a", "b"))
    desk.commit(degraded_alert("a", "timeout"), parked_alert("reconciliation:b", "b"), HALTED)
    (sink,) = desk.sinks
    desk = desk.restarted()
    desk.commit(degraded_alert("a", "timeout"))
    desk.host.advance(121)
    assert sink.said[3:] == [("resolved", "reconciliation:b:parked")]
    assert [one.kind for one in desk.ledger.entries[-1:]] == ["alert.lapsed"]


def test_accounts_that_are_gone_lapse_too() -> None:
    """Nobody can end the condition of an account that is no longer configured."""
    desk = AlertDesk(accounts=("a",))
    desk.commit(HALTED)
    desk.options["accounts"] = ("b",)
    desk = desk.restarted()
    desk.ledger.refuse = lambda unit: "store_full"
    desk.host.advance(121)
    assert desk.sinks[0].said == [("firing", KEY), ("firing", "store")]
    desk.ledger.refuse = lambda unit: None
    desk.host.advance(121)
    assert ("resolved", KEY) in desk.sinks[0].said


def test_what_cannot_be_read_is_set_aside() -> None:
    """A row of a form that nobody knows holds nothing up."""
    desk = AlertDesk()
    desk.commit(OutboxRow("alert", {"kind": "of a later version"}), OutboxRow("other", {}), HALTED)
    assert desk.sinks[0].said == [("firing", KEY)]
    assert desk.ledger.waiting == [2, 3], "what is no alert is somebody else's"


def test_a_word_that_was_lost_delays_and_loses_nothing() -> None:
    """An alert whose announcement never came is found within a minute."""
    desk = AlertDesk()
    desk.ledger._commit_one(_unit(HALTED))
    desk.host.advance(61)
    assert desk.sinks[0].said == [("firing", KEY)]


def test_a_long_outage_is_bounded_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """More conditions than are remembered: the oldest give way, the newest arrive, and nothing is left pending in silence."""
    sink = FakeSink(always=DEAD)
    desk = AlertDesk(sink)
    bound = 200
    monkeypatch.setattr(alert_memory, "CONDITIONS_MAX", bound)
    count = bound + 20
    rows = [replace(alert_from(HALTED.body), key=f"a:{number}").row() for number in range(count)]
    for start in range(0, count, 100):
        for row in rows[start : start + 100]:
            desk.ledger._commit_one(_unit(row))
        desk.commit()
    desk.host.advance(61)
    (status,) = desk.status()
    assert status.pending == bound
    assert len(desk.ledger.waiting) == bound


def test_a_stop_lets_what_is_under_way_arrive() -> None:
    """Asked to stop it takes a moment for what was just committed, and none for a sink that does not answer."""
    slow, dead = FakeSink("slow", script=_script(0.5)), FakeSink("dead", always=DEAD)
    desk = AlertDesk(slow, dead)
    desk.host.advance(1)
    desk.ledger._commit_one(_unit(HALTED))
    before = desk.host.now
    assert desk.host.stop() == ()
    assert slow.said == [("firing", KEY)]
    assert ("slow", KEY) in desk.ledger.told
    assert desk.host.now - before < 1.5


def test_a_stop_does_not_try_again_what_was_refused() -> None:
    """A refusal for good holds in the last moment too."""
    sink = FakeSink(always=Failed("http_400"))
    desk = AlertDesk(sink)
    desk.commit(HALTED)
    before = desk.host.now
    assert desk.host.stop() == ()
    assert (len(sink.tries), desk.host.now - before < 1.0) == (1, True)


def test_news_come_at_once_though_the_clock_was_put_back() -> None:
    """A row that seems to be of tomorrow is told today; a discrepancy too, once it has settled."""
    desk = AlertDesk()
    loss = replace(alert_from(HALTED.body), kind=AlertKind.DISCREPANCY, key="a:loss").row()
    for number, row in enumerate((HALTED, loss), 1):
        desk.ledger._commit_one(_unit(row))
        desk.ledger.outbox[number] = replace(
            desk.ledger.outbox[number], created_at=desk.ledger.outbox[number].created_at + 86_400_000_000
        )
    desk.commit(unknown_alert("a", "busy"))
    desk.host.advance(3)
    assert sorted(key for _, key in desk.sinks[0].said) == [KEY, "a:loss", "a:unknown"]


def test_a_stop_waits_for_nobody_who_hangs() -> None:
    """The grace is short, and what did not arrive is in the store."""
    desk = AlertDesk(FakeSink(script=_script(1e9)))
    desk.commit(HALTED)
    before = desk.host.now
    assert desk.host.stop() == ()
    assert desk.host.now - before == pytest.approx(1.5, abs=0.2)
    assert desk.ledger.waiting == [1]


def test_the_order_of_what_is_told() -> None:
    """A sink hears conditions in the order of their newest word, and never an end before its beginning."""
    desk = AlertDesk()
    for number in range(20):
        desk.commit(unknown_alert(f"x{number}", "busy"))
    for number in range(20):
        desk.commit(unknown_alert(f"x{number}", "", over=True))
    expected = [(phase.value, f"x{number}:unknown") for phase in (Phase.FIRING, Phase.RESOLVED) for number in range(20)]
    assert desk.sinks[0].said == expected


def _script(*steps: Result | Exception | float) -> deque[Result | Exception | float]:
    return deque(steps)


def _unit(row: OutboxRow) -> UnitOfWork:
    return UnitOfWork((AuditEntry("test", "a", {}),), outbox=(row,))
