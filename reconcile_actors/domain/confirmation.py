"""How a difference becomes past doubt: one non-zero difference survives the intersection of k reads, none of which may be
right; or k reads lie outside the band of the admissible cuts with the same sign (a loss that grows with each fill never
stays constant); or 3k reads in a row allow no agreement at all, whatever the size.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.comparison import Amounts, Vector
from reconcile_actors.domain.snapshot import Bracket
from reconcile_actors.domain.tolerance import Tolerances


@dataclass(frozen=True, slots=True)
class Observed:
    """What one decided read says of one leg: every difference that is possible.

    `vanished` says that what was there is gone, `lagging` that an earlier state of the book would explain the answer.
    """

    bracket: Bracket
    differences: frozenset[Decimal]
    connection: int
    untimed: bool = False
    vanished: bool = False
    lagging: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the decided reads of one leg have in common since none could be right.

    `surviving` are the differences that each of the last `reads` allows, in order; `sign` is the side of the band that the
    last `band_reads` lay on; `denied` counts them all.
    """

    first: Bracket
    newest: Observed
    surviving: tuple[Decimal, ...]
    reads: int
    sign: int
    band_reads: int
    untimed: bool
    connections: frozenset[int]
    denied: int = 1

    @classmethod
    def begin(cls, read: Observed) -> "Evidence":
        """The first read of a streak."""
        sign = _sign(read.differences)
        return cls(
            first=read.bracket,
            newest=read,
            surviving=tuple(sorted(read.differences)),
            reads=1,
            sign=sign,
            band_reads=1 if sign else 0,
            untimed=read.untimed,
            connections=frozenset({read.connection}),
        )

    def extend(self, read: Observed, tolerance: Decimal) -> "Evidence":
        """One more read of the streak. Where no difference survives, the intersection starts anew; the band goes on."""
        here = tuple(sorted(read.differences))
        surviving = tuple(one for one in here if _is_near(self.surviving, one, tolerance))
        sign = _sign(read.differences)
        return replace(
            self,
            newest=read,
            surviving=surviving or here,
            reads=self.reads + 1 if surviving else 1,
            sign=sign,
            band_reads=self.band_reads + 1 if sign and sign == self.sign else abs(sign),
            untimed=self.untimed or read.untimed,
            connections=self.connections | {read.connection},
            denied=self.denied + 1,
        )

    @property
    def best(self) -> Decimal:
        """The surviving difference of the smallest size: what is claimed is never more than what is shown."""
        return min(self.surviving, key=money.EXACT.abs)

    @property
    def span_us(self) -> int:
        """From the request of the first read to the receipt of the newest."""
        return self.newest.bracket.received_us - self.first.requested_us

    def is_single(self, bounds: Bounds, tolerance: Decimal) -> bool:
        """Whether one difference alone survives enough reads: then its size is known too."""
        return self.reads >= bounds.reads and money.subtract(self.surviving[-1], self.surviving[0]) <= tolerance

    def is_confirmed(self, bounds: Bounds, tolerance: Decimal) -> bool:
        """Whether the streak is past doubt (docs/comparison.md)."""
        if not (
            self.is_single(bounds, tolerance) or self.band_reads >= bounds.reads or self.denied >= 3 * bounds.reads
        ):
            return False
        if self.untimed and self.span_us <= bounds.local_lag_us + bounds.exchange_lag_us:
            return False
        if self.newest.vanished:
            # what a theft looks like, and what a bad answer looks like: only fresh connections over time tell them apart
            return len(self.connections) > 1 and self.span_us >= bounds.disappearance_us
        if self.newest.lagging:
            return len(self.connections) > 1 and self.span_us >= bounds.stale_us
        return True


def _is_near(ordered: tuple[Decimal, ...], wanted: Decimal, tolerance: Decimal) -> bool:
    """Whether one of some amounts, in order, is within the tolerance of the one wanted."""
    at = bisect_left(ordered, money.subtract(wanted, tolerance))
    return at < len(ordered) and ordered[at] <= money.add(wanted, tolerance)


def _sign(differences: frozenset[Decimal]) -> int:
    if all(one > 0 for one in differences):
        return 1
    return -1 if all(one < 0 for one in differences) else 0


MANY: Final = 32


@dataclass(frozen=True, slots=True)
class Survivors:
    """The differences of all legs together that every one of `reads` reads allows: they may show what no leg shows alone.

    `widest` is how many one of the reads allowed. Of many, one may survive by chance where a loss grows: then one read more
    is asked for.
    """

    vectors: frozenset[Vector] = frozenset()
    reads: int = 0
    widest: int = 0

    def narrowed(self, joint: frozenset[Vector], tolerances: Tolerances) -> "Survivors":
        """One more read. Where no vector survives, the loss has changed and the intersection starts anew."""
        kept = near(joint, self.vectors, tolerances) if self.reads else frozenset()
        if not kept:
            return Survivors(joint, 1, len(joint))
        return Survivors(kept, self.reads + 1, max(self.widest, len(joint)))

    def only(self, bounds: Bounds, tolerances: Tolerances) -> Amounts | None:
        """The one vector that is left after enough reads; of several that differ by rounding alone, any."""
        if self.reads < bounds.reads + (self.widest > MANY):
            return None
        first = min(self.vectors, key=lambda vector: tuple(sorted(vector)))
        if any(not _is_close(dict(first), dict(one), tolerances) for one in self.vectors):
            return None
        return dict(first)


def near(joint: frozenset[Vector], others: frozenset[Vector], tolerances: Tolerances) -> frozenset[Vector]:
    """The vectors that are close to one of the others. Legs that are never rounded are looked up, the rest searched."""
    legs = {leg for vector in joint | others for leg, _ in vector}
    rounded = sorted(leg for leg in legs if tolerances.of(leg))
    if not rounded:
        return joint.intersection(others)
    buckets: dict[Vector, list[tuple[Decimal, Amounts]]] = {}
    for one in others:
        buckets.setdefault(_unrounded(one, rounded), []).append((dict(one).get(rounded[0], money.ZERO), dict(one)))
    for bucket in buckets.values():
        bucket.sort(key=lambda pair: pair[0])
    return frozenset(
        one for one in joint if _has_close(dict(one), buckets.get(_unrounded(one, rounded), []), rounded, tolerances)
    )


def _unrounded(vector: Vector, rounded: list[Leg]) -> Vector:
    return frozenset(item for item in vector if item[0] not in rounded)


def _has_close(
    wanted: Amounts, bucket: list[tuple[Decimal, Amounts]], rounded: list[Leg], tolerances: Tolerances
) -> bool:
    amount, tolerance = wanted.get(rounded[0], money.ZERO), tolerances.of(rounded[0])
    at = bisect_left(bucket, money.subtract(amount, tolerance), key=lambda pair: pair[0])
    while at < len(bucket) and bucket[at][0] <= money.add(amount, tolerance):
        if _is_close(wanted, bucket[at][1], tolerances):
            return True
        at += 1
    return False


def _is_close(left: Amounts, right: Amounts, tolerances: Tolerances) -> bool:
    return all(
        tolerances.allow(leg, money.subtract(left.get(leg, money.ZERO), right.get(leg, money.ZERO)))
        for leg in {*left, *right}
    )
