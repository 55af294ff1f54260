"""How the exchange writes things down: accounts, fills, transactions and products. Shapes follow the published REST APIs v3 and v2.

Amounts are strings made from Decimal, with the currency beside them.
"""

from datetime import UTC, datetime
from decimal import Decimal

from reconcile_actors.simulation.coinbase.auth import User
from reconcile_actors.simulation.coinbase.instruments import DECIMALS, FIAT, listing_of
from reconcile_actors.simulation.instruments import Pair
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.ledger import Holding
from reconcile_actors.simulation.money import minus, text
from reconcile_actors.simulation.records import Fill, Funding, FundingKind, FundingStatus, LedgerRow, OrderType, Side

_STATUS = {FundingStatus.PENDING: "pending", FundingStatus.SUCCESS: "completed", FundingStatus.FAILURE: "failed"}
_TYPES = {"staking": "staking_reward", "spend": "trade", "receive": "trade", "adjustment": "clawback"}


def instant(at: float) -> str:
    """A time with microseconds, as v3 writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def second(at: float) -> str:
    """A time in whole seconds, as v2 writes it."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account_row(user: User, asset: str, holding: Holding, made_at: float) -> dict[str, Json]:
    """One entry of `accounts`: what is available and what open orders hold; their sum is the balance."""
    currency, kind, name, _ = listing_of(asset)
    return {
        "uuid": user.uuid_of(asset),
        "name": name,
        "currency": currency,
        "available_balance": _value(currency, minus(holding.balance, holding.hold)),
        "default": True,
        "active": True,
        "created_at": instant(made_at),
        "updated_at": instant(made_at),
        "deleted_at": None,
        "type": kind,
        "ready": True,
        "hold": _value(currency, holding.hold),
    }


def fill_row(user: User, fill: Fill) -> dict[str, Json]:
    """One entry of `fills`. A market buy is placed by what it spends, and so its size is stated in the quote currency."""
    in_quote = fill.order_type is OrderType.MARKET and fill.side is Side.BUY
    size = text(fill.cost, DECIMALS) if in_quote else text(fill.volume, fill.pair.lot_decimals)
    return {
        "entry_id": fill.counter_id.replace("-", "") * 2,
        "trade_id": fill.id,
        "order_id": fill.order_id,
        "trade_time": f"{instant(fill.at)[:-1]}377Z",  # nanoseconds, of which the account's clock knows nothing
        "trade_type": "FILL",
        "price": text(fill.price, fill.pair.price_decimals),
        "size": size,
        "commission": text(fill.fee_charged, DECIMALS),
        "product_id": fill.pair.id,
        "sequence_timestamp": instant(fill.at),
        "liquidity_indicator": "MAKER" if fill.maker else "TAKER",
        "size_in_quote": in_quote,
        "user_id": user.id,
        "side": fill.side.value.upper(),
    }


def funding_row(user: User, funding: Funding, settled_at: float) -> dict[str, Json]:
    """A deposit or withdrawal: its amount is signed and includes the network's fee."""
    currency = listing_of(funding.asset).currency
    out = funding.kind is FundingKind.WITHDRAWAL
    kind = f"fiat_{funding.kind.value}" if currency in FIAT else "send"
    amount = minus(funding.amount.copy_negate() if out else funding.amount, funding.fee)
    row = _transaction(user, funding.asset, funding.refid, kind, amount=amount, at=funding.at)
    row |= {"status": _STATUS[funding.status], "updated_at": second(settled_at)}
    if kind == "send":
        row["network"] = _on_chain(funding)
        other: dict[str, Json] = {"resource": "network", "currency": currency}
        row["to" if out else "from"] = {**other, "address": funding.address} if out else other
    else:
        row[kind] = {"id": funding.refid, "resource": kind, "resource_path": f"/v2/{kind}s/{funding.refid}"}
        row["details"] = {"title": kind, "subtitle": currency, "payment_method_name": "bank"}
    return row


def ledger_row(user: User, row: LedgerRow, fill: Fill | None) -> dict[str, Json]:
    """Any other transaction; a fill appears in both of its accounts, as what it moved there."""
    amount = minus(row.amount, row.fee)
    if fill is not None:
        listed = _transaction(user, row.asset, row.id, "advanced_trade_fill", amount=amount, at=row.at)
        listed["advanced_trade_fill"] = {
            "commission": text(fill.fee_charged, DECIMALS),
            "fill_price": text(fill.price, fill.pair.price_decimals),
            "order_id": fill.order_id,
            "order_side": fill.side.value,
            "product_id": fill.pair.id,
        }
        return listed
    if row.type == "transfer":
        return _transaction(user, row.asset, row.refid, _transfer_type(row), amount=amount, at=row.at)
    # both sides of a conversion are transactions of their own
    own_id = row.id if row.type in {"spend", "receive"} else row.refid
    return _transaction(user, row.asset, own_id, _TYPES.get(row.type, row.type), amount=amount, at=row.at)


def product_row(pair: Pair, price: Decimal) -> dict[str, Json]:
    """One entry of `products`."""
    return {
        "product_id": pair.id,
        "price": text(price, pair.price_decimals),
        "price_percentage_change_24h": "0",
        "volume_24h": "1",
        "volume_percentage_change_24h": "0",
        "base_increment": text(Decimal((0, (1,), -pair.lot_decimals)), pair.lot_decimals),
        "quote_increment": text(pair.tick, pair.price_decimals),
        "quote_min_size": "1",
        "quote_max_size": "10000000",
        "base_min_size": f"{pair.order_minimum:f}",
        "base_max_size": "100000",
        "base_name": pair.base,
        "quote_name": pair.quote,
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": pair.quote,
        "base_currency_id": pair.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
    }


def _transaction(user: User, asset: str, own_id: str, kind: str, *, amount: Decimal, at: float) -> dict[str, Json]:
    currency = listing_of(asset).currency
    return {
        "id": own_id,
        "type": kind,
        "status": "completed",
        "amount": {"amount": text(amount, DECIMALS), "currency": currency},
        "native_amount": {"amount": "0.00", "currency": "USD"},
        "description": None,
        "created_at": second(at),
        "updated_at": second(at),
        "resource": "transaction",
        "resource_path": f"/v2/accounts/{user.uuid_of(asset)}/transactions/{own_id}",
        "instant_exchange": False,
        "details": {"title": kind, "subtitle": currency},
    }


def _on_chain(funding: Funding) -> dict[str, Json]:
    currency = listing_of(funding.asset).currency
    chain: dict[str, Json] = {
        "status": "pending" if funding.status is FundingStatus.PENDING else "confirmed",
        "hash": funding.txid,
        "transaction_url": f"https://chain.example/tx/{funding.txid}",
    }
    if funding.kind is FundingKind.WITHDRAWAL:
        chain["transaction_fee"] = {"amount": text(funding.fee, DECIMALS), "currency": currency}
        chain["transaction_amount"] = {"amount": text(funding.amount, DECIMALS), "currency": currency}
        chain["confirmations"] = 1
    return chain


def _transfer_type(row: LedgerRow) -> str:
    return "vault_withdrawal" if row.asset.endswith(".V") and row.amount < 0 else "transfer"


def _value(currency: str, amount: Decimal) -> dict[str, Json]:
    return {"value": text(amount, DECIMALS), "currency": currency}
