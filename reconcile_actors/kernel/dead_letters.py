"""Messages that reached nobody: counted by reason, the last few kept as type names and roles, never contents (I7)."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum

SAMPLE_LIMIT = 10


class DeadLetterReason(StrEnum):
    """Why a message was not handled."""

    NOBODY = "nobody"  # no actor of that name lives
    FULL = "full"  # its mailbox is full
    DEAD = "dead"  # it ended with the message still waiting
    DEADLINE = "deadline"  # its time was over when its turn came
    STALE = "stale"  # meant for, or sent by, an incarnation that has ended
    SECOND_REPLY = "second_reply"  # the message had been answered
    LATE_REPLY = "late_reply"  # the asker had stopped waiting
    NO_ASKER = "no_asker"  # a reply to a message that nobody asked
    FOREIGN = "foreign"  # came through Pykka, not through the host
    EVENT_OVERFLOW = "event_overflow"  # the subscribers are too slow
    SUBSCRIBER_FAILED = "subscriber_failed"  # a subscriber raised


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One sample."""

    reason: DeadLetterReason
    message_type: str
    to: str
    sender: str | None


class DeadLetters:
    """Counts and samples. Thread-safe, bounded (I12)."""

    def __init__(self, sample_limit: int = SAMPLE_LIMIT) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[DeadLetterReason] = Counter()
        self._samples: deque[DeadLetter] = deque(maxlen=sample_limit)

    def add(self, reason: DeadLetterReason, message: object, *, to: str, sender: str | None) -> None:
        """Count one."""
        with self._lock:
            self._counts[reason] += 1
            self._samples.append(DeadLetter(reason, type(message).__name__, to, sender))

    def count(self, reason: DeadLetterReason | None = None) -> int:
        """How many so far, of one reason or of all."""
        with self._lock:
            return self._counts.total() if reason is None else self._counts[reason]

    def counts(self) -> dict[str, int]:
        """By reason; reasons that never occurred are absent."""
        with self._lock:
            return {str(reason): count for reason, count in self._counts.items()}

    def samples(self) -> tuple[DeadLetter, ...]:
        """The last few, oldest first."""
        with self._lock:
            return tuple(self._samples)
