"""How the exchange writes things down: amount strings, times, and the rows of its answers. Shapes follow the published REST API.

Amounts are strings made from Decimal; only times, counters and the published fee schedule are JSON numbers.
"""

from decimal import Decimal

from reconcile_actors.simulation.instruments import Asset, Pair, find_asset
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.money import ZERO, over, text
from reconcile_actors.simulation.records import Fill, Funding, LedgerRow, Order, OrderStatus, OrderType

_TAKER_SCHEDULE = ((0, 0.26), (50000, 0.24), (100000, 0.22), (250000, 0.2), (500000, 0.18), (1000000, 0.16))
_MAKER_SCHEDULE = ((0, 0.16), (50000, 0.14), (100000, 0.12), (250000, 0.1), (500000, 0.08), (1000000, 0.06))


def amount_text(asset: str, amount: Decimal) -> str:
    """An amount with the asset's decimals: `0.0000000000` for bitcoin, `0.0000` for dollars."""
    return text(amount, find_asset(asset).decimals)


def asset_info(asset: Asset) -> dict[str, Json]:
    """One entry of Assets."""
    return {
        "aclass": "currency",
        "altname": asset.altname,
        "decimals": asset.decimals,
        "display_decimals": asset.display_decimals,
        "status": "enabled",
    }


def pair_info(pair: Pair) -> dict[str, Json]:
    """One entry of AssetPairs."""
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": pair.base,
        "aclass_quote": "currency",
        "quote": pair.quote,
        "lot": "unit",
        "cost_decimals": pair.cost_decimals,
        "pair_decimals": pair.price_decimals,
        "lot_decimals": pair.lot_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[volume, percent] for volume, percent in _TAKER_SCHEDULE],
        "fees_maker": [[volume, percent] for volume, percent in _MAKER_SCHEDULE],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{pair.order_minimum:f}",
        "costmin": f"{pair.cost_minimum:f}",
        "tick_size": f"{pair.tick:f}",
        "status": "online",
    }


def ledger_row(row: LedgerRow) -> dict[str, Json]:
    """One entry of Ledgers; its id is the key it stands under."""
    return {
        "aclass": "currency",
        "amount": amount_text(row.asset, row.amount),
        "asset": row.asset,
        "balance": amount_text(row.asset, row.balance),
        "fee": amount_text(row.asset, row.fee),
        "refid": row.refid,
        "time": row.at,
        "type": row.type,
        "subtype": row.subtype,
    }


def trade_row(fill: Fill, *, with_ledgers: bool) -> dict[str, Json]:
    """One entry of TradesHistory. The fee is stated in the quote asset even where the base was charged."""
    places = fill.pair.cost_decimals
    row: dict[str, Json] = {
        "ordertxid": fill.order_id,
        "postxid": fill.counter_id,
        "pair": fill.pair.id,
        "time": fill.at,
        "type": fill.side.value,
        "ordertype": fill.order_type.value,
        "price": text(fill.price, places),
        "cost": text(fill.cost, places),
        "fee": text(fill.fee, places),
        "vol": text(fill.volume, fill.pair.lot_decimals),
        "margin": text(ZERO, places),
        "leverage": "0",
        "misc": "",
        "trade_id": fill.number,
        "maker": fill.maker,
    }
    if with_ledgers:
        row["ledgers"] = list(fill.ledger_ids)
    return row


def order_row(order: Order, *, with_trades: bool) -> dict[str, Json]:
    """One entry of OpenOrders, ClosedOrders or QueryOrders."""
    places = order.pair.cost_decimals
    average = over(order.cost, order.executed) if order.executed > ZERO else ZERO
    row: dict[str, Json] = {
        "refid": None,
        "userref": order.user_reference,
        "status": order.status.value,
        "opentm": order.opened_at,
        "starttm": 0,
        "expiretm": 0,
        "descr": {
            "pair": order.pair.altname,
            "type": order.side.value,
            "ordertype": order.order_type.value,
            "price": "0" if order.price is None else text(order.price, order.pair.price_decimals),
            "price2": "0",
            "leverage": "none",
            "order": describe(order),
            "close": "",
        },
        "vol": text(order.volume, order.pair.lot_decimals),
        "vol_exec": text(order.executed, order.pair.lot_decimals),
        "cost": text(order.cost, places),
        "fee": text(order.fee, places),
        "price": text(average, places),
        "stopprice": text(ZERO, places),
        "limitprice": text(ZERO, places),
        "misc": "",
        "oflags": "fcib" if order.fee_in_base else "fciq",
    }
    if order.client_id is not None:
        row["cl_ord_id"] = order.client_id
    if order.status is not OrderStatus.OPEN:
        row["reason"] = order.reason
        row["closetm"] = order.closed_at
    if with_trades:
        row["trades"] = list(order.fill_ids)
    return row


def describe(order: Order) -> str:
    """The exchange's sentence for an order: `buy 0.02100000 ETHUSD @ limit 330.00`."""
    stem = f"{order.side.value} {text(order.volume, order.pair.lot_decimals)} {order.pair.altname} @ "
    if order.order_type is OrderType.MARKET or order.price is None:
        return stem + "market"
    return f"{stem}limit {text(order.price, order.pair.price_decimals)}"


def funding_row(funding: Funding) -> dict[str, Json]:
    """One entry of DepositStatus or WithdrawStatus."""
    row: dict[str, Json] = {
        "method": find_asset(funding.asset).altname,
        "aclass": "currency",
        "asset": funding.asset,
        "refid": funding.refid,
        "txid": funding.txid,
        "info": funding.address,
        "amount": amount_text(funding.asset, funding.amount),
        "fee": amount_text(funding.asset, funding.fee),
        "time": int(funding.at),
        "status": funding.status.value,
    }
    if funding.key:
        row["key"] = funding.key
        row["network"] = find_asset(funding.asset).altname
    return row
