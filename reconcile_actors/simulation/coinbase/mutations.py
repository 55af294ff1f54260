"""Wrong content: each function takes the rows of a true answer and returns them bent. Pure; the input is never changed."""

from collections.abc import Callable
from decimal import Decimal

from reconcile_actors.simulation.faults import Fault, FaultOptions, Injected
from reconcile_actors.simulation.json_text import Json, bare, lengthened, shifted, zeroed

_TABLES = {"accounts": "uuid", "fills": "trade_id", "data": "id"}
_LEGS = {"available_balance", "hold", "amount", "size", "price", "commission"}

Row = dict[str, Json]
Change = Callable[[str], Json]


def bent(answer: Json, injected: Injected) -> Json:
    """The answer as this fault leaves it; faults that do not concern content, and answers without rows, stay as they are."""
    change = _CHANGES.get(injected.fault)
    if change is None or not isinstance(answer, dict):
        return answer
    table = next((name for name in _TABLES if isinstance(answer.get(name), list)), None)
    if table is None:
        return answer
    listed = answer[table]
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    changed: list[Json] = list(change(rows, _TABLES[table], injected.options))
    return {**answer, table: changed, **({"size": len(changed)} if "size" in answer else {})}


def _missing_row(rows: list[Row], key: str, options: FaultOptions) -> list[Row]:
    gone = _chosen(rows, key, options)
    return [row for row in rows if row is not gone]


def _colliding_codes(rows: list[Row], key: str, options: FaultOptions) -> list[Row]:
    """One wallet twice, with another amount."""
    twin = _chosen(rows, key, options)
    return rows if twin is None else [*rows, _changed(twin, None, lambda value: shifted(value, Decimal(1)))]


def _skewed(rows: list[Row], key: str, options: FaultOptions) -> list[Row]:
    leg = "available_balance" if key == "uuid" else None
    only = FaultOptions(row=options.row, leg=leg, amount=options.amount)
    return _each(rows, key, only, lambda value: shifted(value, options.amount))


def _each(rows: list[Row], key: str, options: FaultOptions, change: Change, *, wide: bool = False) -> list[Row]:
    everything = wide and options.row is None
    chosen = _chosen(rows, key, options)
    return [_changed(row, options.leg, change) if everything or row is chosen else row for row in rows]


def _chosen(rows: list[Row], key: str, options: FaultOptions) -> Row | None:
    """By id or by currency; by default the first."""
    if options.row is None:
        return rows[0] if rows else None
    return next((row for row in rows if options.row in {row.get(key), row.get("currency")}), None)


def _changed(row: Row, leg: str | None, change: Change) -> Row:
    legs = _LEGS if leg is None else {leg}
    return {name: _leg(value, change) if name in legs else value for name, value in row.items()}


def _leg(value: Json, change: Change) -> Json:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: change(str(part)) if name in {"value", "amount"} else part for name, part in value.items()}
    return value


_CHANGES: dict[Fault, Callable[[list[Row], str, FaultOptions], list[Row]]] = {
    Fault.NULL_LEGS: lambda rows, key, options: _each(rows, key, options, lambda _: None, wide=True),
    Fault.ZEROED: lambda rows, key, options: _each(rows, key, options, zeroed, wide=True),
    Fault.MISSING_ROW: _missing_row,
    Fault.SKEWED: _skewed,
    Fault.NON_FINITE: lambda rows, key, options: _each(rows, key, options, lambda _: options.value),
    Fault.HUGE: lambda rows, key, options: _each(rows, key, options, lambda _: "1e30"),
    Fault.FORTY_DECIMALS: lambda rows, key, options: _each(rows, key, options, lengthened),
    Fault.COLLIDING_CODES: _colliding_codes,
    Fault.JSON_NUMBERS: lambda rows, key, options: _each(rows, key, options, bare, wide=True),
}
