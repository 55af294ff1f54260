"""What is asked of the exchange: accounts, fills, the transactions of an account, what a key may do, and what is public."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from reconcile_actors.simulation.coinbase.auth import Permission, User
from reconcile_actors.simulation.coinbase.errors import CoinbaseError
from reconcile_actors.simulation.coinbase.instruments import COINBASE
from reconcile_actors.simulation.coinbase.wire import (
    account_row,
    fill_row,
    funding_row,
    instant,
    ledger_row,
    product_row,
)
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.market import Market

FILLS_DEFAULT = 100
TRANSACTIONS_DEFAULT = 25
TRANSACTIONS_MOST = 100


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `balances_as_of` and `history_until` (Unix seconds) are in the past when the answer is to be stale.

    `page_rows` is the most that one page of accounts or fills holds.
    """

    market: Market
    parameters: Mapping[str, Sequence[str]]
    now: float
    page_rows: int
    balances_as_of: float | None = None
    history_until: float | None = None

    def text(self, name: str) -> str | None:
        """A parameter's last value; None where it is absent or empty."""
        values = self.parameters.get(name, ())
        return (values[-1] or None) if values else None

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number above zero, cut to what is allowed."""
        value = self.text(name)
        if value is None:
            return min(default, most)
        if not (value.isascii() and value.isdigit() and int(value) > 0):
            raise CoinbaseError(400, "INVALID_ARGUMENT", f"invalid {name}")
        return min(int(value), most)

    def seconds(self, name: str) -> float | None:
        """A time (RFC 3339) in Unix seconds."""
        value = self.text(name)
        try:
            return None if value is None else datetime.fromisoformat(value).timestamp()
        except ValueError:
            raise CoinbaseError(400, "INVALID_ARGUMENT", f"invalid {name}") from None


def accounts(user: User, call: Call) -> Json:
    """A page of wallets in the order in which they were made, zero ones included; parameters limit, cursor."""
    with user.account.lock:
        holdings = user.account.holdings(call.balances_as_of)
        rows = [account_row(user, asset, holding, _made_at(user, asset)) for asset, holding in holdings.items()]
    cursor = call.text("cursor")
    first = 0
    if cursor is not None:
        first = next((place + 1 for place, row in enumerate(rows) if row["uuid"] == cursor), 0)
        if first == 0:
            raise CoinbaseError(400, "INVALID_ARGUMENT", "invalid cursor")
    page = rows[first : first + call.number("limit", 49, call.page_rows)]
    more = first + len(page) < len(rows)
    listed: list[Json] = list(page)
    return {"accounts": listed, "has_next": more, "cursor": page[-1]["uuid"] if more else "", "size": len(page)}


def fills(user: User, call: Call) -> Json:
    """A page of fills, newest first; parameters start_sequence_timestamp, end_sequence_timestamp, limit, cursor."""
    start, end = call.seconds("start_sequence_timestamp"), call.seconds("end_sequence_timestamp")
    with user.account.lock:
        listed = list(user.account.fills)
    if call.history_until is not None:
        listed = listed[: bisect_right(listed, call.history_until, key=attrgetter("at"))]
    wanted = [fill for fill in listed if (start is None or fill.at >= start) and (end is None or fill.at <= end)]
    cursor = call.text("cursor")
    if cursor is not None:  # the number of the last fill shown: new ones shift nothing
        if not (cursor.isascii() and cursor.isdigit()):
            raise CoinbaseError(400, "INVALID_ARGUMENT", "invalid cursor")
        wanted = [fill for fill in wanted if fill.number < int(cursor)]
    page = wanted[::-1][: call.number("limit", FILLS_DEFAULT, call.page_rows)]
    more = len(page) < len(wanted)
    return {"fills": [fill_row(user, fill) for fill in page], "cursor": str(page[-1].number) if more else ""}


def transactions(user: User, uuid: str, call: Call) -> Json:
    """A page of one wallet's transactions, newest first by creation; parameters limit, starting_after."""
    asset = user.asset_of(uuid)
    if asset is None or asset in user.hidden:
        raise CoinbaseError(404, "not_found", "Account not found")
    rows = _transactions(user, asset, call)
    after, first = call.text("starting_after"), 0
    if after is not None:
        first = next((place + 1 for place, row in enumerate(rows) if row["id"] == after), len(rows))
    limit = call.number("limit", TRANSACTIONS_DEFAULT, TRANSACTIONS_MOST)
    page: list[Json] = list(rows[first : first + limit])
    last = rows[first + limit - 1]["id"] if first + limit < len(rows) else None
    uri = None if last is None else f"/v2/accounts/{uuid}/transactions?limit={limit}&starting_after={last}"
    pagination: dict[str, Json] = {
        "ending_before": None,
        "starting_after": after,
        "previous_ending_before": None,
        "next_starting_after": last,
        "limit": limit,
        "order": "desc",
        "previous_uri": None,
        "next_uri": uri,
    }
    return {"pagination": pagination, "data": page}


def key_permissions(user: User, _call: Call) -> Json:
    """What the calling key may do."""
    rights: dict[str, Json] = {each.value: each in user.permissions for each in Permission}
    return {**rights, "portfolio_uuid": user.id, "portfolio_type": "DEFAULT"}


def server_time(call: Call) -> Json:
    """The server's own clock."""
    iso = f"{instant(call.now)[:19]}Z"
    return {"iso": iso, "epochSeconds": str(int(call.now)), "epochMillis": str(int(call.now * 1000))}


def products(call: Call) -> Json:
    """The products named in product_ids, or all; an id that there is not is left out."""
    wanted = call.parameters.get("product_ids", ())
    chosen = [pair for pair in COINBASE.pairs.values() if not wanted or pair.id in wanted]
    return {"products": [product_row(pair, call.market.price(pair.id)) for pair in chosen], "num_products": len(chosen)}


def _made_at(user: User, asset: str) -> float:
    return next((row.at for row in user.account.ledger.rows() if row.asset == asset), 0.0)


def _transactions(user: User, asset: str, call: Call) -> list[dict[str, Json]]:
    account, until = user.account, call.history_until
    with account.lock:
        booked = [row for row in account.ledger.rows(None, until) if row.asset == asset]
        funded = [one for one in account.fundings.values() if one.asset == asset and (until is None or one.at <= until)]
    settled = {row.refid: row.at for row in booked}
    dated = [(one.at, funding_row(user, one, settled.get(one.refid, one.at))) for one in funded]
    dated += [
        (row.at, ledger_row(user, row, account.fill_by_id(row.refid)))
        for row in booked
        if row.type not in {"deposit", "withdrawal"}  # those are listed once, with their status
    ]
    dated.sort(key=lambda pair: pair[0], reverse=True)
    return [row for _, row in dated]


PRIVATE: dict[str, Callable[[User, Call], Json]] = {
    "accounts": accounts,
    "orders/historical/fills": fills,
    "key_permissions": key_permissions,
}
PUBLIC: dict[str, Callable[[Call], Json]] = {"time": server_time, "market/products": products}
