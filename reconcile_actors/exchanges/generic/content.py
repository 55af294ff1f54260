"""From believed amounts to what a snapshot holds: balances of one wallet, the smallest visible steps, a digest of the totals."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Balance
from reconcile_actors.exchanges.generic.gate import Amounts
from reconcile_actors.exchanges.rows import Content


def content_of(rows: Mapping[str, Amounts], wallet: str) -> Content:
    """A leg that is not stated stays None. The digest covers currency and every stated leg in canonical text and order."""
    balances: dict[tuple[str, str], Balance] = {}
    steps: dict[str, Decimal] = {}
    lines: list[str] = []
    for currency, (total, free, used) in sorted(rows.items()):
        balances[wallet, currency] = Balance(currency, total, free, used, None, wallet)
        lines.append(" ".join([currency, *("-" if leg is None else money.plain(leg) for leg in (total, free, used))]))
        step = money.step_of(total)
        if step is not None:
            steps[currency] = step
    return Content(balances, steps, hashlib.sha256("\n".join(lines).encode("ascii")).hexdigest())
