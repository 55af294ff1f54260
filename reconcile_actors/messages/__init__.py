"""Every message of the public surface: what may be told to the system, and what it says (docs/messages.md).

Commands are imperative, events in the past tense. All are frozen; unknown fields are refused.
"""

from reconcile_actors.messages.base import Event, ExchangeMessage, Message, Record
from reconcile_actors.messages.commands import (
    GetDiscrepancies,
    GetPortfolio,
    GetStatus,
    PauseExchange,
    ReconcileAll,
    ReconcileNow,
    ResumeExchange,
)
from reconcile_actors.messages.events import (
    ActorRestarted,
    DiscrepancyConfirmed,
    DiscrepancyDetected,
    DiscrepancyResolved,
    ExchangeDegraded,
    ExchangeRecovered,
    ReconciliationCompleted,
)
from reconcile_actors.messages.outcomes import Accepted, Recorded, Rejected
from reconcile_actors.messages.records import (
    CloseOrder,
    LocalWatermark,
    OpenOrder,
    RecordFee,
    RecordFill,
    RecordFunding,
    RecordReward,
    RecordTransfer,
    SetBalances,
    SetPositions,
    StatedBalance,
    StatedPosition,
)

__all__ = [
    "Accepted",
    "ActorRestarted",
    "CloseOrder",
    "DiscrepancyConfirmed",
    "DiscrepancyDetected",
    "DiscrepancyResolved",
    "Event",
    "ExchangeDegraded",
    "ExchangeMessage",
    "ExchangeRecovered",
    "GetDiscrepancies",
    "GetPortfolio",
    "GetStatus",
    "LocalWatermark",
    "Message",
    "OpenOrder",
    "PauseExchange",
    "ReconcileAll",
    "ReconcileNow",
    "ReconciliationCompleted",
    "Record",
    "RecordFee",
    "RecordFill",
    "RecordFunding",
    "RecordReward",
    "RecordTransfer",
    "Recorded",
    "Rejected",
    "ResumeExchange",
    "SetBalances",
    "SetPositions",
    "StatedBalance",
    "StatedPosition",
]
