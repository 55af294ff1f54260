"""How a difference becomes past doubt: one non-zero difference survives the intersection of k reads, none of which may be
right; or k reads lie outside the band of the admissible cuts with the same sign (a loss that grows with each fill never
stays constant).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.snapshot import Bracket


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the decided reads of one leg have in common since none could be right. `surviving` are the differences that every
    one of them allows; `sign` is the side of the band that `band_reads` of them lay on."""

    first: Bracket
    last: Bracket
    surviving: tuple[Decimal, ...]
    reads: int = 1
    sign: int = 0
    band_reads: int = 0
    untimed: bool = False
    connections: frozenset[int] = frozenset()
    vanished: bool = False

    @property
    def best(self) -> Decimal:
        """The surviving difference of the smallest size: what is claimed is never more than what is shown."""
        return min(self.surviving, key=money.EXACT.abs)


@dataclass(frozen=True, slots=True)
class Observed:
    """What one decided read says of one leg: every difference that is possible. `vanished` says that what was there is gone."""

    bracket: Bracket
    differences: frozenset[Decimal]
    connection: int
    untimed: bool = False
    vanished: bool = False


def begin(read: Observed) -> Evidence:
    """The first read of a streak."""
    sign = _sign(read.differences)
    return Evidence(
        first=read.bracket,
        last=read.bracket,
        surviving=tuple(sorted(read.differences)),
        sign=sign,
        band_reads=1 if sign else 0,
        untimed=read.untimed,
        connections=frozenset({read.connection}),
        vanished=read.vanished,
    )


def extend(evidence: Evidence, read: Observed, tolerance: Decimal) -> Evidence:
    """One more read of the streak. Where no difference survives, the intersection starts anew; the band goes on."""
    here = tuple(sorted(read.differences))
    surviving = tuple(one for one in here if any(_close(one, other, tolerance) for other in evidence.surviving))
    sign = _sign(read.differences)
    band = evidence.band_reads + 1 if sign and sign == evidence.sign else (1 if sign else 0)
    return replace(
        evidence,
        last=read.bracket,
        surviving=surviving or here,
        reads=evidence.reads + 1 if surviving else 1,
        sign=sign,
        band_reads=band,
        untimed=evidence.untimed or read.untimed,
        connections=evidence.connections | {read.connection},
        vanished=read.vanished,
    )


def is_confirmed(evidence: Evidence, bounds: Bounds, tolerance: Decimal) -> bool:
    """Whether the streak is past doubt (docs/comparison.md)."""
    if not (_single(evidence, bounds, tolerance) or evidence.band_reads >= bounds.reads):
        return False
    span_us = evidence.last.received_us - evidence.first.requested_us
    if evidence.untimed and span_us <= bounds.local_lag_us + bounds.exchange_lag_us:
        return False
    if evidence.vanished:
        # what a theft looks like, and what a bad answer looks like: only fresh connections over time tell them apart
        return len(evidence.connections) >= 2 and span_us >= bounds.disappearance_us
    return True


def _single(evidence: Evidence, bounds: Bounds, tolerance: Decimal) -> bool:
    if evidence.reads < bounds.reads:
        return False
    first = evidence.surviving[0]
    return all(_close(first, other, tolerance) for other in evidence.surviving)


def _close(left: Decimal, right: Decimal, tolerance: Decimal) -> bool:
    return money.EXACT.abs(money.subtract(left, right)) <= tolerance


def _sign(differences: frozenset[Decimal]) -> int:
    if all(one > 0 for one in differences):
        return 1
    return -1 if all(one < 0 for one in differences) else 0
