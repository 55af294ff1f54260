"""Kraken's ledger rows and what they are as movements: https://docs.kraken.com/api/docs/rest-api/get-ledgers.

A row moves `amount - fee` of one asset. Rows with the same `refid` belong together: a trade has one for each side, and its
refid is the trade's id.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import Movement, MovementType, merge
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.kraken.fields import distrusted, microseconds_of, result_of, table_of, text_of
from reconcile_actors.exchanges.kraken.wallets import place_of
from reconcile_actors.exchanges.rows import Place

_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
# What a type is in the book. One that is not listed is an adjustment: it moved value, so it is never left out.
_TYPES: Final[Mapping[str, MovementType]] = {
    "trade": MovementType.FILL,
    "spend": MovementType.FILL,
    "receive": MovementType.FILL,
    "sale": MovementType.FILL,
    "conversion": MovementType.FILL,
    "deposit": MovementType.TRANSFER,
    "withdrawal": MovementType.TRANSFER,
    "transfer": MovementType.TRANSFER,
    "custodytransfer": MovementType.TRANSFER,
    "adjustment": MovementType.TRANSFER,
    "staking": MovementType.REWARD,
    "earn": MovementType.REWARD,
    "reward": MovementType.REWARD,
    "dividend": MovementType.REWARD,
    "credit": MovementType.REWARD,
    "nftrebate": MovementType.REWARD,
    "rollover": MovementType.FEE,
    "nftcreatorfee": MovementType.FEE,
}
# Earn accounts book both the move between wallets and its yield under one type.
_TRANSFER_SUBTYPES: Final = frozenset(
    {
        "spottostaking",
        "stakingfromspot",
        "stakingtospot",
        "spotfromstaking",
        "allocation",
        "deallocation",
        "autoallocation",
        "migration",
    }
)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row: `effect` is amount - fee, `at` its time (UTC us), `reference` its refid, else its id."""

    id: str
    reference: str
    type: MovementType
    place: Place
    effect: Decimal = field(repr=False)
    at: int = 0


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """One page: its rows by id, and how many rows the whole answer has."""

    rows: Mapping[str, LedgerRow]
    count: int


def read_page(content: object) -> LedgerPage:
    """A Ledgers answer. Raises ExchangeFailureError (bad_data) for anything that is not wholly understood."""
    result = result_of(content)
    rows = {row_id: _row(row_id, raw) for row_id, raw in table_of(result, "ledger").items()}
    count = result.get("count")
    if not isinstance(count, int) or count < len(rows):
        raise distrusted("no_count")
    return LedgerPage(rows, count)


def movements_of(exchange: str, rows: Iterable[LedgerRow]) -> list[Movement]:
    """The rows as movements in the order of their times, one for each reference, type and wallet (and currency, fills aside).

    A movement without value is left out, unless it is a fill.
    """
    groups: dict[tuple[str, MovementType, str, str | None], list[LedgerRow]] = {}
    for row in rows:
        currency = None if row.type is MovementType.FILL else row.place.currency
        groups.setdefault((row.reference, row.type, row.place.wallet, currency), []).append(row)
    movements = [
        Movement(
            exchange=exchange,
            wallet=wallet,
            type=kind,
            id=reference,
            effects=merge(*({Leg(wallet, row.place.currency, Field.TOTAL): row.effect} for row in group)),
            instrument=currency,
            occurred_at=max(row.at for row in group),
        )
        for (reference, kind, wallet, currency), group in groups.items()
    ]
    valued = [movement for movement in movements if movement.effects or movement.type is MovementType.FILL]
    return sorted(valued, key=lambda movement: (movement.occurred_at or 0, movement.id or ""))


def _row(row_id: str, raw: dict[str, object]) -> LedgerRow:
    place = place_of(text_of(raw, "asset"))
    reference = raw.get("refid") or row_id
    if place is None or not isinstance(reference, str) or not _ID.fullmatch(reference):
        raise distrusted("ledger_row")
    try:
        amount, fee = money.parse_amount(raw.get("amount")), money.parse_amount(raw.get("fee"))
    except AmountError:
        raise distrusted("ledger_amount") from None
    kind = _type(text_of(raw, "type"), raw.get("subtype"), amount)
    return LedgerRow(row_id, reference, kind, place, money.subtract(amount, fee), microseconds_of(raw.get("time")))


def _type(name: str, subtype: object, amount: Decimal) -> MovementType:
    if name in {"staking", "earn"} and subtype in _TRANSFER_SUBTYPES:
        return MovementType.TRANSFER
    if name == "margin":  # opening a position books its fee alone; closing it books what was won or lost
        return MovementType.ADJUSTMENT if amount else MovementType.FEE
    if (name == "withdrawal" and amount > 0) or (name == "deposit" and amount < 0):
        # Taken back under the same refid, maybe days later: an entry of its own, whatever window a read has.
        return MovementType.ADJUSTMENT
    return _TYPES.get(name, MovementType.ADJUSTMENT)
