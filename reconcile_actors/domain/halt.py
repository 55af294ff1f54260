"""A trading halt: the service asks the trading process to stop on one account until a person releases it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TradingHalt:
    """`reason` is a constant word (`large_loss`); `discrepancies` are the ids that led to it. Times are UTC microseconds.

    It stands until it is released; that the trading process has acknowledged it only ends the repeating of the request.
    """

    id: str
    exchange: str
    reason: str
    discrepancies: tuple[str, ...]
    requested_at: int
    acknowledged_at: int | None = None
    released_at: int | None = None
    released_by: str | None = None
