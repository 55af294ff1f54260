"""Endpoints that tell the past. Each lists one kind of movement; what an adjustment changed is listed by none."""

from collections.abc import Callable

from reconcile_actors.simulation.binance.endpoints import Call, Endpoint
from reconcile_actors.simulation.binance.errors import BinanceError
from reconcile_actors.simulation.binance.limits import Weight
from reconcile_actors.simulation.binance.wire import (
    conversion_row,
    deposit_row,
    dividend_row,
    dust_rows,
    redemption_row,
    subscription_row,
    trade_row,
    transfer_row,
    withdrawal_row,
)
from reconcile_actors.simulation.instruments import UnknownInstrumentError
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.records import FundingKind, LedgerRow

_DAY_MS = 86_400_000
_CHOICES = {"startTime", "endTime", "fromId"}


def my_trades(call: Call) -> Json:
    """The trades of one symbol, oldest first: from an id on, or within 24 hours, or the newest ones."""
    try:
        pair = call.user.account.catalogue.pair(call.required("symbol"))
    except UnknownInstrumentError:
        raise BinanceError(-1121, "Invalid symbol.") from None
    given = {name for name in _CHOICES if call.parameters.get(name)}
    if "fromId" in given and len(given) > 1:
        raise BinanceError(-1128, "Combination of optional parameters invalid.")
    if {"startTime", "endTime"} <= given and call.number("endTime", 0) - call.number("startTime", 0) > _DAY_MS:
        raise BinanceError(-1127, "More than 24 hours between startTime and endTime.")
    limit, first = call.number("limit", 500, 1000), call.number("fromId", 0)
    fills = [
        fill
        for fill in call.user.account.fills_between()
        if fill.pair.id == pair.id and call.shows(fill.at) and int(fill.id) >= first
    ]
    return [trade_row(fill) for fill in (fills[:limit] if given & {"startTime", "fromId"} else fills[-limit:])]


def deposits(call: Call) -> Json:
    """Newest first, by the time when each was first seen; parameters startTime, endTime, offset, limit."""
    return _fundings(call, FundingKind.DEPOSIT)


def withdrawals(call: Call) -> Json:
    """Newest first, by the time when each was asked for; parameters startTime, endTime, offset, limit."""
    return _fundings(call, FundingKind.WITHDRAWAL)


def dividends(call: Call) -> Json:
    """`{"rows", "total"}`, newest first; parameters startTime, endTime, limit."""
    _within(call, 180)
    rows = _rows(call, "staking")
    return {"rows": [dividend_row(row) for row in rows[: call.number("limit", 20, 500)]], "total": len(rows)}


def trade_flow(call: Call) -> Json:
    """Conversions outside the order book, newest first; parameters startTime, endTime (both needed), limit."""
    for name in ("startTime", "endTime"):
        call.required(name)
    _within(call, 30)
    limit = call.number("limit", 100, 1000)
    spent = _rows(call, "spend")
    received = {row.refid: row for row in _rows(call, "receive")}
    return {
        "list": [conversion_row(row, received[row.refid]) for row in spent[:limit]],
        "startTime": call.number("startTime", 0),
        "endTime": call.number("endTime", 0),
        "limit": limit,
        "moreData": len(spent) > limit,
    }


def dribblet(call: Call) -> Json:
    """What was swept into one asset, newest first, a hundred at most; parameters startTime, endTime."""
    sweeps: dict[str, list[LedgerRow]] = {}
    for row in reversed(_rows(call, "dust")):
        sweeps.setdefault(row.refid, []).append(row)
    newest = [dust_rows(rows) for rows in reversed(sweeps.values())][:100]
    return {"total": str(len(newest)), "userAssetDribblets": list(newest)}


def transfers(call: Call) -> Json:
    """`{"rows", "total"}` of one type, newest first; parameters type, startTime, endTime, current, size."""
    kind = call.required("type")
    return _paged(call, [row for row in _rows(call, "universal") if row.subtype == kind], transfer_row)


def _earn(subtype: str, write: Callable[[LedgerRow], Json]) -> Callable[[Call], Json]:
    def handle(call: Call) -> Json:
        """`{"rows", "total"}`, newest first; parameters startTime, endTime, current, size."""
        _within(call, 30)
        rows = [row for row in _rows(call, "earn") if row.subtype == subtype and not row.asset.startswith("LD")]
        return _paged(call, rows, write)

    return handle


def _paged(call: Call, rows: list[LedgerRow], write: Callable[[LedgerRow], Json]) -> Json:
    size = max(1, call.number("size", 10, 100))
    first = (max(1, call.number("current", 1)) - 1) * size
    return {"rows": [write(row) for row in rows[first : first + size]], "total": len(rows)}


def _rows(call: Call, kind: str) -> list[LedgerRow]:
    account = call.user.account
    with account.lock:
        rows = account.ledger.rows()
    return [row for row in reversed(rows) if row.type == kind and call.shows(row.at)]


def _within(call: Call, days: int) -> None:
    """Refuses a longer time than the list may be asked for at once."""
    first, last = call.number("startTime", 0), call.number("endTime", 0)
    if first and last - first > days * _DAY_MS:
        raise BinanceError(-1127, f"More than {days} days between startTime and endTime.")


def _fundings(call: Call, kind: FundingKind) -> Json:
    _within(call, 90)
    account = call.user.account
    write = deposit_row if kind is FundingKind.DEPOSIT else withdrawal_row
    offset, limit = call.number("offset", 0), call.number("limit", 1000, 1000)
    with account.lock:
        listed = [one for one in reversed(account.fundings.values()) if one.kind is kind and call.shows(one.at)]
        return [write(one, account.done_at(one)) for one in listed[offset : offset + limit]]


HISTORY = {
    "myTrades": Endpoint(Weight(api=20), my_trades),
    "capital/deposit/hisrec": Endpoint(Weight(sapi_ip=1), deposits),
    "capital/withdraw/history": Endpoint(Weight(sapi_uid=18_000), withdrawals),
    "asset/assetDividend": Endpoint(Weight(sapi_ip=10), dividends),
    "asset/dribblet": Endpoint(Weight(sapi_ip=1), dribblet),
    "asset/transfer": Endpoint(Weight(sapi_ip=1), transfers),
    "convert/tradeFlow": Endpoint(Weight(sapi_uid=3000), trade_flow),
    **{
        f"simple-earn/{plan}/history/{name}": Endpoint(Weight(sapi_ip=150), _earn(f"{plan}-{what}", write))
        for plan in ("flexible", "locked")
        for name, what, write in (
            ("subscriptionRecord", "subscription", subscription_row),
            ("redemptionRecord", "redemption", redemption_row),
        )
    },
}
