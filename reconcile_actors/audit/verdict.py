"""What a verification found, and the one verdict that follows from it.

Findings are values. Which of several wins is decided here alone, in one order: what the rows themselves contradict comes
first, because no signature is needed to see it; then signatures that do not hold; then what is missing; then what was
signed twice in two ways.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from reconcile_actors.audit.keys import VerifierKey


class Verdict(Enum):
    """The outcome; its value is the exit code of `audit verify`."""

    VERIFIED = 0
    TAMPERED = 1
    TRUNCATED = 3
    BAD_SIGNATURE = 4
    SPLIT_VIEW = 5
    CONSISTENT_ONLY = 6
    UNREADABLE = 7


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong that lies in entries `first` to `last` (both included); equal where the place is known exactly."""

    first: int
    last: int
    reason: str


@dataclass(slots=True)
class Evidence:
    """All that one scan of the rows found; of each sort of fault only the first is kept, so it stays small."""

    keys: tuple[VerifierKey, ...] = ()
    origin: str | None = None
    size: int = 0
    sound_size: int = 0
    leaf: Fault | None = None
    node: Fault | None = None
    checkpoint: Fault | None = None
    payload: Fault | None = None
    signature: Fault | None = None
    unsigned_tail: Fault | None = None
    longer_once: str | None = None
    head_agrees: bool | None = None
    unreadable: str | None = None
    payloads_present: int = 0
    payloads_erased: int = 0


@dataclass(frozen=True, slots=True)
class HeadFinding:
    """The trusted head, judged by itself: `problem` is set where it cannot be relied on."""

    size: int
    problem: tuple[Verdict, str] | None = None


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The outcome of one verification.

    `first_bad_seq` is the first entry that is wrong, missing or no longer vouched for: exact where the entry or its
    neighbour shows it, else the first entry of the stretch that the failing node or checkpoint covers; None where no place
    can be named. `sound_size` counts the leading entries that the key (or the trusted head) has signed exactly as they
    stand, whatever else is wrong. `unanchored_tail` counts the entries that no trusted head covers.
    """

    verdict: Verdict
    reason: str
    size: int
    first_bad_seq: int | None
    unanchored_tail: int
    sound_size: int
    payloads_present: int = 0
    payloads_erased: int = 0

    @property
    def exit_code(self) -> int:
        """The exit code of `audit verify`."""
        return self.verdict.value


def judge(evidence: Evidence, head: HeadFinding | None, *, own_key: bool) -> VerifyResult:
    """The verdict. `own_key`: the key came from the log itself, so the best outcome is `CONSISTENT_ONLY`."""
    verdict, reason, first_bad = next(_outcomes(evidence, head, own_key=own_key))
    covered = head.size if head and head.problem is None and evidence.head_agrees else 0
    return VerifyResult(
        verdict=verdict,
        reason=reason,
        size=evidence.size,
        first_bad_seq=first_bad,
        unanchored_tail=evidence.size - covered,
        sound_size=max(evidence.sound_size, covered),
        payloads_present=evidence.payloads_present,
        payloads_erased=evidence.payloads_erased,
    )


def _outcomes(
    evidence: Evidence, head: HeadFinding | None, *, own_key: bool
) -> Iterator[tuple[Verdict, str, int | None]]:
    """Every outcome that holds, as (verdict, reason, first bad seq), the one that wins first."""
    if (altered := _first_altered(evidence)) is not None:
        yield Verdict.TAMPERED, altered.reason, altered.first
    if evidence.unreadable is not None:
        yield Verdict.UNREADABLE, evidence.unreadable, None
    if evidence.signature is not None:
        yield Verdict.BAD_SIGNATURE, evidence.signature.reason, evidence.signature.first
    if head is not None and head.problem is not None:
        yield *head.problem, None
    if head is not None and head.size > evidence.size:
        yield Verdict.TRUNCATED, "the trusted head is of a longer log", evidence.size
    if evidence.longer_once is not None:
        yield Verdict.TRUNCATED, evidence.longer_once, evidence.size
    # After truncation, because a tail cut in the middle of a batch is under no checkpoint either.
    if evidence.unsigned_tail is not None:
        yield Verdict.TAMPERED, evidence.unsigned_tail.reason, evidence.unsigned_tail.first
    if head is None or head.size == 0:
        yield Verdict.CONSISTENT_ONLY, "consistent in itself; no trusted head says that this is the log", None
    elif not evidence.head_agrees:
        yield Verdict.SPLIT_VIEW, "the trusted head, of the same key, has another root at its size", None
    if own_key:
        yield Verdict.CONSISTENT_ONLY, "consistent with the head, under a key that the log itself supplied", None
    yield Verdict.VERIFIED, "every entry and checkpoint holds, and the trusted head is among them", None


def _first_altered(evidence: Evidence) -> Fault | None:
    """Where the rows first contradict each other.

    One altered entry shows in several ways: in itself, in the nodes above it, in the next checkpoint's root. A node or a
    checkpoint names only a stretch, so the alteration is sought in what overlapping stretches share. A payload explains
    nothing but itself.
    """
    found: Fault | None = None
    for fault in (evidence.leaf, evidence.node, evidence.checkpoint):
        if fault is not None:
            found = fault if found is None else _combine(found, fault)
    if evidence.payload is not None and (found is None or evidence.payload.first < found.first):
        return evidence.payload
    return found


def _combine(one: Fault, other: Fault) -> Fault:
    """The common stretch of two faults; where they lie apart they are two alterations, and the earlier one counts."""
    if one.last < other.first or other.last < one.first:
        return min(one, other, key=lambda fault: fault.first)
    return Fault(max(one.first, other.first), min(one.last, other.last), one.reason)
