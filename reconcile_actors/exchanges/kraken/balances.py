"""From believed rows to what a snapshot holds: balances a wallet, the smallest visible steps and a digest of the content."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Balance
from reconcile_actors.exchanges.kraken.shape import Row


@dataclass(frozen=True, slots=True)
class Content:
    """The part of a snapshot that depends on the answer alone."""

    balances: Mapping[tuple[str, str], Balance]
    steps: Mapping[str, Decimal]
    digest: str


def content_of(rows: Sequence[Row], wallets: frozenset[str]) -> Content:
    """Of the wallets that are compared; rows of others are left out.

    `available` is total - locked; Kraken states no debt a currency here, so `borrowed` is None. The digest covers wallet,
    currency, total and locked in canonical text and order: equal amounts give equal digests however they were written.
    """
    balances: dict[tuple[str, str], Balance] = {}
    steps: dict[str, Decimal] = {}
    lines: list[str] = []
    for (wallet, currency), total, locked in sorted(row for row in rows if row.place.wallet in wallets):
        available = money.subtract(total, locked) if locked else total
        balances[wallet, currency] = Balance(currency, total, available, locked, None, wallet)
        lines.append(f"{wallet} {currency} {money.plain(total)} {money.plain(locked)}\n")
        step = money.step_of(total)
        if step is not None and (currency not in steps or step < steps[currency]):
            steps[currency] = step
    return Content(balances, steps, hashlib.sha256("".join(lines).encode("ascii")).hexdigest())
