"""How the exchange writes things down. Amounts are strings with eight decimals made from Decimal; times are milliseconds."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from reconcile_actors.simulation.binance.instruments import DECIMALS
from reconcile_actors.simulation.instruments import Pair
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.ledger import Holding
from reconcile_actors.simulation.money import minus, over, plus, text
from reconcile_actors.simulation.records import Fill, Funding, FundingStatus, LedgerRow, Side

Row: TypeAlias = dict[str, Json]

_DEPOSIT_STATUS = {FundingStatus.PENDING: 0, FundingStatus.SUCCESS: 1, FundingStatus.FAILURE: 7}
_WITHDRAWAL_STATUS = {FundingStatus.PENDING: 4, FundingStatus.SUCCESS: 6, FundingStatus.FAILURE: 5}


def amount_text(amount: Decimal) -> str:
    """`0.00219821`."""
    return text(amount, DECIMALS)


def milliseconds(at: float) -> int:
    """Unix seconds as the exchange tells time."""
    return int(at * 1000)


def balance_row(asset: str, holding: Holding) -> Row:
    """One entry of account's `balances`."""
    return {
        "asset": asset,
        "free": amount_text(minus(holding.balance, holding.hold)),
        "locked": amount_text(holding.hold),
    }


def trade_row(fill: Fill) -> Row:
    """One entry of myTrades."""
    return {
        "symbol": fill.pair.id,
        "id": int(fill.id),
        "orderId": int(fill.order_id),
        "orderListId": -1,
        "price": amount_text(fill.price),
        "qty": amount_text(fill.volume),
        "quoteQty": amount_text(fill.cost),
        "commission": amount_text(fill.fee_charged),
        "commissionAsset": fill.fee_asset,
        "time": milliseconds(fill.at),
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def deposit_row(funding: Funding, done_at: float | None) -> Row:
    """One entry of capital/deposit/hisrec."""
    row: Row = {
        "id": funding.refid,
        "amount": _short(funding.amount),
        "coin": funding.asset,
        "network": funding.asset,
        "status": _DEPOSIT_STATUS[funding.status],
        "address": funding.address,
        "addressTag": "",
        "txId": funding.txid,
        "insertTime": milliseconds(funding.at),
        "transferType": 0,
        "confirmTimes": "0/2" if done_at is None else "2/2",
        "walletType": 0,
    }
    return row if done_at is None else {**row, "completeTime": milliseconds(done_at)}


def withdrawal_row(funding: Funding, done_at: float | None) -> Row:
    """One entry of capital/withdraw/history: what leaves is `amount` and `transactionFee`."""
    row: Row = {
        "id": funding.refid,
        "amount": _short(funding.amount),
        "transactionFee": _short(funding.fee),
        "coin": funding.asset,
        "status": _WITHDRAWAL_STATUS[funding.status],
        "address": funding.address,
        "addressTag": "",
        "txId": "" if done_at is None else funding.txid,
        "applyTime": _clock_time(funding.at),
        "network": funding.asset,
        "transferType": 0,
        "walletType": 0,
    }
    return row if done_at is None else {**row, "completeTime": _clock_time(done_at)}


def dividend_row(row: LedgerRow) -> Row:
    """One entry of asset/assetDividend."""
    return {
        "id": int(row.id),
        "amount": amount_text(row.amount),
        "asset": row.asset,
        "divTime": milliseconds(row.at),
        "enInfo": "Flexible",
        "tranId": int(row.refid),
        "direction": 1,
    }


def conversion_row(spent: LedgerRow, received: LedgerRow) -> Row:
    """One entry of convert/tradeFlow."""
    out, into = spent.amount.copy_negate(), received.amount
    return {
        "quoteId": f"{int(spent.id):032x}",
        "orderId": int(spent.refid),
        "orderStatus": "SUCCESS",
        "fromAsset": spent.asset,
        "fromAmount": _short(plus(out, spent.fee)),
        "toAsset": received.asset,
        "toAmount": _short(into),
        "ratio": amount_text(over(into, out)),
        "inverseRatio": amount_text(over(out, into)),
        "createTime": milliseconds(spent.at),
    }


def dust_rows(rows: list[LedgerRow]) -> Row:
    """One entry of asset/dribblet: all that was swept at once: what was received, less the charge, and its asset unless it is BNB."""
    details: list[Json] = []
    charged, received = Decimal(0), Decimal(0)
    for swept, gained in zip(rows[::2], rows[1::2], strict=True):
        charge = Decimal(swept.subtype)
        charged, received = plus(charged, charge), plus(received, gained.amount)
        into: dict[str, Json] = {} if gained.asset == "BNB" else {"targetAsset": gained.asset}
        details.append(
            {
                "fromAsset": swept.asset,
                "amount": _short(swept.amount.copy_negate()),
                "transferedAmount": amount_text(gained.amount),
                "serviceChargeAmount": amount_text(charge),
                "operateTime": str(milliseconds(swept.at)),
                "transId": swept.refid,
                **into,
            }
        )
    return {
        "operateTime": str(milliseconds(rows[0].at)),
        "totalServiceChargeAmount": amount_text(charged),
        "totalTransferedAmount": amount_text(received),
        "transId": rows[0].refid,
        "userAssetDribbletDetails": details,
    }


def subscription_row(row: LedgerRow) -> Row:
    """One entry of simple-earn/.../subscriptionRecord."""
    return {
        "amount": amount_text(row.amount.copy_negate()),
        "asset": row.asset,
        "time": milliseconds(row.at),
        "purchaseId": int(row.refid),
        "type": "NORMAL",
        "sourceAccount": "SPOT",
        "amtFromSpot": amount_text(row.amount.copy_negate()),
        "amtFromFunding": "0",
        "status": "SUCCESS",
    }


def redemption_row(row: LedgerRow) -> Row:
    """One entry of simple-earn/.../redemptionRecord."""
    return {
        "amount": amount_text(row.amount),
        "asset": row.asset,
        "time": milliseconds(row.at),
        "redeemId": int(row.refid),
        "destAccount": "SPOT",
        "status": "PAID",
    }


def transfer_row(row: LedgerRow) -> Row:
    """One entry of asset/transfer."""
    return {
        "timestamp": milliseconds(row.at),
        "asset": row.asset,
        "amount": _short(row.amount.copy_abs()),
        "type": row.subtype,
        "status": "CONFIRMED",
        "tranId": int(row.refid),
    }


def symbol_info(pair: Pair) -> Row:
    """One entry of exchangeInfo's `symbols`."""
    tick, lot = amount_text(pair.tick), amount_text(pair.order_minimum)
    return {
        "symbol": pair.id,
        "status": "TRADING",
        "baseAsset": pair.base,
        "baseAssetPrecision": DECIMALS,
        "quoteAsset": pair.quote,
        "quotePrecision": DECIMALS,
        "quoteAssetPrecision": DECIMALS,
        "baseCommissionPrecision": DECIMALS,
        "quoteCommissionPrecision": DECIMALS,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "100000.00000000", "stepSize": lot},
        ],
        "permissions": ["SPOT", "MARGIN"],
    }


def _clock_time(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%d %H:%M:%S")


def _short(amount: Decimal) -> str:
    """Without the zeros at its end, as the wallet's answers show amounts: `28.75`."""
    plain = amount_text(amount).rstrip("0")
    return plain.removesuffix(".")
