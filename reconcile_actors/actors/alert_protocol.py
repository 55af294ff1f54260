"""What the alerts actor is told and asked."""

from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain.ledger import OutboxRow
from reconcile_actors.messages.views import SinkStatus

ALERTS: Final = "alerts"


@dataclass(frozen=True, slots=True)
class AlertsWritten:
    """From the audit actor: there are new alerts in the store."""


@dataclass(frozen=True, slots=True)
class AlertsUnwritten:
    """From whoever waits for a store that fails: told already, for a person must hear of a loss also then."""

    rows: tuple[OutboxRow, ...]


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """From the audit actor: the store cannot be written for this reason, or, where it is empty, can be again."""

    reason: str


@dataclass(frozen=True, slots=True)
class DescribeAlerts:
    """To the alerts actor; answered by AlertsStatus."""


@dataclass(frozen=True, slots=True)
class AlertsStatus:
    """How the sinks are doing."""

    sinks: tuple[SinkStatus, ...]
