"""Endpoints for orders: OpenOrders, ClosedOrders, QueryOrders, AddOrder, CancelOrder."""

from reconcile_actors.simulation.instruments import UnknownInstrumentError, find_pair
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.kraken.auth import Permission
from reconcile_actors.simulation.kraken.endpoints import PAGE, Call, PrivateEndpoint
from reconcile_actors.simulation.kraken.errors import KrakenError
from reconcile_actors.simulation.kraken.wire import describe, order_row
from reconcile_actors.simulation.ledger import InsufficientFundsError
from reconcile_actors.simulation.orders import InvalidOrderError
from reconcile_actors.simulation.records import Order, OrderType, Side

_FLAGS = {"fciq", "fcib", "post"}
_INVALID = {
    "minimum": "EOrder:Order minimum not met",
    "price": "EGeneral:Invalid arguments:price",
    "volume": "EGeneral:Invalid arguments:volume",
}


def open_orders(call: Call) -> Json:
    """`{"open": {id: row}}`, newest first; parameters trades, userref, cl_ord_id."""
    orders = [order for order in reversed(call.user.account.open_orders()) if _wanted(order, call)]
    return {"open": {order.id: order_row(order, with_trades=call.flag("trades")) for order in orders}}


def closed_orders(call: Call) -> Json:
    """`{"closed": {id: row}, "count"}`, newest first by closing time; parameters trades, userref, cl_ord_id, start, end, ofs."""
    account, offset = call.user.account, call.number("ofs")
    with account.lock:
        ended = [order for order in account.orders.values() if order.closed_at is not None and _wanted(order, call)]
    since, until = call.seconds("start"), call.seconds("end")
    closed = [
        (order.closed_at, order)
        for order in ended
        if order.closed_at is not None
        and (since is None or order.closed_at > since)
        and (until is None or order.closed_at <= until)
        and (call.history_until is None or order.closed_at <= call.history_until)
    ]
    closed.sort(key=lambda pair: pair[0], reverse=True)
    page = [order for _, order in closed[offset : offset + PAGE]]
    rows: dict[str, Json] = {order.id: order_row(order, with_trades=call.flag("trades")) for order in page}
    return {"closed": rows, "count": len(closed)}


def query_orders(call: Call) -> Json:
    """`{id: row}` for the orders named in txid; unknown ids are an error for all."""
    account = call.user.account
    with account.lock:
        orders = [account.orders.get(order_id) for order_id in call.names("txid")]
    if not orders or None in orders:
        raise KrakenError("EOrder:Unknown order")
    return {order.id: order_row(order, with_trades=call.flag("trades")) for order in orders if order is not None}


def add_order(call: Call) -> Json:
    """Places a limit or market order: `{"descr": {"order"}, "txid": [id]}`."""
    flags = set(call.names("oflags"))
    if flags - _FLAGS:
        raise KrakenError("EGeneral:Invalid arguments:oflags")
    if call.flag("validate"):
        # Not simulated, and refused rather than ignored: an order that should only be checked must not be placed.
        raise KrakenError("EGeneral:Invalid arguments:validate")
    if call.text("type") not in set(Side):
        raise KrakenError("EGeneral:Invalid arguments:type")
    kind = call.text("ordertype")
    if kind not in set(OrderType):
        raise KrakenError("EGeneral:Invalid arguments:ordertype")
    try:
        pair = find_pair(call.text("pair") or "")
        order = call.market.submit(
            call.user.account,
            pair.id,
            str(call.text("type")),
            call.amount("volume", "EGeneral:Invalid arguments:volume"),
            None if kind == OrderType.MARKET else call.amount("price", "EGeneral:Invalid arguments:price"),
            fee_in_base="fcib" in flags,
            post_only="post" in flags,
            client_id=call.text("cl_ord_id"),
            user_reference=call.number("userref") if call.text("userref") else None,
        )
    except UnknownInstrumentError:
        raise KrakenError("EQuery:Unknown asset pair") from None
    except InvalidOrderError as error:
        raise KrakenError(_INVALID[str(error)]) from None
    except InsufficientFundsError:
        raise KrakenError("EOrder:Insufficient funds") from None
    return {"descr": {"order": describe(order)}, "txid": [order.id]}


def cancel_order(call: Call) -> Json:
    """Cancels by order id, client id or user reference: `{"count"}`."""
    account = call.user.account
    wanted, client = call.text("txid"), call.text("cl_ord_id")
    with account.lock:
        hits = [
            order.id
            for order in account.open_orders()
            if (wanted is not None and wanted in {order.id, str(order.user_reference)})
            or (client is not None and order.client_id == client)
        ]
        if not hits:
            raise KrakenError("EOrder:Unknown order")
        for order_id in hits:
            account.cancel(order_id)
    return {"count": len(hits)}


def _wanted(order: Order, call: Call) -> bool:
    reference, client = call.text("userref"), call.text("cl_ord_id")
    return (reference is None or str(order.user_reference) == reference) and (
        client is None or order.client_id == client
    )


# AddOrder and CancelOrder cost nothing here: the exchange counts them on its trading limiter, not on the key's call counter.
TRADING = {
    "OpenOrders": PrivateEndpoint((Permission.QUERY_OPEN,), 1, open_orders),
    "ClosedOrders": PrivateEndpoint((Permission.QUERY_CLOSED,), 1, closed_orders),
    "QueryOrders": PrivateEndpoint((Permission.QUERY_OPEN, Permission.QUERY_CLOSED), 1, query_orders),
    "AddOrder": PrivateEndpoint((Permission.MODIFY_TRADES,), 0, add_order),
    "CancelOrder": PrivateEndpoint((Permission.MODIFY_TRADES, Permission.CLOSE_TRADES), 0, cancel_order),
}
