"""Kraken's names for assets and pairs, as unified codes: a pure table, held equal to ccxt's by a contract test.

Kraken writes old assets with a prefix (`XXBT`, `ZUSD`) and new ones without; ccxt renames a few more (`LUNA` is LUNC).
"""

from collections.abc import Mapping
from typing import Final

_UNIFIED: Final[Mapping[str, str]] = {
    "BCHSV": "BSV",
    "FEE": "KFEE",
    "LUNA": "LUNC",
    "LUNA2": "LUNA",
    "REP": "REPV1",
    "REPV2": "REP",
    "UST": "USTC",
    "XBT": "BTC",
    "XDG": "DOGE",
    "XETC": "ETC",
    "XETH": "ETH",
    "XLTC": "LTC",
    "XMLN": "MLN",
    "XREP": "REP",
    "XXBT": "BTC",
    "XXDG": "DOGE",
    "XXLM": "XLM",
    "XXMR": "XMR",
    "XXRP": "XRP",
    "XZEC": "ZEC",
    "ZAUD": "AUD",
    "ZCAD": "CAD",
    "ZEUR": "EUR",
    "ZGBP": "GBP",
    "ZJPY": "JPY",
    "ZUSD": "USD",
}
# The names that stand in pairs (`XBTUSD`), where they differ from the unified ones.
_ALTNAMES: Final[Mapping[str, str]] = {
    "BTC": "XBT",
    "DOGE": "XDG",
    "LUNC": "LUNA",
    "LUNA": "LUNA2",
    "REP": "REPV2",
    "REPV1": "REP",
    "USTC": "UST",
    "BSV": "BCHSV",
    "KFEE": "FEE",
}


def currency_code(native: str) -> str:
    """The unified code of an asset id without suffix: `XXBT` is BTC."""
    upper = native.upper()
    return _UNIFIED.get(upper, upper)


def altname(currency: str) -> str:
    """What Kraken calls a unified currency in the names of pairs: BTC is `XBT`."""
    return _ALTNAMES.get(currency, currency)


def is_pair_of(pair: str, base: str, quote: str) -> bool:
    """Whether Kraken's pair id or altname (`XXBTZUSD`, `XBTUSD`) names the market base/quote (unified codes)."""
    return any(currency_code(pair[:cut]) == base and currency_code(pair[cut:]) == quote for cut in range(1, len(pair)))
