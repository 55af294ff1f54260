"""Binance's names for assets as unified codes: a pure table, held equal to ccxt's by a contract test."""

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
    return _UNIFIED.get(asset, asset) if _ASSET.fullmatch(asset) else None


def earning_code(asset: str) -> str | None:
    """The code under which flexible simple earn shows an asset among the balances: `LDBTC`. It is never merged into BTC."""
    return currency_code(EARNING + asset)
