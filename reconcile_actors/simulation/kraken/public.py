"""Endpoints for everyone: Time, SystemStatus, Assets, AssetPairs, Ticker."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from reconcile_actors.simulation.instruments import ASSETS, PAIRS, Pair, UnknownInstrumentError, find_asset, find_pair
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.kraken.errors import KrakenError
from reconcile_actors.simulation.kraken.wire import asset_info, pair_info
from reconcile_actors.simulation.market import Market, spread
from reconcile_actors.simulation.money import text

PublicEndpoint = Callable[[Market, Mapping[str, str], float], Json]


def server_time(_market: Market, _parameters: Mapping[str, str], now: float) -> Json:
    """`{"unixtime", "rfc1123"}` of the server's own clock."""
    return {"unixtime": int(now), "rfc1123": datetime.fromtimestamp(now, UTC).strftime("%a, %d %b %y %H:%M:%S +0000")}


def system_status(_market: Market, _parameters: Mapping[str, str], now: float) -> Json:
    """Always online: a fault answers for the rest."""
    return {"status": "online", "timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def assets(_market: Market, parameters: Mapping[str, str], _now: float) -> Json:
    """`{code: info}` of the assets named, or of all."""
    try:
        chosen = [find_asset(name) for name in _names(parameters, "asset")] or list(ASSETS.values())
    except UnknownInstrumentError:
        raise KrakenError("EQuery:Unknown asset") from None
    return {asset.code: asset_info(asset) for asset in chosen}


def asset_pairs(_market: Market, parameters: Mapping[str, str], _now: float) -> Json:
    """`{id: info}` of the pairs named, or of all."""
    return {pair.id: pair_info(pair) for pair in _pairs(parameters)}


def ticker(market: Market, parameters: Mapping[str, str], _now: float) -> Json:
    """`{id: ticker}` of the pairs named, or of all."""
    return {pair.id: _ticker(market, pair) for pair in _pairs(parameters)}


def _ticker(market: Market, pair: Pair) -> Json:
    with market.lock:
        price = market.price(pair.id)
        low, high = market.extremes(pair.id)
    bid, ask = (text(value, pair.cost_decimals) for value in spread(pair, price))
    last, lowest, highest = (text(value, pair.cost_decimals) for value in (price, low, high))
    lot = text(Decimal(1), pair.lot_decimals)
    return {
        "a": [ask, "1", "1.000"],
        "b": [bid, "1", "1.000"],
        "c": [last, lot],
        "v": [lot, lot],
        "p": [last, last],
        "t": [1, 1],
        "l": [lowest, lowest],
        "h": [highest, highest],
        "o": text(pair.opening_price, pair.cost_decimals),
    }


def _pairs(parameters: Mapping[str, str]) -> list[Pair]:
    try:
        return [find_pair(name) for name in _names(parameters, "pair")] or list(PAIRS.values())
    except UnknownInstrumentError:
        raise KrakenError("EQuery:Unknown asset pair") from None


def _names(parameters: Mapping[str, str], name: str) -> list[str]:
    return [part for part in parameters.get(name, "").split(",") if part]


PUBLIC: dict[str, PublicEndpoint] = {
    "Time": server_time,
    "SystemStatus": system_status,
    "Assets": assets,
    "AssetPairs": asset_pairs,
    "Ticker": ticker,
}
