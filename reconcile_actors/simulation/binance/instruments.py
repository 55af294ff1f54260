"""What the simulated Binance lists: every amount has eight decimals, and `LD` marks what earns of an asset."""

from decimal import Decimal

from reconcile_actors.simulation.instruments import Asset, Catalogue, Pair

DECIMALS = 8
EARNING = "LD"
_EARNING = ("LDBTC", "LDETH", "LDUSDT", "LDBNB")
_CODES = ("BTC", "ETH", "BNB", "USDT", "USDC", "EUR", "SOL", "DOT", "ADA", "YOYO", "币安人生", *_EARNING)


def _pair(base: str, quote: str, *, price: str, tick: int, lot: int, step: str) -> Pair:
    return Pair(
        id=base + quote,
        altname=base + quote,
        wsname=f"{base}/{quote}",
        base=base,
        quote=quote,
        price_decimals=tick,
        cost_decimals=DECIMALS,
        lot_decimals=lot,
        order_minimum=Decimal((0, (1,), -lot)),
        cost_minimum=Decimal(5),
        opening_price=Decimal(price),
        trade_step=Decimal(step),
    )


BINANCE = Catalogue(
    (Asset(code, code, DECIMALS, DECIMALS) for code in _CODES),
    (
        _pair("BTC", "USDT", price="60000.00", tick=2, lot=5, step="0.001"),
        _pair("ETH", "USDT", price="3000.00", tick=2, lot=4, step="0.01"),
        _pair("ETH", "BTC", price="0.05000", tick=5, lot=3, step="0.01"),
        _pair("BNB", "USDT", price="600.00", tick=2, lot=3, step="0.01"),
        _pair("BNB", "BTC", price="0.010000", tick=6, lot=2, step="0.01"),
        _pair("SOL", "USDT", price="150.00", tick=2, lot=3, step="0.01"),
        _pair("DOT", "USDT", price="6.000", tick=3, lot=2, step="1"),
        _pair("ADA", "USDT", price="0.4000", tick=4, lot=1, step="1"),
        _pair("USDC", "USDT", price="1.0000", tick=4, lot=0, step="1"),
        _pair("YOYO", "BTC", price="0.00000100", tick=8, lot=0, step="1"),
    ),
)
BINANCE_PAIRS = ("BTCUSDT", "ETHUSDT", "ETHBTC", "SOLUSDT")
"""What a simulated trader trades there."""
BINANCE_FUNDS = ("BTC", "ETH", "SOL", ("BTC", "LDBTC"))
"""What it deposits, withdraws and earns, and what it puts into simple earn and takes back."""
