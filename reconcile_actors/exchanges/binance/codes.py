"""Binance's names for assets as unified codes: a pure table, held equal to ccxt's by a contract test.

A name in another script is written as domain names write it (punycode, RFC 3492), since everything here that holds a currency
holds ASCII.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_UNIFIED: Final[Mapping[str, str]] = {"XBT": "BTC", "BCHSV": "BSV", "YOYO": "YOYOW"}
# Nearly all are Latin capitals and digits; a few coins are listed by a name in another script.
_ASSET = re.compile(r"[\w.]{1,24}")
EARNING: Final = "LD"


@lru_cache(maxsize=4096)  # an account's assets are the same in every answer
def currency_code(asset: str) -> str | None:
    """The unified code of an asset; None for what cannot be one."""
    if not _ASSET.fullmatch(asset):
        return None
    return _UNIFIED.get(asset, asset) if asset.isascii() else f"xn--{asset.encode('punycode').decode('ascii')}"


def earning_code(asset: str) -> str | None:
    """The code under which flexible simple earn shows an asset among the balances: `LDBTC`. It is never merged into BTC."""
    return currency_code(EARNING + asset)
