"""What Binance's statuses say of value: pure tables, one for each of its lists."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from reconcile_actors.exchanges.binance.fields import distrusted


class Moved(Enum):
    """Whether value has moved, is on its way, or never moved (or came back)."""

    DONE = auto()
    PENDING = auto()
    NEVER = auto()


Statuses = Mapping[str, Moved]

DEPOSIT: Final[Statuses] = {
    "0": Moved.PENDING,
    "1": Moved.DONE,
    "2": Moved.NEVER,  # rejected
    "6": Moved.DONE,  # credited, but may not be withdrawn yet
    "7": Moved.NEVER,  # of something that is not listed
    "8": Moved.PENDING,  # waits for its owner
}
WITHDRAWAL: Final[Statuses] = {
    "0": Moved.PENDING,
    "1": Moved.NEVER,  # canceled
    "2": Moved.PENDING,
    "3": Moved.NEVER,  # rejected
    "4": Moved.PENDING,
    "5": Moved.NEVER,  # failed
    "6": Moved.DONE,
}
CONVERSION: Final[Statuses] = {
    "PROCESS": Moved.PENDING,
    "ACCEPT_SUCCESS": Moved.PENDING,
    "SUCCESS": Moved.DONE,
    "FAIL": Moved.NEVER,
}
SUBSCRIPTION: Final[Statuses] = {"PURCHASING": Moved.PENDING, "SUCCESS": Moved.DONE, "FAILED": Moved.NEVER}
REDEMPTION: Final[Statuses] = {
    "PENDING": Moved.PENDING,
    "REDEEMING": Moved.PENDING,
    "PAID": Moved.DONE,
    "SUCCESS": Moved.DONE,
    "FAILED": Moved.NEVER,
}
TRANSFER: Final[Statuses] = {"PENDING": Moved.PENDING, "CONFIRMED": Moved.DONE, "FAILED": Moved.NEVER}


def moved_by(statuses: Statuses, status: str) -> Moved:
    """What a status says. Raises ExchangeFailureError for one that is not known: a row is never left out for want of a word."""
    if status not in statuses:
        raise distrusted("unknown_status")
    return statuses[status]
