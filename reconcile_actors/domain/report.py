"""What one pass of one account found."""

from dataclasses import dataclass
from enum import StrEnum

from reconcile_actors.domain.balances import Balance, Position
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Severity, State
from reconcile_actors.domain.snapshot import UnknownReason


class ReconciliationStatus(StrEnum):
    """`unknown` is an answer of its own, never a kind of match (I1)."""

    MATCHED = "matched"
    DISCREPANT = "discrepant"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReconciliationReport:
    """Both sides as compared, and what differed. `timestamp` is UTC microseconds; `unknown_reason` stands with `unknown` alone."""

    exchange: str
    timestamp: int
    status: ReconciliationStatus
    local_balances: tuple[Balance, ...] = ()
    exchange_balances: tuple[Balance, ...] = ()
    local_positions: tuple[Position, ...] = ()
    exchange_positions: tuple[Position, ...] = ()
    discrepancies: tuple[BalanceDiscrepancy, ...] = ()
    unknown_reason: UnknownReason | None = None
    unknown_detail: str = ""
    book_version: int = 0
    snapshot_digest: str | None = None
    raw_digest: str | None = None
    duration_us: int = 0
    history_through: int | None = None


def status_of(discrepancies: tuple[BalanceDiscrepancy, ...], unknown: UnknownReason | None) -> ReconciliationStatus:
    """`discrepant` with at least one confirmed discrepancy of warning or above, `unknown` with its reason, else `matched`.

    An unknown does not mask a confirmed loss: the confirmed one names the status, and the reason stands beside it.
    """
    if any(one.state.is_confirmed and one.severity.at_least(Severity.WARNING) for one in discrepancies):
        return ReconciliationStatus.DISCREPANT
    return ReconciliationStatus.UNKNOWN if unknown is not None else ReconciliationStatus.MATCHED


def waits_for_person(discrepancy: BalanceDiscrepancy) -> bool:
    """Whether an open discrepancy waits for an approval."""
    return discrepancy.state is State.AWAITING_APPROVAL
