"""Rows of balances that a gate believes, and what a snapshot holds of them: balances, the smallest visible steps, a digest."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Balance
from reconcile_actors.domain.snapshot import UnknownReason


class Place(NamedTuple):
    """Where an amount stands: a wallet and a unified currency."""

    wallet: str
    currency: str


class Row(NamedTuple):
    """One asset: its total, and what open orders lock of it."""

    place: Place
    total: Decimal
    locked: Decimal


class Rejected(NamedTuple):
    """Why an answer is not believed."""

    reason: UnknownReason
    detail: str


@dataclass(frozen=True, slots=True)
class Content:
    """The part of a snapshot that depends on the answer alone."""

    balances: Mapping[tuple[str, str], Balance]
    steps: Mapping[str, Decimal]
    digest: str


def collide(rows: Iterable[Row]) -> bool:
    """Whether two assets with value are one currency of one wallet. One beside a stated zero, as after a change of name, is no
    collision: their sum is exact."""
    places = [row.place for row in rows if row.total or row.locked]
    return len(set(places)) != len(places)


def summed(rows: Iterable[Row]) -> list[Row]:
    """One row for each place."""
    totals: dict[Place, Row] = {}
    for row in rows:
        earlier = totals.get(row.place)
        totals[row.place] = (
            row
            if earlier is None
            else Row(row.place, money.add(earlier.total, row.total), money.add(earlier.locked, row.locked))
        )
    return list(totals.values())


def content_of(rows: Iterable[Row], wallets: frozenset[str]) -> Content:
    """Of the wallets that are compared; rows of others are left out, those of one place are summed.

    `available` is total - locked; no debt is stated, so `borrowed` is None. The digest covers wallet,
    currency, total and locked in canonical text and order: equal amounts give equal digests however they were written.
    """
    balances: dict[tuple[str, str], Balance] = {}
    steps: dict[str, Decimal] = {}
    lines: list[str] = []
    for (wallet, currency), total, locked in sorted(summed(row for row in rows if row.place.wallet in wallets)):
        available = money.subtract(total, locked) if locked else total
        balances[wallet, currency] = Balance(currency, total, available, locked, None, wallet)
        lines.append(f"{wallet} {currency} {money.plain(total)} {money.plain(locked)}\n")
        step = money.step_of(total)
        if step is not None and (currency not in steps or step < steps[currency]):
            steps[currency] = step
    return Content(balances, steps, hashlib.sha256("".join(lines).encode("ascii")).hexdigest())
