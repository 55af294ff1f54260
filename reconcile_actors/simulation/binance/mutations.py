"""Wrong content: the true answer of one request, bent. Pure; the input is never changed."""

import re
from collections.abc import Callable
from typing import TypeGuard

from reconcile_actors.simulation.binance.wire import Row
from reconcile_actors.simulation.faults import Fault, FaultOptions, Injected
from reconcile_actors.simulation.json_text import Json, bare, lengthened, shifted, zeroed

_AMOUNT = re.compile(r"-?\d+(\.\d+)?")
_TABLES = ("balances", "rows", "list", "userAssetDribblets", "symbols")
_LEGS = {
    "free",
    "locked",
    "qty",
    "quoteQty",
    "price",
    "commission",
    "amount",
    "transactionFee",
    "fromAmount",
    "toAmount",
}
_NAMES = ("asset", "id", "tranId", "orderId", "purchaseId", "redeemId", "transId", "symbol")


def bent(answer: Json, injected: Injected) -> Json:
    """The answer as this fault leaves it; faults that do not concern content, and answers without rows, stay as they are."""
    change = _CHANGES.get(injected.fault)
    if change is None:
        return answer
    if isinstance(answer, list):
        return change(answer, injected.options)
    if isinstance(answer, dict):
        for name in _TABLES:
            table = answer.get(name)
            if isinstance(table, list):
                return {**answer, name: change(table, injected.options)}
    return answer


def _each(change: Callable[[str, FaultOptions], Json], *, wide: bool = False, leg: str | None = None) -> "_Change":
    """Applies `change` to the amounts of the chosen row, or of every row where the fault is wide and no row was named."""

    def apply(rows: list[Json], options: FaultOptions) -> list[Json]:
        every = wide and options.row is None
        chosen = _chosen(rows, options)
        legs = _LEGS if (leg or options.leg) is None else {leg or options.leg}
        return [
            {
                name: change(value, options) if name in legs and _is_amount(value) else value
                for name, value in row.items()
            }
            if isinstance(row, dict) and (every or index == chosen)
            else row
            for index, row in enumerate(rows)
        ]

    return apply


_Change = Callable[[list[Json], FaultOptions], list[Json]]


def _is_amount(value: Json) -> TypeGuard[str]:
    return isinstance(value, str) and _AMOUNT.fullmatch(value) is not None


def _chosen(rows: list[Json], options: FaultOptions) -> int | None:
    if options.row is None:
        return 0 if rows else None
    named = (index for index, row in enumerate(rows) if isinstance(row, dict) and options.row in _names(row))
    return next(named, None)


def _names(row: Row) -> set[str]:
    return {str(row[name]) for name in _NAMES if name in row}


def _missing_row(rows: list[Json], options: FaultOptions) -> list[Json]:
    gone = _chosen(rows, options)
    return [row for index, row in enumerate(rows) if index != gone]


def _colliding_codes(rows: list[Json], _options: FaultOptions) -> list[Json]:
    """Adds, beside the true rows, two codes that clients fold into one currency: `BCHSV` and `BSV`."""
    extra: list[Json] = [{"asset": code, "free": "1.00000000", "locked": "0.00000000"} for code in ("BCHSV", "BSV")]
    return [*rows, *extra]


_CHANGES: dict[Fault, _Change] = {
    Fault.NULL_LEGS: _each(lambda _value, _options: None, wide=True),
    Fault.ZEROED: _each(lambda value, _options: zeroed(value), wide=True),
    Fault.MISSING_ROW: _missing_row,
    Fault.SKEWED: _each(lambda value, options: shifted(value, options.amount), leg="free"),
    Fault.NON_FINITE: _each(lambda _value, options: options.value),
    Fault.HUGE: _each(lambda _value, _options: "1e30"),
    Fault.FORTY_DECIMALS: _each(lambda value, _options: lengthened(value)),
    Fault.COLLIDING_CODES: _colliding_codes,
    Fault.JSON_NUMBERS: _each(lambda value, _options: bare(value), wide=True),
}
