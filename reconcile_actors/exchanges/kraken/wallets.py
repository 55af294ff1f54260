"""Which wallet an asset id speaks of: Kraken marks what is not freely tradable by a suffix, and nothing is merged over wallets.

`XXBT` is BTC in `spot`, `XBT.F` is BTC in `flexible`, `ETH2.S` is ETH2 in `staked`. A suffix that is not listed is a wallet of
its own, so that value in it is never counted as spot.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from reconcile_actors.exchanges.kraken.codes import currency_code
from reconcile_actors.exchanges.rows import Place

SPOT: Final = "spot"
_BY_SUFFIX: Final[Mapping[str, str]] = {
    "F": "flexible",
    "S": "staked",
    "B": "bonded",
    "M": "rewards",
    "P": "parachain",
    "HOLD": "hold",
}
_ASSET = re.compile(r"[A-Za-z0-9]{1,24}(\.[A-Za-z0-9]{1,24}){0,2}", re.ASCII)


@lru_cache(maxsize=4096)  # an account's assets are the same in every answer
def place_of(asset: str) -> Place | None:
    """The place of Kraken's asset id; None for what cannot be one."""
    if not _ASSET.fullmatch(asset):
        return None
    native, _, suffix = asset.partition(".")
    wallet = _BY_SUFFIX.get(suffix.upper(), suffix.lower()) if suffix else SPOT
    return Place(wallet, currency_code(native))
