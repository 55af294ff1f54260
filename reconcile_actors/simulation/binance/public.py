"""Endpoints for everyone: time, exchangeInfo, ticker/price."""

import json
from collections.abc import Callable, Mapping

from reconcile_actors.simulation.binance.errors import BinanceError
from reconcile_actors.simulation.binance.instruments import BINANCE
from reconcile_actors.simulation.binance.limits import DEFAULT_LIMITS, Weight
from reconcile_actors.simulation.binance.wire import amount_text, milliseconds, symbol_info
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.market import Market

PublicEndpoint = Callable[[Market, Mapping[str, str], float], Json]


def server_time(_market: Market, _parameters: Mapping[str, str], now: float) -> Json:
    """`{"serverTime"}` in milliseconds."""
    return {"serverTime": milliseconds(now)}


def exchange_info(_market: Market, _parameters: Mapping[str, str], now: float) -> Json:
    """All markets."""
    limit: Json = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": DEFAULT_LIMITS.api,
    }
    return {
        "timezone": "UTC",
        "serverTime": milliseconds(now),
        "rateLimits": [limit],
        "exchangeFilters": [],
        "symbols": [symbol_info(pair) for pair in BINANCE.pairs.values()],
    }


def ticker_price(market: Market, parameters: Mapping[str, str], _now: float) -> Json:
    """`[{"symbol", "price"}]` of the symbols named, a JSON list, or of all; one unknown symbol refuses the request."""
    try:
        named = json.loads(parameters.get("symbols") or "[]")
    except ValueError:
        raise BinanceError(-1100, "Illegal characters found in parameter 'symbols'.") from None
    if not set(named) <= set(BINANCE.pairs):
        raise BinanceError(-1121, "Invalid symbol.")
    return [{"symbol": name, "price": amount_text(market.price(name))} for name in named or BINANCE.pairs]


PUBLIC: dict[str, tuple[Weight, PublicEndpoint]] = {
    "time": (Weight(api=1), server_time),
    "exchangeInfo": (Weight(api=20), exchange_info),
    "ticker/price": (Weight(api=4), ticker_price),
}
