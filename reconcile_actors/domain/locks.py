"""What open orders may rightly lock on a leg at the instants that a read may show, as ranges.

Orders are told apart from fills, in any order and often without own time, so locks are judged leg by leg and not by cuts:
each order's lock follows from the reports that had happened by an instant. Where that is not certain, it is a range.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.cuts import Reach, recorded_after
from reconcile_actors.domain.orders import Order, OrderStep, StepKind, without
from reconcile_actors.domain.window import BookWindow, Entry


class Range(NamedTuple):
    """From `low` to `high`, both possible."""

    low: Decimal
    high: Decimal

    def distance(self, value: Decimal) -> Decimal:
        """How far a value lies outside, signed; 0 inside."""
        if value > self.high:
            return money.subtract(value, self.high)
        return money.subtract(value, self.low) if value < self.low else money.ZERO


@dataclass(frozen=True, slots=True)
class _Told:
    """One step of an order, with the instants between which it happened (UTC us)."""

    begin_at: int
    end_at: int
    step: OrderStep


@dataclass(frozen=True, slots=True)
class _History:
    order: Order
    told: tuple[_Told, ...]

    def at(self, instant: int) -> Range:
        """What the order locked at an instant."""
        future = [one.step for one in self.told if one.begin_at > instant]
        maybe = [one.step for one in self.told if one.begin_at <= instant < one.end_at]
        opens = [step for step in maybe if step.kind is StepKind.OPEN]
        others = [step for step in maybe if step.kind is not StepKind.OPEN]
        return Range(without(self.order, [*future, *opens]).locks, without(self.order, [*future, *others]).locks)


def ranges(window: BookWindow, leg: Leg, reach: Reach, bounds: Bounds, fee_reserve: Decimal) -> Iterator[Range]:
    """What may be locked at the instants that a read may show, newest first.

    Exchanges may lock the fees of a buy on top of it: up to `fee_reserve` of what it locks.
    """
    recent = recorded_after(window.entries, reach.earliest_us)
    timeline = _timeline(window, leg, _histories(window, leg, recent, reach, bounds), reach.last_at, fee_reserve)
    yield from (one for until_at, one in timeline if until_at >= reach.first_at)


def older_ranges(window: BookWindow, leg: Leg, reach: Reach, bounds: Bounds, fee_reserve: Decimal) -> Iterator[Range]:
    """What may have been locked before a read's reach, as far back as the recent versions go."""
    histories = _histories(window, leg, window.entries, reach, bounds)
    timeline = _timeline(window, leg, histories, reach.last_at, fee_reserve)
    yield from (one for until_at, one in timeline if until_at < reach.first_at)


def _timeline(
    window: BookWindow, leg: Leg, histories: Mapping[str, _History], last_at: int, fee_reserve: Decimal
) -> Iterator[tuple[int, Range]]:
    """Each range with the last instant at which it held, newest first, from the read's last instant back."""
    held = {key: Range(one.order.locks, one.order.locks) for key, one in histories.items()}
    instants = sorted(
        {at for one in histories.values() for told in one.told for at in (told.begin_at, told.end_at)}, reverse=True
    )
    touching: dict[int, list[str]] = {}
    for key, one in histories.items():
        for told in one.told:
            touching.setdefault(told.begin_at, []).append(key)
            touching.setdefault(told.end_at, []).append(key)
    locked = window.legs[leg]
    total = _Sum(locked, locked, money.multiply(window.reserves.get(leg, money.ZERO), fee_reserve))
    until = last_at
    for at in instants:
        if at <= last_at:
            yield until, total.range
            until = at
        edge, touched = total, set(touching[at])
        for key in touched:
            one, before = histories[key], held[key]
            after = held[key] = one.at(at - 1)
            share = fee_reserve if one.order.is_buy else money.ZERO
            either = Range(min(before.low, after.low), max(before.high, after.high))
            total, edge = total.moved(before, after, share), edge.moved(before, either, share)
        if at <= last_at and len(touched) > 1:
            yield at, edge.range  # of what happened to several orders at one instant any part may be shown
    yield until, total.range


class _Sum(NamedTuple):
    """The sum over the orders of a leg, and the fees that may be locked on top of it."""

    low: Decimal
    high: Decimal
    fees: Decimal

    @property
    def range(self) -> Range:
        return Range(self.low, money.add(self.high, self.fees))

    def moved(self, before: Range, after: Range, share: Decimal) -> "_Sum":
        rise = money.subtract(after.high, before.high)
        return _Sum(
            money.add(self.low, money.subtract(after.low, before.low)),
            money.add(self.high, rise),
            money.add(self.fees, money.multiply(rise, share)),
        )


def _histories(
    window: BookWindow, leg: Leg, entries: Iterable[Entry], reach: Reach, bounds: Bounds
) -> dict[str, _History]:
    steps: dict[str, list[_Told]] = {}
    for entry in entries:
        if entry.step is not None:
            order = window.orders.get(entry.step.order_id)
            if order is not None and order.leg == leg:
                end_at = reach.own_time(entry)
                slack_us = bounds.local_lag_us if entry.occurred_at is None else 0
                steps.setdefault(entry.step.order_id, []).append(_Told(end_at - slack_us, end_at, entry.step))
    return {key: _History(window.orders[key], tuple(told)) for key, told in steps.items()}
