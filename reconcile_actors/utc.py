"""The date as the edge of the system reads it."""

import time


def utc_us() -> int:
    """UTC microseconds since 1970."""
    return time.time_ns() // 1_000
