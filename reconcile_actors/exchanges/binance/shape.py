"""The validity gate for balances: a decoded account answer becomes every row of it, or the reason why none is believed (I1).

Pure. What is not positively recognised is BAD_SHAPE; details are constant words without amounts or names (I7). Binance lists
every asset there is, zeros included, so that a row that is gone is a row that is missing, and zero is always a stated zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.binance.codes import currency_code
from reconcile_actors.exchanges.rows import Place, Rejected, Row, collide

SPOT: Final = "spot"
# Accounts that may also trade on margin were once called so; the balances are those of the spot wallet all the same.
_ACCOUNT_TYPES: Final = frozenset({"SPOT", "MARGIN"})
_REASONS: Final = {
    "not_finite": UnknownReason.NOT_FINITE,
    "too_large": UnknownReason.OUT_OF_RANGE,
    "too_precise": UnknownReason.OUT_OF_RANGE,
}

Seen = Mapping[str, tuple[object, Row]]
"""Raw rows with what was made of them, by Binance's asset."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose account it is, and every row of it by Binance's asset."""

    uid: int
    rows: Seen


def read_account(content: object, previous: Seen | None = None) -> Account | Rejected:
    """All rows of an answer, or why not. `previous` holds earlier rows: an equal one is not parsed again."""
    if not isinstance(content, dict):
        return _bad("answer_not_an_object")
    uid, balances = content.get("uid"), content.get("balances")
    if content.get("accountType") not in _ACCOUNT_TYPES:
        return _bad("account_type")
    if not isinstance(uid, int) or not _is_number(uid):
        return _bad("no_uid")
    if not (_is_number(content.get("updateTime")) and isinstance(content.get("canTrade"), bool)):
        return _bad("no_update_time")
    if not isinstance(balances, list):
        return _bad("balances_not_a_list")
    rows = _rows(balances, previous or {})
    return rows if isinstance(rows, Rejected) else Account(uid, rows)


def _rows(balances: list[object], previous: Seen) -> Seen | Rejected:
    rows: dict[str, tuple[object, Row]] = {}
    for raw in balances:
        asset = raw.get("asset") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(asset, str):
            return _bad("not_an_asset")
        if asset in rows:
            return Rejected(UnknownReason.CODE_COLLISION, "asset_twice")
        earlier = previous.get(asset)
        row = earlier[1] if earlier is not None and earlier[0] == raw else _row(asset, raw)
        if isinstance(row, Rejected):
            return row
        rows[asset] = raw, row
    if collide(row for _, row in rows.values()):
        return Rejected(UnknownReason.CODE_COLLISION, "two_assets_one_currency")
    return rows


def _row(asset: str, raw: dict[str, object]) -> Row | Rejected:
    currency = currency_code(asset)
    if currency is None:
        return _bad("not_an_asset")
    if "free" not in raw or "locked" not in raw:
        return _bad("leg_missing")
    try:
        free, locked = money.parse_amount(raw["free"]), money.parse_amount(raw["locked"])
    except AmountError as error:
        return Rejected(_REASONS.get(error.reason, UnknownReason.BAD_SHAPE), error.reason)
    if free < 0 or locked < 0:
        return _bad("negative_leg")
    return Row(Place(SPOT, currency), money.add(free, locked), locked)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _bad(detail: str) -> Rejected:
    return Rejected(UnknownReason.BAD_SHAPE, detail)
