"""The validity gate for balances: a decoded page of accounts becomes every row of it, or the reason why none is believed (I1).

Pure. What is not positively recognised is BAD_SHAPE; details are constant words without amounts or names (I7). The total of an
account is what is available plus what is held; both stand in one row, so a hold above its total is torn or wrong.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from reconcile_actors.domain import money
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.coinbase.codes import currency_code
from reconcile_actors.exchanges.coinbase.wallets import UNKNOWN, wallet_of
from reconcile_actors.exchanges.decoding import RepeatedKeys
from reconcile_actors.exchanges.rows import Place, Rejected, Row
from reconcile_actors.exchanges.rows import summed as summed_rows

_REASONS: Final = {
    "not_finite": UnknownReason.NOT_FINITE,
    "too_large": UnknownReason.OUT_OF_RANGE,
    "too_precise": UnknownReason.OUT_OF_RANGE,
}


class AccountRow(NamedTuple):
    """One account of Coinbase; `native` is its own name for the currency."""

    uuid: str
    native: str
    place: Place
    total: Decimal
    locked: Decimal


class Page(NamedTuple):
    """One page; `cursor` asks for the next, None on the last. `size` is how many rows the exchange says there are."""

    rows: tuple[AccountRow, ...]
    cursor: str | None
    size: int


def read_page(content: object) -> Page | Rejected:
    """All rows of a page, or why not."""
    try:
        return _page(content)
    except _RefusedError as refused:
        return refused.why


def summed(rows: Iterable[AccountRow]) -> list[Row] | Rejected:
    """One row for each wallet and currency: a customer may have several accounts of one, told apart by their uuids.

    Two codes for one currency are a collision where both have value: an empty account may bear an older name.
    """
    natives: dict[Place, str] = {}
    listed = list(rows)
    for row in listed:
        has_value = row.total or row.locked
        if has_value and natives.setdefault(row.place, row.native) != row.native:
            return Rejected(UnknownReason.CODE_COLLISION, "two_codes_one_currency")
    return summed_rows(Row(row.place, row.total, row.locked) for row in listed)


class _RefusedError(Exception):
    """Leaves the gate from within; never leaves this module."""

    def __init__(self, detail: str, reason: UnknownReason = UnknownReason.BAD_SHAPE) -> None:
        super().__init__(detail)
        self.why = Rejected(reason, detail)


def _page(content: object) -> Page:
    if isinstance(content, RepeatedKeys):
        raise _RefusedError("key_twice", UnknownReason.CODE_COLLISION)
    if not isinstance(content, dict):
        raise _RefusedError("answer_not_an_object")
    listed, more, size = content.get("accounts"), content.get("has_next"), content.get("size")
    if not isinstance(listed, list):
        raise _RefusedError("accounts_not_a_list")
    if not isinstance(more, bool):
        raise _RefusedError("no_has_next")
    if not isinstance(size, int) or isinstance(size, bool):
        raise _RefusedError("no_size")
    rows = tuple(_row(raw) for raw in listed)
    if not more:
        return Page(rows, None, size)
    cursor = content.get("cursor")
    if not isinstance(cursor, str) or not cursor or not rows:
        raise _RefusedError("no_cursor", UnknownReason.INCOMPLETE_PAGE)
    return Page(rows, cursor, size)


def _row(raw: object) -> AccountRow:
    if not isinstance(raw, dict):
        raise _RefusedError("not_an_account")
    uuid, native, kind = raw.get("uuid"), raw.get("currency"), raw.get("type")
    if not isinstance(uuid, str) or not uuid or not isinstance(native, str) or not isinstance(kind, str):
        raise _RefusedError("not_an_account")
    currency, wallet = currency_code(native), wallet_of(kind)
    if currency is None:
        raise _RefusedError("not_a_currency")
    available, locked = _leg(raw, "available_balance", native), _leg(raw, "hold", native)
    if locked < 0:
        raise _RefusedError("negative_hold")
    if available < 0 < locked:
        raise _RefusedError("hold_above_balance")
    if wallet == UNKNOWN and (available or locked):
        raise _RefusedError("unknown_account_type")
    return AccountRow(uuid, native, Place(wallet, currency), money.add(available, locked), locked)


def _leg(raw: Mapping[str, object], name: str, native: str) -> Decimal:
    leg = raw.get(name)
    if not isinstance(leg, dict) or "value" not in leg or leg.get("currency") != native:
        raise _RefusedError("leg_missing")
    try:
        return money.parse_amount(leg["value"])
    except AmountError as error:
        reason = error.reason
    raise _RefusedError(reason, _REASONS.get(reason, UnknownReason.BAD_SHAPE))
