"""What a failed call makes of the account: the reason that is shown, and whether trying again is any use."""

from typing import Final

from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.port import FailureClass

REASONS: Final = {
    FailureClass.TRANSIENT: UnknownReason.UNREACHABLE,
    FailureClass.RATE_LIMIT: UnknownReason.RATE_LIMITED,
    FailureClass.MAINTENANCE: UnknownReason.MAINTENANCE,
    FailureClass.CREDENTIALS: UnknownReason.CREDENTIALS,
    FailureClass.CONFIGURATION: UnknownReason.CONFIGURATION,
    FailureClass.BAD_DATA: UnknownReason.BAD_SHAPE,
}


def is_permanent(failure: FailureClass) -> bool:
    """Whether only a person can mend it: the breaker opens for good."""
    return failure in {FailureClass.CREDENTIALS, FailureClass.CONFIGURATION}
