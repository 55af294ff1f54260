"""The validity gate for balances: a decoded BalanceEx answer becomes every row of it, or the reason why none is believed (I1).

Pure. What is not positively recognised is BAD_SHAPE; details are constant words without amounts or names (I7). A hold below
zero is refused, and so is a hold above a balance without credit: both legs come in one answer, so such a pair is torn or wrong.
A balance below zero without a hold is believed, because fees can overdraw an account.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.decoding import RepeatedKeys
from reconcile_actors.exchanges.kraken.wallets import place_of
from reconcile_actors.exchanges.rows import Rejected, Row, collide

_REASONS: Final = {
    "not_finite": UnknownReason.NOT_FINITE,
    "too_large": UnknownReason.OUT_OF_RANGE,
    "too_precise": UnknownReason.OUT_OF_RANGE,
}
_ZEROS: Final = frozenset({"0"} | {f"0.{'0' * decimals}" for decimals in range(1, 19)})


Rows = Mapping[str, Row]
"""By Kraken's asset id, in the answer's order."""


def read_rows(content: object, previous: Mapping[str, tuple[object, Row]] | None = None) -> dict[str, Row] | Rejected:
    """All rows of an answer, or why not. `previous` holds earlier raw rows with their results: an equal one is not parsed again."""
    result = _result(content)
    if isinstance(result, Rejected):
        return result
    rows: dict[str, Row] = {}
    known = previous or {}
    for asset, raw in result.items():
        earlier = known.get(asset)
        row = earlier[1] if earlier is not None and earlier[0] == raw else _row(asset, raw)
        if isinstance(row, Rejected):
            return row
        rows[asset] = row
    if collide(rows.values()):
        return Rejected(UnknownReason.CODE_COLLISION, "two_assets_one_currency")
    return rows


def raw_rows(content: object) -> Mapping[str, object]:
    """The raw rows of an answer that `read_rows` has accepted."""
    result = _result(content)
    return {} if isinstance(result, Rejected) else result


def _result(content: object) -> dict[str, object] | Rejected:
    if not isinstance(content, dict):
        return _bad("answer_not_an_object")
    if content.get("error") != []:
        return _bad("no_error_list")
    result = content.get("result")
    if isinstance(result, RepeatedKeys):
        return Rejected(UnknownReason.CODE_COLLISION, "asset_twice")
    if not isinstance(result, dict):
        return _bad("result_not_an_object")
    return result


def _row(asset: str, raw: object) -> Row | Rejected:
    place = place_of(asset)
    if place is None:
        return _bad("not_an_asset")
    if not isinstance(raw, dict) or "balance" not in raw or "hold_trade" not in raw:
        return _bad("leg_missing")
    try:
        total, locked = money.parse_amount(raw["balance"]), _hold(raw["hold_trade"])
    except AmountError as error:
        return Rejected(_REASONS.get(error.reason, UnknownReason.BAD_SHAPE), error.reason)
    if locked < 0:
        return _bad("negative_hold")
    if locked > total and locked and not _has_credit(raw):
        return _bad("hold_above_balance")
    return Row(place, total, locked)


def _hold(value: object) -> Decimal:
    # Of hundreds of assets nearly all hold the same zero, in a few spellings.
    if isinstance(value, str) and value in _ZEROS:
        return money.ZERO
    return money.parse_amount(value)


def _has_credit(raw: Mapping[str, object]) -> bool:
    # Kraken's own formula: available = balance + credit - credit_used - hold_trade.
    return "credit" in raw


def _bad(detail: str) -> Rejected:
    return Rejected(UnknownReason.BAD_SHAPE, detail)
