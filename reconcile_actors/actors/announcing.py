"""PortfolioAdjusted, said again until the trading process has taken an adjustment over: over restarts, and in a bounded way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconcile_actors.actors.adjusting import ADJUSTMENT
from reconcile_actors.actors.protocol import AUDIT, Commit, CommitResult
from reconcile_actors.actors.stored_forms import adjustment_from
from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.ledger import AuditEntry, Json, Refused, UnitOfWork
from reconcile_actors.kernel.behaviour import Context, Outcome, Success
from reconcile_actors.kernel.envelope import ReplyTo
from reconcile_actors.messages import AcknowledgeAdjustment, PortfolioAdjusted, Recorded

REPEAT_SECONDS: Final = 30.0
READ_AGAIN_SECONDS: Final = 1.0
A_ROUND_MAX: Final = 100
WAITING_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class AnnouncementsRead:
    """What nobody has acknowledged was read from the store, or could not be."""

    outcome: Outcome[Sequence[Mapping[str, Json]]]


@dataclass(frozen=True, slots=True)
class ReadAnnouncements:
    """Time to read them anew."""


@dataclass(frozen=True, slots=True)
class RepeatDue:
    """Time to say it again."""


@dataclass(slots=True)
class Announcements:
    """`waiting` is what the trading process has not acknowledged, by id, the oldest first."""

    waiting: dict[str, Adjustment] = field(default_factory=dict)
    _in_hand: dict[int, tuple[str, ReplyTo]] = field(default_factory=dict)
    _planned: bool = False

    @property
    def has_room(self) -> bool:
        """Whether one more may be posted: what nobody takes over must not pile up for ever."""
        return len(self.waiting) < WAITING_MAX

    def take_read(self, context: Context, read: AnnouncementsRead) -> None:
        """At a start, and after a commit of which nobody knows what became: says at once what was not said yet."""
        if not isinstance(read.outcome, Success):
            context.schedule(READ_AGAIN_SECONDS, ReadAnnouncements())
            return
        known = [adjustment_from(body) for body in read.outcome.value]
        self.add(context, [one for one in known if one.id not in self.waiting])

    def add(self, context: Context, adjustments: Sequence[Adjustment]) -> None:
        """These are durable now."""
        for one in adjustments:
            self.waiting[one.id] = one
        self._say(context, adjustments[:A_ROUND_MAX])

    def repeat(self, context: Context) -> None:
        """Says the oldest again; those that come behind have their turn once these are acknowledged."""
        self._planned = False
        self._say(context, list(self.waiting.values())[:A_ROUND_MAX])

    def _say(self, context: Context, adjustments: Sequence[Adjustment]) -> None:
        for one in adjustments:
            context.publish(PortfolioAdjusted(adjustment=one, at=context.utc()))
        if self.waiting and not self._planned:
            self._planned = True
            context.schedule(REPEAT_SECONDS, RepeatDue())

    def acknowledge(self, context: Context, command: AcknowledgeAdjustment, token: int, *, is_known: bool) -> None:
        """The trading process has it: answered once that is durable. `is_known`: such an adjustment was posted."""
        one = self.waiting.get(command.id)
        if one is None or one.exchange != command.exchange:
            over = Recorded(status="duplicate") if is_known else Recorded(status="refused", reason="unknown_adjustment")
            context.reply(over)
            return
        entry = AuditEntry(
            kind="adjustment.acknowledged",
            exchange=one.exchange,
            body={"id": one.id},
            correlation_id=context.envelope.correlation_id if context.envelope is not None else None,
        )
        unit = UnitOfWork(entries=(entry,), exchange=one.exchange, acknowledged=((ADJUSTMENT, one.id),))
        self._in_hand[token] = (one.id, context.take_reply())
        context.tell(AUDIT, Commit(token, unit))

    def on_result(self, result: CommitResult) -> bool:
        """The ledger answered; whether that was about an acknowledgement."""
        in_hand = self._in_hand.pop(result.token, None)
        if in_hand is None:
            return False
        id_, reply = in_hand
        if isinstance(result.result, Refused):
            reply.send(Recorded(status="refused", reason=result.result.reason))
        else:
            self.waiting.pop(id_, None)
            reply.send(Recorded(status="recorded"))
        return True
