"""What the exchange locks against what the book's open orders may lock, leg by leg."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.comparison import Question
from reconcile_actors.domain.locks import Range, older_ranges, ranges
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.domain.window import BookWindow


@dataclass(frozen=True, slots=True)
class LockGap:
    """`differences` are the distances to all that the leg may rightly lock. `older`: the book did lock as much, earlier."""

    differences: frozenset[Decimal]
    older: bool


def lock_gaps(question: Question, fee_reserve: Decimal, *, settled: bool) -> dict[Leg, LockGap | None]:
    """Each locked leg that both sides state, with its gap or None where it agrees; empty where the read cannot be judged."""
    gaps: dict[Leg, LockGap | None] = {}
    if Field.LOCKED not in question.authoritative or not question.is_complete or question.is_restated:
        return gaps
    for leg, stated in stated_locks(question.window, question.snapshot):
        newest = question.window.legs[leg]
        top = money.multiply(question.window.reserves.get(leg, money.ZERO), fee_reserve)
        gap = Range(newest, money.add(newest, top)).distance(stated)
        gaps[leg] = (
            None if question.tolerances.allow(leg, gap) else _gap(question, leg, stated, fee_reserve, settled=settled)
        )
    return gaps


def _gap(question: Question, leg: Leg, stated: Decimal, fee_reserve: Decimal, *, settled: bool) -> LockGap | None:
    window, reach, bounds = question.window, question.reach, question.bounds
    differences = {one.distance(stated) for one in ranges(window, leg, reach, bounds, fee_reserve)}
    if any(question.tolerances.allow(leg, one) for one in differences):
        return None
    older = settled and any(
        question.tolerances.allow(leg, one.distance(stated))
        for one in older_ranges(window, leg, reach, bounds, fee_reserve)
    )
    return LockGap(frozenset(differences), older)


def stated_locks(window: BookWindow, snapshot: Snapshot) -> Iterator[tuple[Leg, Decimal]]:
    """What the exchange locks, of each leg whose lock the book knows.

    A row that the exchange leaves out locks nothing; an unstated lock is not known.
    """
    for leg in window.legs:
        if leg.field is Field.LOCKED and leg.wallet in window.balance_wallets:
            balance = snapshot.balances.get((leg.wallet, leg.currency))
            if balance is None:
                yield leg, money.ZERO
            elif balance.locked is not None:
                yield leg, balance.locked
