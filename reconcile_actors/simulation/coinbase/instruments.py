"""What the simulated Coinbase lists, and how: a wallet of one currency is an account with a uuid and a type.

A code without suffix is the wallet that trades (`BTC`), `BTC.V` a vault of it, `DOT.S` a second wallet of the same currency,
`USDC.P` collateral of perpetuals: on the wire each is an account of its currency.
"""

from decimal import Decimal
from typing import NamedTuple

from reconcile_actors.simulation.instruments import Asset, Catalogue, Pair

DECIMALS = 16
FIAT = frozenset({"USD", "EUR", "GBP"})
_CODES = (
    *("USD", "EUR", "GBP", "USDC", "USDT", "BTC", "ETH", "SOL", "DOT", "ADA", "CGLD"),
    *("BTC.V", "ETH.V", "USD.V", "DOT.S", "ADA.S", "USDC.P"),
)
_UNIFIED = {"CGLD": "CELO"}


class Listing(NamedTuple):
    """How the exchange shows one asset: currency, account type, name, and the wallet that a trading process calls it."""

    currency: str
    type: str
    name: str
    wallet: str


def listing_of(asset: str) -> Listing:
    """The account of an asset."""
    currency, _, suffix = asset.partition(".")
    match suffix:
        case "V":
            return Listing(currency, "ACCOUNT_TYPE_VAULT", f"{currency} Vault", "vault")
        case "P":
            return Listing(currency, "ACCOUNT_TYPE_PERP_FUTURES", f"{currency} Perpetuals", "perpetuals")
        case "S":
            return Listing(currency, "ACCOUNT_TYPE_CRYPTO", f"Staked {currency}", "spot")
        case _:
            kind = "ACCOUNT_TYPE_FIAT" if currency in FIAT else "ACCOUNT_TYPE_CRYPTO"
            return Listing(currency, kind, f"{currency} Wallet", "spot")


def place_of(asset: str) -> tuple[str, str]:
    """Wallet and unified currency of an asset, for `Trader(places=...)`."""
    listing = listing_of(asset)
    return listing.wallet, _UNIFIED.get(listing.currency, listing.currency)


def _pair(base: str, quote: str, *, price: str, tick: int, step: str) -> Pair:
    return Pair(
        id=f"{base}-{quote}",
        altname=f"{base}-{quote}",
        wsname=f"{base}/{quote}",
        base=base,
        quote=quote,
        price_decimals=tick,
        cost_decimals=DECIMALS,
        lot_decimals=8,
        order_minimum=Decimal("0.00000001"),
        cost_minimum=Decimal(1),
        opening_price=Decimal(price),
        trade_step=Decimal(step),
    )


COINBASE = Catalogue(
    (Asset(code, code, DECIMALS, DECIMALS) for code in _CODES),
    (
        _pair("BTC", "USD", price="60000.00", tick=2, step="0.001"),
        _pair("ETH", "USD", price="3000.00", tick=2, step="0.01"),
        _pair("ETH", "BTC", price="0.05000", tick=5, step="0.01"),
        _pair("USDT", "USD", price="1.0000", tick=4, step="1"),
        _pair("BTC", "EUR", price="55000.00", tick=2, step="0.001"),
        _pair("SOL", "USD", price="150.00", tick=2, step="0.01"),
        _pair("DOT", "USD", price="6.000", tick=3, step="1"),
        _pair("CGLD", "USD", price="0.500", tick=3, step="1"),
    ),
)
COINBASE_PAIRS = ("BTC-USD", "ETH-USD", "ETH-BTC", "USDT-USD")
"""What a simulated trader trades there."""
COINBASE_FUNDS = ("BTC", "ETH", "DOT.S", ("BTC", "BTC.V"))
"""What it deposits, withdraws and earns, and what it puts into a vault."""
