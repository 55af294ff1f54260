"""How the indexer writes things down. Amounts are plain decimal strings without trailing zeros, times ISO 8601 with milliseconds."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.markets import INITIAL_MARGIN, PerpetualMarket
from reconcile_actors.simulation.dydx.records import FundingPayment, OpenPosition, PerpFill, PerpTransfer
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.money import ZERO, minus, plus, rounded, times

_AVERAGE_DECIMALS = 20


def plain(amount: Decimal) -> str:
    """An amount as the indexer shows it: `0.25`, `-4.1368`, `60000`."""
    shown = f"{amount:f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return "0" if shown in {"-0", ""} else shown


def iso(at: float) -> str:
    """Unix seconds as `2025-07-14T07:53:55.631Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def subaccount_row(account: Subaccount, now: float, as_of: float | None) -> dict[str, Json]:
    """One subaccount: now, or as the indexer knew it at Unix seconds `as_of`."""
    with account.chain.lock:
        held, usdc = account.holdings(as_of), account.usdc(as_of)
        assets: dict[str, Json] = {}
        if usdc:
            side = "LONG" if usdc > ZERO else "SHORT"
            assets["USDC"] = {
                "size": plain(abs(usdc)),
                "symbol": "USDC",
                "side": side,
                "assetId": "0",
                "subaccountNumber": account.number,
            }
        seen = now if as_of is None else as_of
        return {
            "address": account.address,
            "subaccountNumber": account.number,
            "equity": plain(account.equity(as_of)),
            "freeCollateral": plain(account.free_collateral(as_of)),
            "openPerpetualPositions": {
                ticker: _position_row(account, position, as_of) for ticker, position in held.positions.items()
            },
            "assetPositions": assets,
            "marginEnabled": True,
            "updatedAtHeight": str(account.chain.height(held.at) if held.at else 0),
            "latestProcessedBlockHeight": str(account.chain.height(seen)),
        }


def _position_row(account: Subaccount, position: OpenPosition, as_of: float | None) -> dict[str, Json]:
    funding = plus(position.settled_funding, account.unsettled_of(position, as_of))
    entry, left = _average(position.entry_price), position.exit_price
    closed = ZERO if left is None else times(minus(_average(left), entry), position.sum_close)
    oracle = account.chain.price(position.market.ticker)
    long = position.size > ZERO
    return {
        "market": position.market.ticker,
        "status": "OPEN",
        "side": "LONG" if long else "SHORT",
        "size": plain(position.size),
        "maxSize": plain(position.max_size),
        "entryPrice": plain(entry),
        "exitPrice": None if left is None else plain(_average(left)),
        "realizedPnl": plain(plus(closed if long else closed.copy_negate(), funding)),
        "unrealizedPnl": plain(times(minus(oracle, entry), position.size)),
        "createdAt": iso(position.opened.at),
        "createdAtHeight": str(position.opened.height),
        "closedAt": None,
        "sumOpen": plain(position.sum_open),
        "sumClose": plain(position.sum_close),
        "netFunding": plain(funding),
        "subaccountNumber": account.number,
    }


def fill_row(fill: PerpFill, number: int) -> dict[str, Json]:
    """One entry of fills. A fee of the order's builder is told where there is one."""
    built: dict[str, Json] = {"builderFee": plain(fill.builder_fee)} if fill.builder_fee else {}
    return {
        "id": fill.id,
        "side": fill.side.value.upper(),
        "liquidity": "MAKER" if fill.maker else "TAKER",
        "type": fill.type,
        "market": fill.market.ticker,
        "marketType": "PERPETUAL",
        "price": plain(fill.price),
        "size": plain(fill.size),
        "fee": plain(fill.fee),
        "createdAt": iso(fill.stamp.at),
        "createdAtHeight": str(fill.stamp.height),
        "orderId": fill.order_id,
        "clientMetadata": "0",
        "subaccountNumber": number,
        **built,
    }


def transfer_row(transfer: PerpTransfer, account: Subaccount) -> dict[str, Json]:
    """One entry of transfers. A wallet has an address and no number."""
    own: dict[str, Json] = {"address": account.address, "subaccountNumber": account.number}
    other: dict[str, Json] = {"address": transfer.other_address}
    if transfer.other_number is not None:
        other["subaccountNumber"] = transfer.other_number
    return {
        "id": transfer.id,
        "sender": other if transfer.is_incoming else own,
        "recipient": own if transfer.is_incoming else other,
        "size": plain(transfer.size),
        "createdAt": iso(transfer.stamp.at),
        "createdAtHeight": str(transfer.stamp.height),
        "symbol": "USDC",
        "type": transfer.type,
        "transactionHash": transfer.transaction_hash,
    }


def payment_row(payment: FundingPayment, account: Subaccount) -> dict[str, Json]:
    """One entry of fundingPayments; there is no id in it."""
    return {
        "createdAt": iso(payment.stamp.at),
        "createdAtHeight": str(payment.stamp.height),
        "perpetualId": str(payment.market.clob_pair_id),
        "ticker": payment.market.ticker,
        "oraclePrice": plain(payment.oracle_price),
        "size": plain(payment.size),
        "side": "LONG" if payment.size > ZERO else "SHORT",
        "rate": plain(payment.rate),
        "payment": plain(payment.payment),
        "subaccountNumber": str(account.number),
        "fundingIndex": plain(account.chain.index(payment.market.ticker, payment.stamp.at)),
    }


def market_row(market: PerpetualMarket, chain: Chain) -> dict[str, Json]:
    """One entry of perpetualMarkets."""
    return {
        "clobPairId": str(market.clob_pair_id),
        "ticker": market.ticker,
        "status": "ACTIVE",
        "oraclePrice": plain(chain.price(market.ticker)),
        "priceChange24H": "0",
        "volume24H": "0",
        "trades24H": 0,
        "nextFundingRate": "0",
        "initialMarginFraction": plain(INITIAL_MARGIN),
        "maintenanceMarginFraction": "0.03",
        "openInterest": "0",
        "atomicResolution": market.atomic_resolution,
        "quantumConversionExponent": -9,
        "tickSize": plain(market.tick),
        "stepSize": plain(market.step),
        "stepBaseQuantums": int(market.step.scaleb(-market.atomic_resolution)),
        "subticksPerTick": 100000,
        "marketType": "CROSS",
        "openInterestLowerCap": "0",
        "openInterestUpperCap": "0",
        "baseOpenInterest": "0",
        "defaultFundingRate1H": "0",
    }


def _average(price: Decimal) -> Decimal:
    return rounded(price, _AVERAGE_DECIMALS, ROUND_HALF_UP)
