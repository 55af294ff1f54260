"""What the indexer's history lists, as movements: fills, transfers of USDC, and funding payments, which bear no id."""

import re
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.settlement import settlement_of
from reconcile_actors.exchanges.dydx.fields import USDC, amount_of, distrusted, instant_of, symbol_of, text_of

DYDX: Final = "dydx"
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_SIGNS: Final = {"DEPOSIT": 1, "TRANSFER_IN": 1, "WITHDRAWAL": -1, "TRANSFER_OUT": -1}

Row = dict[str, object]


class Reader:
    """Of one subaccount, whose rows move the one wallet of the account `exchange`."""

    def __init__(self, exchange: str, wallet: str, address: str, number: int) -> None:
        self._exchange = exchange
        self._wallet = wallet
        self._address = address
        self._number = number

    def fill(self, row: Row) -> Movement:
        """One entry of fills, of whatever type: a liquidation moves as much as an order. Raises ExchangeFailureError.

        What the order's builder takes comes on top of the fee; an order router is paid out of it.
        """
        self._require_own(row)
        symbol, side = symbol_of(row.get("market")), text_of(row, "side").lower()
        size, price = amount_of(row, "size"), amount_of(row, "price")
        if symbol is None or row.get("marketType", "PERPETUAL") != "PERPETUAL":
            raise distrusted("unknown_market")
        if side not in {"buy", "sell"} or size <= 0 or price < 0:
            raise distrusted("fill_row")
        order_id = row.get("orderId")
        effects = fill_effects(
            self._wallet,
            symbol,
            side,
            size,
            price,
            fee_currency=USDC,
            fee=money.add(amount_of(row, "fee"), self._built(row)),
            settlement=settlement_of(DYDX),
        )
        return Movement(
            exchange=self._exchange,
            wallet=self._wallet,
            type=MovementType.FILL,
            id=id_of(row),
            effects=effects,
            instrument=symbol,
            order_id=order_id if isinstance(order_id, str) and order_id else None,
            side=side,
            occurred_at=instant_of(row),
        )

    def transfer(self, row: Row) -> Movement:
        """One entry of transfers. One of a type that is not known counts by who gets it. Raises ExchangeFailureError."""
        kind, size = text_of(row, "type"), amount_of(row, "size")
        if text_of(row, "symbol") != USDC or size <= 0:
            raise distrusted("transfer_row")
        sign = _SIGNS.get(kind)
        if sign is None:
            sign = int(self._is_own(row.get("recipient"))) - int(self._is_own(row.get("sender")))
        if sign == 0:
            raise distrusted("another_subaccount")
        return self._cash(MovementType.TRANSFER, id_of(row), money.multiply(Decimal(sign), size), row, USDC)

    def funding(self, row: Row) -> Movement:
        """One entry of fundingPayments: positive when the account gains. Raises ExchangeFailureError."""
        self._require_own(row)
        symbol = symbol_of(row.get("ticker"))
        if symbol is None:
            raise distrusted("unknown_market")
        return self._cash(MovementType.FUNDING, None, amount_of(row, "payment"), row, symbol)

    def _cash(self, kind: MovementType, id_: str | None, amount: Decimal, row: Row, instrument: str) -> Movement:
        effects = {Leg(self._wallet, USDC, Field.TOTAL): amount} if amount else {}
        return Movement(
            exchange=self._exchange,
            wallet=self._wallet,
            type=kind,
            id=id_,
            effects=effects,
            instrument=instrument,
            occurred_at=instant_of(row),
        )

    @staticmethod
    def _built(row: Row) -> Decimal:
        return amount_of(row, "builderFee") if row.get("builderFee") is not None else money.ZERO

    def _require_own(self, row: Row) -> None:
        number = row.get("subaccountNumber", self._number)
        if str(number) != str(self._number):
            raise distrusted("another_subaccount")

    def _is_own(self, party: object) -> bool:
        return (
            isinstance(party, dict)
            and party.get("address") == self._address
            and party.get("subaccountNumber") == self._number
        )


def id_of(row: Row) -> str:
    """The entry's id. Raises ExchangeFailureError."""
    value = row.get("id")
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise distrusted("no_id")
    return value
