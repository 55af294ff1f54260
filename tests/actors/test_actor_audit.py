"""The audit actor by its messages: group commit, an answer to every commit, and an end that writes what waits."""

from __future__ import annotations

import pytest
from actor_ledger import FakeLedger

from reconcile_actors.actors.audit import UNITS_A_COMMIT, AuditActor
from reconcile_actors.actors.protocol import AUDIT, AuditStatus, Commit, CommitResult, DescribeAudit
from reconcile_actors.domain.ledger import AuditEntry, Committed, Refused, UnitOfWork
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.probe import Probe


def unit(number: int, kind: str = "test.entry") -> UnitOfWork:
    return UnitOfWork(entries=(AuditEntry(kind=kind, exchange="a", body={"number": number}),))


class Scene:
    """An audit actor with a probe that speaks to it."""

    def __init__(self, seed: int = 3, waiting_max: int = 10_000) -> None:
        self.host = DeterministicHost(seed)
        self.ledger = FakeLedger()
        self.probe = Probe(self.host)
        self.host.spawn(AUDIT, lambda: AuditActor(self.ledger, waiting_max=waiting_max), mailbox_limit=20_000)

    def commit(self, *numbers: int) -> None:
        for number in numbers:
            self.probe.tell(AUDIT, Commit(number, unit(number)))

    def results(self, count: int) -> list[CommitResult]:
        return [self.probe.expect(CommitResult, within_seconds=60) for _ in range(count)]

    def status(self) -> AuditStatus:
        status = self.host.request(AUDIT, DescribeAudit())
        assert isinstance(status, AuditStatus)
        return status


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_commit_is_answered_once_it_is_written(scene: Scene) -> None:
    """The answer names the sequence numbers, and comes after the write and not before (I8)."""
    scene.ledger.script.append(5.0)
    scene.commit(1)
    scene.host.advance(4.9)
    assert scene.probe.waiting == ()
    assert scene.ledger.entries == []
    assert scene.results(1) == [CommitResult(1, Committed(0, 0))]
    assert [one.body for one in scene.ledger.entries] == [{"number": 1}]


def test_what_waits_goes_into_one_transaction(scene: Scene) -> None:
    """While one transaction is being written the next is gathered: many commits, two writes, in the order of telling."""
    scene.ledger.script.append(1.0)
    scene.commit(*range(1, 21))
    assert [one.token for one in scene.results(20)] == list(range(1, 21))
    assert len(scene.ledger.groups) == 2
    assert [one.body["number"] for one in scene.ledger.entries] == list(range(1, 21))


def test_a_transaction_is_bounded(scene: Scene) -> None:
    """However much waits, one transaction takes no more than its bound (I12)."""
    scene.ledger.script.append(5.0)
    scene.commit(*range(UNITS_A_COMMIT + 11))
    scene.results(UNITS_A_COMMIT + 11)
    assert [len(group) for group in scene.ledger.groups] == [1, UNITS_A_COMMIT, 10]


@pytest.mark.parametrize("reason", ["version_conflict", "store_full", "store_locked", "entry_invalid"])
def test_a_refusal_reaches_who_asked_and_nobody_else(scene: Scene, reason: str) -> None:
    """A unit that the store refuses is answered so; its neighbours in the same transaction are written."""
    scene.ledger.script.append(1.0)
    scene.ledger.refuse = lambda one: reason if one.entries[0].body["number"] == 3 else None
    scene.commit(1, 2, 3, 4)
    results = {one.token: one.result for one in scene.results(4)}
    assert results[3] == Refused(reason)
    assert all(isinstance(results[number], Committed) for number in (1, 2, 4))
    assert [one.body["number"] for one in scene.ledger.entries] == [1, 2, 4]


def test_a_store_that_raises_refuses_all_and_the_next_is_tried(scene: Scene) -> None:
    """An exception of the writer is an answer (`store_failed`) to each commit of its transaction, not the actor's end."""
    scene.ledger.script.extend([0.5, OSError("disk")])
    scene.commit(1, 2, 3)
    results = scene.results(3)
    assert results[0].result == Committed(0, 0)
    assert [one.result for one in results[1:]] == [Refused("store_failed")] * 2
    assert scene.status().store_ok is False
    assert scene.status().detail == "store_failed"
    scene.commit(4)
    assert scene.results(1) == [CommitResult(4, Committed(1, 1))]
    assert scene.status() == AuditStatus(size=2, store_ok=True, detail="", waiting=0)


def test_beyond_its_bound_it_refuses_and_says_so() -> None:
    """A full line answers `overloaded` at once; what was taken is written all the same (I6, I12)."""
    scene = Scene(waiting_max=3)
    scene.ledger.script.append(1.0)
    scene.commit(*range(1, 7))
    results = {one.token: one.result for one in scene.results(6)}
    assert {token for token, result in results.items() if result == Refused("overloaded")} == {5, 6}
    assert [one.body["number"] for one in scene.ledger.entries] == [1, 2, 3, 4]


def test_the_size_of_the_log_is_known_from_the_start() -> None:
    """A new process counts on from what the log holds."""
    scene = Scene()
    scene.ledger.entries += unit(0).entries * 7
    scene.host.run_until_idle()
    assert scene.status().size == 7


def test_waiting_units_are_told_in_its_status(scene: Scene) -> None:
    """The status tells how much is not yet durable."""
    scene.ledger.script.append(10.0)
    scene.commit(1, 2, 3)
    scene.host.settle()
    assert scene.status().waiting == 3


def test_stop_writes_what_waits(scene: Scene) -> None:
    """Asked to stop with work in hand, it writes and answers all of it first."""
    scene.ledger.script.append(1.0)
    scene.commit(1, 2, 3)
    scene.host.settle()
    assert scene.host.stop(deadline_seconds=5) == ()
    assert [one.body["number"] for one in scene.ledger.entries] == [1, 2, 3]


def test_stop_with_nothing_to_do_is_immediate(scene: Scene) -> None:
    """An idle audit actor ends without time passing."""
    scene.host.run_until_idle()
    before = scene.host.now
    assert scene.host.stop() == ()
    assert scene.host.now == before


def test_a_store_that_hangs_is_cut_off_at_the_deadline(scene: Scene) -> None:
    """A write that never ends does not hold the process beyond its deadline (I12)."""
    scene.ledger.script.append(1e9)
    scene.commit(1)
    scene.host.settle()
    assert AUDIT in scene.host.stop(deadline_seconds=3)
    assert scene.ledger.entries == []


def test_other_messages_are_ignored(scene: Scene) -> None:
    """Nothing else is said to this role; whatever is said all the same does no harm."""
    scene.probe.tell(AUDIT, object())
    scene.commit(1)
    assert scene.results(1)[0].result == Committed(0, 0)
