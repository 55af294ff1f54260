"""Endpoints that tell the past: Ledgers, QueryLedgers, TradesHistory, QueryTrades. Newest first, fifty to a page, start exclusive."""

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeVar

from reconcile_actors.simulation.instruments import UnknownInstrumentError, find_asset
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.kraken.auth import Permission
from reconcile_actors.simulation.kraken.endpoints import PAGE, Call, PrivateEndpoint
from reconcile_actors.simulation.kraken.errors import KrakenError
from reconcile_actors.simulation.kraken.wire import ledger_row, trade_row
from reconcile_actors.simulation.records import Fill, LedgerRow

_QUERY_LIMIT = 20
_ID = re.compile(r"[LT][A-Z0-9]+(-[A-Z0-9]+)+")
_T = TypeVar("_T", LedgerRow, Fill)


def ledgers(call: Call) -> Json:
    """`{"ledger": {id: row}, "count": rows that match}`; parameters start, end, ofs, type, asset, without_count."""
    account, wanted = call.user.account, call.text("type") or "all"
    assets = {_asset_code(name) for name in call.names("asset") if name != "all"}
    try:
        with account.lock:
            rows = account.ledger.rows(_bound(call, "start"), _bound(call, "end"))
    except KeyError:
        raise KrakenError("EGeneral:Invalid arguments") from None
    rows = _visible(call, rows)
    if wanted != "all" or assets:
        rows = [row for row in rows if wanted in {"all", row.type} and (not assets or row.asset in assets)]
    return _answer(call, "ledger", rows, lambda row: (row.id, ledger_row(row)))


def query_ledgers(call: Call) -> Json:
    """`{id: row}` for up to twenty ids; an unknown id is an error for all."""
    account = call.user.account
    found: list[LedgerRow] = []
    with account.lock:
        for row_id in _ids(call, "id"):
            row = account.ledger.row(row_id)
            if row is None or not _visible(call, [row]):
                raise KrakenError("EQuery:Unknown ledger")
            found.append(row)
    return {row.id: ledger_row(row) for row in found}


def trades_history(call: Call) -> Json:
    """`{"trades": {id: row}, "count": rows that match}`; parameters start, end, ofs, ledgers, without_count."""
    try:
        fills = call.user.account.fills_between(_bound(call, "start"), _bound(call, "end"))
    except KeyError:
        raise KrakenError("EGeneral:Invalid arguments") from None
    fills = _visible(call, fills)
    with_ledgers = call.flag("ledgers")
    return _answer(call, "trades", fills, lambda fill: (fill.id, trade_row(fill, with_ledgers=with_ledgers)))


def query_trades(call: Call) -> Json:
    """`{id: row}` for up to twenty trade ids; an unknown id is an error for all."""
    account = call.user.account
    found: list[Fill] = []
    with account.lock:
        for fill_id in _ids(call, "txid"):
            fill = account.fill_by_id(fill_id)
            if fill is None or not _visible(call, [fill]):
                raise KrakenError("EQuery:Unknown trade")
            found.append(fill)
    return {fill.id: trade_row(fill, with_ledgers=call.flag("ledgers")) for fill in found}


def _answer(call: Call, name: str, rows: Sequence[_T], render: Callable[[_T], tuple[str, Json]]) -> Json:
    offset = call.number("ofs")
    last = len(rows) - offset
    page = reversed(rows[max(0, last - PAGE) : last]) if last > 0 else ()
    answer: dict[str, Json] = {name: dict(render(row) for row in page)}
    return answer if call.flag("without_count") else {**answer, "count": len(rows)}


def _bound(call: Call, name: str) -> float | str | None:
    """A time in Unix seconds, or an id."""
    value = call.text(name)
    return value if value is not None and _ID.fullmatch(value) else call.seconds(name)


def _visible(call: Call, rows: list[_T]) -> list[_T]:
    """The rows that a history lagging behind shows already."""
    return rows if call.history_until is None else rows[: bisect_right(rows, call.history_until, key=attrgetter("at"))]


def _ids(call: Call, name: str) -> list[str]:
    ids = call.names(name)
    if not 0 < len(ids) <= _QUERY_LIMIT:
        raise KrakenError("EGeneral:Invalid arguments")
    return ids


def _asset_code(name: str) -> str:
    try:
        return find_asset(name).code
    except UnknownInstrumentError:
        raise KrakenError("EQuery:Unknown asset") from None


HISTORY = {
    "Ledgers": PrivateEndpoint((Permission.QUERY_LEDGER,), 2, ledgers),
    "QueryLedgers": PrivateEndpoint((Permission.QUERY_LEDGER,), 2, query_ledgers),
    "TradesHistory": PrivateEndpoint((Permission.QUERY_CLOSED,), 2, trades_history),
    "QueryTrades": PrivateEndpoint((Permission.QUERY_CLOSED,), 2, query_trades),
}
