"""What is traded: assets and pairs in the exchange's own codes, with decimals and minimums as the exchange publishes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


class UnknownInstrumentError(LookupError):
    """No asset or pair has that code."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset, or one suffix wallet of it (`XBT.F` is what earns, `XXBT` is what trades)."""

    code: str
    altname: str
    decimals: int
    display_decimals: int


@dataclass(frozen=True, slots=True)
class Pair:
    """One market. `trade_step` is the lot that the simulated traders use: tick x step fits the quote's decimals exactly."""

    id: str
    altname: str
    wsname: str
    base: str
    quote: str
    price_decimals: int
    cost_decimals: int
    lot_decimals: int
    order_minimum: Decimal
    cost_minimum: Decimal
    opening_price: Decimal
    trade_step: Decimal

    @property
    def tick(self) -> Decimal:
        """The smallest price step."""
        return Decimal((0, (1,), -self.price_decimals))


_ASSETS = (
    Asset("XXBT", "XBT", 10, 5),
    Asset("XETH", "ETH", 10, 5),
    Asset("XXRP", "XRP", 8, 5),
    Asset("XREP", "REP", 10, 5),
    Asset("REPV2", "REPV2", 10, 5),
    Asset("ZUSD", "USD", 4, 2),
    Asset("ZEUR", "EUR", 4, 2),
    Asset("ZGBP", "GBP", 4, 2),
    Asset("USDT", "USDT", 8, 4),
    Asset("USDC", "USDC", 8, 4),
    Asset("SOL", "SOL", 10, 5),
    Asset("DOT", "DOT", 10, 5),
    Asset("ADA", "ADA", 8, 6),
    Asset("XBT.F", "XBT.F", 10, 5),
    Asset("XBT.M", "XBT.M", 10, 5),
    Asset("ETH.F", "ETH.F", 10, 5),
    Asset("ETH2.S", "ETH2.S", 10, 5),
    Asset("DOT.S", "DOT.S", 10, 5),
    Asset("SOL.F", "SOL.F", 10, 5),
    Asset("USD.F", "USD.F", 4, 2),
    Asset("EUR.F", "EUR.F", 4, 2),
)


def _pair(
    base: str,
    quote: str,
    *,
    price_decimals: int,
    minimum: str,
    price: str,
    step: str,
    cost_decimals: int = 5,
    cost_minimum: str = "0.5",
) -> Pair:
    """A pair whose names follow the exchange's habit: ids of old markets join the codes, ids of new ones the altnames."""
    base_name, quote_name = ASSETS[base].altname, ASSETS[quote].altname
    altname = base_name + quote_name
    return Pair(
        id=base + quote if base in _OLD_MARKETS else altname,
        altname=altname,
        wsname=f"{base_name}/{quote_name}",
        base=base,
        quote=quote,
        price_decimals=price_decimals,
        cost_decimals=cost_decimals,
        lot_decimals=8,
        order_minimum=Decimal(minimum),
        cost_minimum=Decimal(cost_minimum),
        opening_price=Decimal(price),
        trade_step=Decimal(step),
    )


ASSETS = {asset.code: asset for asset in _ASSETS}
_OLD_MARKETS = {"XXBT", "XETH", "USDT"}
_PAIRS = (
    _pair("XXBT", "ZUSD", price_decimals=1, minimum="0.00005", price="60000.0", step="0.001"),
    _pair("XETH", "ZUSD", price_decimals=2, minimum="0.002", price="3000.00", step="0.01"),
    _pair(
        "XETH",
        "XXBT",
        price_decimals=5,
        minimum="0.002",
        price="0.05000",
        step="0.01",
        cost_decimals=10,
        cost_minimum="0.00002",
    ),
    _pair("USDT", "ZUSD", price_decimals=4, minimum="5", price="1.0000", step="1"),
    _pair("XXBT", "ZEUR", price_decimals=1, minimum="0.00005", price="55000.0", step="0.001"),
    _pair("SOL", "ZUSD", price_decimals=2, minimum="0.02", price="150.00", step="0.01"),
    _pair("DOT", "ZUSD", price_decimals=4, minimum="0.5", price="6.0000", step="1"),
)
PAIRS = {pair.id: pair for pair in _PAIRS}


class Catalogue:
    """What one exchange lists, by its own codes."""

    def __init__(self, assets: Iterable[Asset], pairs: Iterable[Pair]) -> None:
        """Codes and names are looked up as they stand; a code goes before another asset's name."""
        self.assets = {asset.code: asset for asset in assets}
        self.pairs = {pair.id: pair for pair in pairs}

    def asset(self, name: str) -> Asset:
        """The asset with that code or altname; raises `UnknownInstrumentError`."""
        if name in self.assets:
            return self.assets[name]
        for candidate in self.assets.values():
            if candidate.altname == name:
                return candidate
        raise UnknownInstrumentError(name)

    def pair(self, name: str) -> Pair:
        """The pair with that id, altname or slashed name; raises `UnknownInstrumentError`."""
        if name in self.pairs:
            return self.pairs[name]
        for candidate in self.pairs.values():
            if name in {candidate.altname, candidate.wsname}:
                return candidate
        raise UnknownInstrumentError(name)


KRAKEN = Catalogue(_ASSETS, _PAIRS)


def find_asset(name: str) -> Asset:
    """Kraken's asset with that code or altname; raises `UnknownInstrumentError`."""
    return KRAKEN.asset(name)


def find_pair(name: str) -> Pair:
    """Kraken's pair with that id, altname or slashed name; raises `UnknownInstrumentError`."""
    return KRAKEN.pair(name)
