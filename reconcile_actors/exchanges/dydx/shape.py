"""The validity gate for a subaccount: a decoded answer becomes USDC and every position, or the reason why nothing is believed (I1).

Pure. What is not positively recognised is BAD_SHAPE; details are constant words without amounts or names (I7). The indexer lists
open positions and assets that are not zero: a row of size zero is not its way of speaking, and what is not listed is zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from reconcile_actors.domain import money
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.decoding import RepeatedKeys
from reconcile_actors.exchanges.dydx.fields import USDC, symbol_of

_REASONS: Final = {
    "not_finite": UnknownReason.NOT_FINITE,
    "too_large": UnknownReason.OUT_OF_RANGE,
    "too_precise": UnknownReason.OUT_OF_RANGE,
}


class Rejected(NamedTuple):
    """Why an answer is not believed."""

    reason: UnknownReason
    detail: str


@dataclass(frozen=True, slots=True)
class Subaccount:
    """What the indexer says of a subaccount. `positions` are signed sizes by market ticker; `usdc` is None where it is not listed.

    `marked` is what all positions are worth by the answer's own prices, None where a row does not tell. `height` is the newest
    block that the indexer had taken in, None where it does not say.
    """

    usdc: Decimal | None = field(repr=False)
    positions: Mapping[str, Decimal] = field(repr=False)
    equity: Decimal = field(repr=False)
    free_collateral: Decimal = field(repr=False)
    marked: Decimal | None = field(repr=False, default=None)
    height: int | None = None


class _RejectedError(Exception):
    def __init__(self, rejected: Rejected) -> None:
        self.rejected = rejected


def read_subaccount(content: object, address: str, number: int) -> Subaccount | Rejected:
    """The subaccount of an answer, or why it is not believed."""
    try:
        return _read(content, address, number)
    except _RejectedError as error:
        return error.rejected


def _read(content: object, address: str, number: int) -> Subaccount:
    raw = _object(content, "subaccount", "no_subaccount_object")
    if raw.get("address") != address or raw.get("subaccountNumber") != number:
        raise _bad("another_subaccount")
    positions = _object(raw, "openPerpetualPositions", "no_positions")
    assets = _object(raw, "assetPositions", "no_assets")
    if not set(assets) <= {USDC}:
        raise _bad("unknown_asset")
    sizes = {ticker: _position(ticker, row) for ticker, row in positions.items()}
    if len({symbol_of(ticker) for ticker in sizes}) != len(sizes):
        raise _RejectedError(Rejected(UnknownReason.CODE_COLLISION, "two_markets_one_symbol"))
    return Subaccount(
        usdc=_asset(assets[USDC]) if assets else None,
        positions=sizes,
        equity=_amount(raw, "equity"),
        free_collateral=_amount(raw, "freeCollateral"),
        marked=_marked(positions.values(), sizes.values()),
        height=_height(raw),
    )


def _position(ticker: str, row: object) -> Decimal:
    if not isinstance(row, dict) or row.get("market") != ticker or symbol_of(ticker) is None:
        raise _bad("not_a_position")
    if row.get("status") != "OPEN":
        raise _bad("position_not_open")
    size = _amount(row, "size")
    if not size or row.get("side") != ("LONG" if size > 0 else "SHORT"):
        raise _bad("size_against_side")
    return size


def _marked(rows: Iterable[object], sizes: Iterable[Decimal]) -> Decimal | None:
    """The sum over positions of size x entry price + unrealised profit: that is size x oracle price."""
    worth = money.ZERO
    for row, size in zip(rows, sizes, strict=True):
        assert isinstance(row, dict), "its size was read"
        try:
            entry, profit = money.parse_amount(row.get("entryPrice")), money.parse_amount(row.get("unrealizedPnl"))
        except AmountError:
            return None
        worth = money.add(worth, money.add(money.multiply(size, entry), profit))
    return worth


def _asset(row: object) -> Decimal:
    if not isinstance(row, dict) or row.get("symbol") != USDC or row.get("side") not in {"LONG", "SHORT"}:
        raise _bad("not_an_asset")
    size = _amount(row, "size")
    if not size or (size < 0 and row["side"] == "LONG"):
        raise _bad("size_against_side")
    return size if row["side"] == "LONG" else money.negate(money.EXACT.abs(size))


def _height(raw: dict[str, object]) -> int | None:
    if "latestProcessedBlockHeight" not in raw:
        return None
    text = raw["latestProcessedBlockHeight"]
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _bad("not_a_height")
    return int(text)


def _amount(row: dict[str, object], key: str) -> Decimal:
    if row.get(key) is None:
        raise _bad("leg_missing")
    try:
        return money.parse_amount(row[key])
    except AmountError as error:
        raise _RejectedError(Rejected(_REASONS.get(error.reason, UnknownReason.BAD_SHAPE), error.reason)) from None


def _object(holder: object, key: str, detail: str) -> dict[str, object]:
    value = holder.get(key) if isinstance(holder, dict) else None
    if isinstance(value, RepeatedKeys):
        raise _RejectedError(Rejected(UnknownReason.CODE_COLLISION, "market_twice"))
    if not isinstance(value, dict):
        raise _bad(detail)
    return value


def _bad(detail: str) -> _RejectedError:
    return _RejectedError(Rejected(UnknownReason.BAD_SHAPE, detail))
