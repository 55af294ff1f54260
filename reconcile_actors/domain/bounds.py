"""The stated bounds that make a comparison sound, in microseconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """L (`local_lag_us`): how late the trading process may report. R (`exchange_lag_us`): how old an answer may be.

    `skew_us` is how far the exchange's clock may be from ours. `reads` is k, how many reads must agree.
    """

    local_lag_us: int = 2_000_000
    exchange_lag_us: int = 1_000_000
    skew_us: int = 500_000
    reads: int = 2
    watermark_wait_us: int = 30_000_000
    disappearance_us: int = 10_000_000
    stale_us: int = 30_000_000
    undecided_us: int = 10_000_000
    start_grace_us: int = 10_000_000
    cuts_max: int = 4_096
