"""Coinbase's names for currencies and products, as unified ones: a pure table, held equal to ccxt's by a contract test."""

import re
from collections.abc import Mapping
from typing import Final

_UNIFIED: Final[Mapping[str, str]] = {"CGLD": "CELO", "XBT": "BTC", "BCHSV": "BSV"}
_NATIVE: Final[Mapping[str, str]] = {"CELO": "CGLD"}
_CODE = re.compile(r"[A-Za-z0-9]{1,24}", re.ASCII)
# Futures (`BIT-28JUL23-CDE`) and perpetuals (`BTC-PERP-INTX`): they settle in portfolios of their own.
_DERIVATIVE = re.compile(r"[A-Z0-9]{1,24}-(\d{1,2}[A-Z]{3}\d{2}-CDE|PERP-INTX)", re.ASCII)


def currency_code(native: str) -> str | None:
    """The unified code of a currency; None for what cannot be one."""
    return _UNIFIED.get(native, native) if _CODE.fullmatch(native) else None


def native_code(currency: str) -> str:
    """What Coinbase calls a unified currency."""
    return _NATIVE.get(currency, currency)


def symbol_of(product: str) -> str | None:
    """The unified symbol of a spot product: `BTC-USD` is BTC/USD; None for any other."""
    base, dash, quote = product.partition("-")
    codes = currency_code(base), currency_code(quote)
    return f"{codes[0]}/{codes[1]}" if dash and codes[0] and codes[1] else None


def is_derivative(product: str) -> bool:
    """Whether a product is a future or perpetual, which moves nothing in spot by itself."""
    return _DERIVATIVE.fullmatch(product) is not None
