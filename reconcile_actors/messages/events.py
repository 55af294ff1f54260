"""What the system says, each in the past tense. Subscribe with `system.events(...)` or `GET /api/v1/events`."""

from pydantic import ConfigDict, SkipValidation

from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.messages.base import Event, Name


class ReconciliationCompleted(Event):
    """A full pass ended, whatever its result."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    report: SkipValidation[ReconciliationReport]


class _DiscrepancyEvent(Event):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    discrepancy: SkipValidation[BalanceDiscrepancy]


class DiscrepancyDetected(_DiscrepancyEvent):
    """A difference became a candidate: not yet past doubt."""


class DiscrepancyConfirmed(_DiscrepancyEvent):
    """A discrepancy is past doubt. Said again, with the same id, when its difference is another."""


class DiscrepancyResolved(_DiscrepancyEvent):
    """A discrepancy is gone: the two sides agree again."""


class _AdjustmentEvent(Event):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    adjustment: SkipValidation[Adjustment]


class AdjustmentProposed(_AdjustmentEvent):
    """A repair was worked out; by policy it is posted next, or a person is asked (`ApprovalRequested`)."""


class PortfolioAdjusted(_AdjustmentEvent):
    """A repair was posted to the book: the trading process should take its lines over. Said again until AcknowledgeAdjustment."""


class ApprovalRequested(_DiscrepancyEvent):
    """A discrepancy waits for a person: approve, reject, override or ignore it."""

    reason: str


class _HaltEvent(Event):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    halt: SkipValidation[TradingHalt]


class TradingHaltRequested(_HaltEvent):
    """Stop trading on the account. Said again until AcknowledgeHalt."""


class TradingHaltReleased(_HaltEvent):
    """A person released the halt: trading may go on."""


class ExchangeDegraded(Event):
    """An account cannot be read: its breaker opened, its actor was parked, or its credentials were refused."""

    exchange: Name
    reason: str


class ExchangeRecovered(Event):
    """An account that was degraded gave a valid snapshot again."""

    exchange: Name


class ActorRestarted(Event):
    """A crashed actor runs again as a new incarnation (epoch)."""

    actor: str
    epoch: int
    reason: str


class EventsDropped(Event):
    """This reader was too slow: `count` events before the next one were dropped for it. `at` is that of the last dropped.

    Only a reader of every event, or one that asks for this type, is told so; each reader's `dropped` counts as well.
    """

    count: int
