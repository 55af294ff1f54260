"""How an exchange settles contracts: what the fill of one moves in cash besides its fee.

Declared by exchange id and known without opening a gateway: the book takes a reported fill by it and the gateway a listed
one, so that both come to the same amounts to the last digit.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Settlement(StrEnum):
    """`APART`: profit, loss and funding come as entries of their own, a fill moves the position alone. `NOTIONAL`: a fill
    exchanges the position for quantity x price of the settlement currency, as if the contract were bought outright."""

    APART = "apart"
    NOTIONAL = "notional"


_BY_EXCHANGE: Final[Mapping[str, Settlement]] = {"dydx": Settlement.NOTIONAL}


def settlement_of(exchange_id: str) -> Settlement:
    """The settlement of an exchange's contracts."""
    return _BY_EXCHANGE.get(exchange_id, Settlement.APART)
