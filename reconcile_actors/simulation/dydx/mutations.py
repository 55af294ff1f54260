"""Wrong content: each function takes the rows of a true answer and returns them bent. Pure; the input is never changed."""

import re
from collections.abc import Callable
from decimal import Decimal

from reconcile_actors.simulation.faults import Fault, FaultOptions, Injected
from reconcile_actors.simulation.json_text import Json, bare, lengthened
from reconcile_actors.simulation.money import plus

_AMOUNT = re.compile(r"-?\d+(\.\d+)?")
_LEGS = frozenset({"size", "price", "fee", "payment", "oraclePrice"})
_TABLES = ("openPerpetualPositions", "assetPositions", "markets")
_LISTS = ("fills", "transfers", "fundingPayments")

Change = Callable[[str], Json]


def bent(answer: Json, injected: Injected) -> Json:
    """The answer as this fault leaves it; faults that do not concern content leave it as it is.

    A row is named by its ticker, asset or id; positions come before assets.
    """
    fault, options = injected.fault, injected.options
    if not isinstance(answer, dict):
        return answer
    inner = answer.get("subaccount")
    if isinstance(inner, dict):
        return {**answer, "subaccount": _bent_tables(inner, fault, options)}
    return _bent_tables(answer, fault, options)


def _bent_tables(holder: dict[str, Json], fault: Fault, options: FaultOptions) -> dict[str, Json]:
    chosen = options.row or next(iter(_names(holder)), None)
    if fault is Fault.SKEWED and options.row is None and "assetPositions" in holder:
        chosen = "USDC"
    bent_rows: dict[str, Json] = {}
    for name, rows in holder.items():
        if name in _TABLES and isinstance(rows, dict):
            table = {key: _row(row, fault, options, chosen=key == chosen) for key, row in rows.items()}
            bent_rows[name] = {key: row for key, row in table.items() if row is not _GONE}
        elif name in _LISTS and isinstance(rows, list):
            kept = [_row(row, fault, options, chosen=_name(row) == chosen) for row in rows]
            bent_rows[name] = [row for row in kept if row is not _GONE]
        else:
            bent_rows[name] = rows
    if fault is Fault.COLLIDING_CODES and isinstance(bent_rows.get("openPerpetualPositions"), dict):
        bent_rows["openPerpetualPositions"] = _collided(bent_rows["openPerpetualPositions"])
    if fault is Fault.ZEROED and "equity" in holder:
        bent_rows |= {"equity": "0", "freeCollateral": "0"}
    return bent_rows


_GONE: Json = "\x00gone"


def _row(row: Json, fault: Fault, options: FaultOptions, *, chosen: bool) -> Json:
    if fault is Fault.MISSING_ROW and chosen:
        return _GONE
    change = _CHANGES.get(fault)
    wide = fault in {Fault.NULL_LEGS, Fault.ZEROED, Fault.JSON_NUMBERS} and options.row is None
    if change is None or not isinstance(row, dict) or not (chosen or wide):
        return row
    legs = _LEGS if options.leg is None else {options.leg}
    if fault is Fault.SKEWED:
        legs = frozenset({"size"})
    bend = change(options)
    return {
        key: bend(value) if key in legs and isinstance(value, str) and _AMOUNT.fullmatch(value) else value
        for key, value in row.items()
    }


def _names(holder: dict[str, Json]) -> list[str]:
    names: list[str] = []
    for table in _TABLES:
        rows = holder.get(table)
        names += list(rows) if isinstance(rows, dict) else []
    for name in _LISTS:
        listed = holder.get(name)
        names += [_name(row) for row in listed] if isinstance(listed, list) else []
    return names


def _name(row: Json) -> str:
    return str(row.get("id") or row.get("createdAt")) if isinstance(row, dict) else ""


def _collided(rows: Json) -> Json:
    """Adds a second market that clients fold into the same symbol: `XBT-USD` beside `BTC-USD`."""
    if not isinstance(rows, dict) or not rows:
        return rows
    model = rows.get("BTC-USD", next(iter(rows.values())))
    assert isinstance(model, dict), "a position is an object"
    return {**rows, "BTC-USD": {**model, "market": "BTC-USD"}, "XBT-USD": {**model, "market": "XBT-USD"}}


_CHANGES: dict[Fault, Callable[[FaultOptions], Change]] = {
    Fault.NULL_LEGS: lambda _: lambda _value: None,
    Fault.ZEROED: lambda _: lambda _value: "0",
    Fault.SKEWED: lambda options: lambda value: f"{plus(Decimal(value), options.amount):f}",
    Fault.NON_FINITE: lambda options: lambda _value: options.value,
    Fault.HUGE: lambda _: lambda _value: "1e30",
    Fault.FORTY_DECIMALS: lambda _: lengthened,
    Fault.JSON_NUMBERS: lambda _: bare,
}
