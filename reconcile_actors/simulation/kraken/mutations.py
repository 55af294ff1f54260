"""Wrong content: each function takes the true result of an answer and returns it bent. Pure; the input is never changed."""

import re
from collections.abc import Callable

from reconcile_actors.simulation.faults import Fault, FaultOptions, Injected
from reconcile_actors.simulation.json_text import Json, bare, lengthened, shifted, zeroed

_AMOUNT = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?|NaN|-?Infinity")
_TABLES = ("ledger", "trades", "open", "closed")
_BALANCE_LEGS = {"balance", "hold_trade"}
_AMOUNT_LEGS = _BALANCE_LEGS | {"amount", "fee", "cost", "vol", "vol_exec", "price", "margin"}

Row = Json
Rows = dict[str, Json]


def bent(result: Json, injected: Injected) -> Json:
    """The result as this fault leaves it; faults that do not concern content, and results without rows, stay as they are."""
    change = _CHANGES.get(injected.fault)
    if change is None or not isinstance(result, dict):
        return result
    table = next((name for name in _TABLES if isinstance(result.get(name), dict)), None)
    if table is None:
        return change(result, injected.options)
    inner = result[table]
    return {**result, table: change(inner, injected.options)} if isinstance(inner, dict) else result


def _null_legs(rows: Rows, options: FaultOptions) -> Rows:
    return _each(rows, options, lambda _value: None, every_row=True)


def _zeroed(rows: Rows, options: FaultOptions) -> Rows:
    return _each(rows, options, zeroed, every_row=True)


def _missing_row(rows: Rows, options: FaultOptions) -> Rows:
    gone = _chosen(rows, options)
    return {key: row for key, row in rows.items() if key != gone}


def _skewed(rows: Rows, options: FaultOptions) -> Rows:
    only_balance = FaultOptions(row=options.row, leg="balance", amount=options.amount)
    return _each(rows, only_balance, lambda value: shifted(value, options.amount))


def _non_finite(rows: Rows, options: FaultOptions) -> Rows:
    return _each(rows, options, lambda _value: options.value)


def _huge(rows: Rows, options: FaultOptions) -> Rows:
    return _each(rows, options, lambda _value: "1e30")


def _forty_decimals(rows: Rows, options: FaultOptions) -> Rows:
    return _each(rows, options, lengthened)


def _colliding_codes(rows: Rows, _options: FaultOptions) -> Rows:
    """Adds, beside the true rows, codes that clients fold into one currency: `XXBT` and `XBT`, `XREP` and `REPV2`."""
    model = next(iter(rows.values()), "0.0000000000")

    def like_model(amount: str) -> Json:
        return {"balance": amount, "hold_trade": "0.0000000000"} if isinstance(model, dict) else amount

    extra = {"XXBT": "0.1000000000", "XBT": "0.2000000000", "XREP": "3.0000000000", "REPV2": "4.0000000000"}
    return {**{code: like_model(amount) for code, amount in extra.items()}, **rows}


def _json_numbers(rows: Rows, options: FaultOptions) -> Rows:
    return _each(rows, options, bare, every_row=True)


_CHANGES: dict[Fault, Callable[[Rows, FaultOptions], Rows]] = {
    Fault.NULL_LEGS: _null_legs,
    Fault.ZEROED: _zeroed,
    Fault.MISSING_ROW: _missing_row,
    Fault.SKEWED: _skewed,
    Fault.NON_FINITE: _non_finite,
    Fault.HUGE: _huge,
    Fault.FORTY_DECIMALS: _forty_decimals,
    Fault.COLLIDING_CODES: _colliding_codes,
    Fault.JSON_NUMBERS: _json_numbers,
}


def _each(rows: Rows, options: FaultOptions, change: Callable[[str], Json], *, every_row: bool = False) -> Rows:
    """Applies `change` to the amounts of the chosen row, or of every row where the fault is wide and no row was named."""
    wide = every_row and options.row is None
    chosen = _chosen(rows, options)
    return {key: _changed(row, options.leg, change) if wide or key == chosen else row for key, row in rows.items()}


def _chosen(rows: Rows, options: FaultOptions) -> str | None:
    return options.row if options.row is not None else next(iter(rows), None)


def _changed(row: Row, leg: str | None, change: Callable[[str], Json]) -> Row:
    if isinstance(row, str):  # Balance: the row is its own and only leg
        return change(row) if _AMOUNT.fullmatch(row) else row
    if not isinstance(row, dict):
        return row
    legs = _AMOUNT_LEGS if leg is None else {leg}
    return {
        name: change(value) if name in legs and isinstance(value, str) and _AMOUNT.fullmatch(value) else value
        for name, value in row.items()
    }
