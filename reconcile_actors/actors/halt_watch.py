"""What one account's actor keeps of its trading halts, and how one goes on record."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from reconcile_actors.actors.desk import Desk
from reconcile_actors.actors.ticks import HaltsDue
from reconcile_actors.domain.alerts import halt_alert
from reconcile_actors.domain.halting import HaltRecord, Halts
from reconcile_actors.domain.ledger import AuditEntry, Json, UnitOfWork
from reconcile_actors.domain.losses import Known, Loss, Ripening
from reconcile_actors.domain.money import add
from reconcile_actors.domain.patience import Patience
from reconcile_actors.kernel.behaviour import Context
from reconcile_actors.kernel.envelope import ReplyTo
from reconcile_actors.messages import AcknowledgeHalt, ReleaseHalt

HaltReader: TypeAlias = Callable[[], Awaitable[tuple[HaltRecord, ...]]]

REPEAT_SECONDS: Final = 10.0
# Where fills of one size follow each other, a read may agree by chance with one missing movement too many or too few: the next
# ones put that right.
CERTAIN_US: Final = 10_000_000
# Asked for so long without an answer, history explains no loss, and longer than that a person need not wait to hear of it.
UNLISTED_US: Final = 30_000_000
# While history is silent for longer, whatever happens is without an explanation, one thing after the other.
SILENT_US: Final = 5_000_000
WAITING_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Order:
    """A command about a halt, and who waits for its answer."""

    command: AcknowledgeHalt | ReleaseHalt
    reply: ReplyTo
    correlation_id: str | None


@dataclass(slots=True)
class HaltWatch:
    """`halts` is None until they were read back from the store; commands wait for that.

    `seen_us` is up to when history was seen and set against the book (monotonic us), `patience` knows when it could be asked.
    `unsaid` are halts whose release is not durable yet, so nobody was told. `known` begins with the discrepancies that an
    earlier incarnation left open.
    """

    read: HaltReader
    halts: Halts | None = None
    seen_us: int = 0
    patience: Patience = field(default_factory=Patience)
    unsaid: set[str] = field(default_factory=set)
    known: Known | None = None
    waiting: list[Order] = field(default_factory=list)
    _ripening: dict[str, Ripening] = field(default_factory=dict)

    @property
    def standing(self) -> tuple[str, ...]:
        """The id of the halt that stands, if one does."""
        record = self.halts.standing if self.halts is not None else None
        return (record.halt.id,) if record is not None else ()

    def hear(self, through_us: int, now_us: int) -> None:
        """History was seen up to there. What came up in a long silence before is without an explanation from now on only."""
        if through_us - self.seen_us > SILENT_US:
            for one in self._ripening.values():
                one.restart(self.seen_us, now_us)
        self.seen_us = through_us

    def ripe(self, loss: Loss, now_us: int, decided_us: int, grace_us: int) -> Decimal:
        """How much of a loss counts: what left the account, and what history has had its time to explain while reads
        showed it for long."""
        unexplained = self._ripening.setdefault(loss.id, Ripening())
        unexplained.observe(loss.unexplained, now_us)
        unlisted_us = self.patience.since(now_us, UNLISTED_US)
        until_us = min(decided_us - CERTAIN_US, max(self.seen_us - grace_us, unlisted_us))
        return add(loss.withdrawn, min(loss.unexplained, unexplained.ripe(until_us)))

    def forget_all_but(self, ids: set[str]) -> None:
        """What is no loss any more has nothing to ripen."""
        self._ripening = {id_: one for id_, one in self._ripening.items() if id_ in ids}

    def plan(self, desk: Desk, context: Context) -> None:
        """Sets the timer, where there is something to say again."""
        standing = self.halts.standing if self.halts is not None else None
        if self.unsaid or (standing is not None and standing.halt.acknowledged_at is None):
            desk.later(context, REPEAT_SECONDS, HaltsDue())


def unit_of(
    desk: Desk,
    halts: Halts,
    record: HaltRecord,
    *,
    what: str,
    body: Mapping[str, Json],
    correlation_id: str | None,
    payload: Mapping[str, Json] | None = None,
    tell: bool = False,
) -> UnitOfWork:
    """The halt as it is now with its entry and, with `tell`, its alert; what is long over goes."""
    entry = AuditEntry(
        kind=f"halt.{what}",
        exchange=desk.account.name,
        body={"id": record.halt.id, **body},
        payload=payload,
        correlation_id=correlation_id,
    )
    over = halts.forget({one.id for one in desk.judging.tracker.register.open.values()}) if desk.judging else []
    return UnitOfWork(
        entries=(entry,),
        exchange=desk.account.name,
        control=((record.key, record.text()), *((one.key, None) for one in over)),
        outbox=(halt_alert(record.halt),) if tell else (),
    )
