"""The books of one account: rows, balances and holds, changed in one place only and provable from the rows at any time.

Two statements hold after every change, and `Ledger.verify` recomputes them: the balance of an asset is the sum of `amount - fee` over
its rows, and its hold lies between zero and that balance.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter

from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.instruments import KRAKEN, Catalogue
from reconcile_actors.simulation.money import ZERO, fits, minus, plus, total
from reconcile_actors.simulation.records import LedgerRow

_AT = attrgetter("at")


class InsufficientFundsError(ValueError):
    """The change would leave an asset below zero, or below what its open orders hold. Names the asset, never an amount."""


class InvalidAmountError(ValueError):
    """An amount that the asset cannot carry: not finite, or with more digits than it has decimals."""


class LedgerBrokenError(AssertionError):
    """The books do not add up: a defect of the simulation itself."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one asset: the balance moves by `amount - fee`."""

    asset: str
    amount: Decimal
    type: str
    subtype: str = ""
    fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account owns of one asset (`balance`) and how much of it open orders lock (`hold`)."""

    balance: Decimal
    hold: Decimal


@dataclass(frozen=True, slots=True)
class _Mark:
    """The holding of one asset from `at` on."""

    at: float
    holding: Holding


_NOTHING = Holding(ZERO, ZERO)


class Ledger:
    """Not thread-safe: the account that owns it serialises access."""

    def __init__(self, mint: IdMint, catalogue: Catalogue = KRAKEN) -> None:
        self._mint = mint
        self._catalogue = catalogue
        self._rows: list[LedgerRow] = []
        self._positions: dict[str, int] = {}
        self._running: dict[str, Decimal] = {}
        self._holdings: dict[str, Holding] = {}
        self._marks: dict[str, list[_Mark]] = {}

    def apply(
        self, at: float, refid: str, entries: Sequence[Entry] = (), holds: Mapping[str, Decimal] | None = None
    ) -> tuple[LedgerRow, ...]:
        """Books all entries and hold changes (signed, by asset) or none; returns the new rows in order.

        Raises `InvalidAmountError` and `InsufficientFundsError`, in both cases with the books unchanged. `at` is Unix seconds and must
        not go back.
        """
        after = self._checked(entries, holds or {})
        if self._rows and at < self._rows[-1].at:
            raise LedgerBrokenError("time went back")
        rows = tuple(self._row(at, refid, entry) for entry in entries)
        for asset, holding in after.items():
            self._holdings[asset] = holding
            self._marks.setdefault(asset, []).append(_Mark(at, holding))
        return rows

    def holding(self, asset: str) -> Holding:
        """What the account owns of `asset` now."""
        return self._holdings.get(asset, _NOTHING)

    def available(self, asset: str) -> Decimal:
        """What no open order locks."""
        holding = self.holding(asset)
        return minus(holding.balance, holding.hold)

    def holdings(self, as_of: float | None = None) -> dict[str, Holding]:
        """Every asset ever held, zero ones included; with `as_of` (Unix seconds), as it stood then."""
        if as_of is None:
            return dict(self._holdings)
        past = {}
        for asset, marks in self._marks.items():
            position = bisect_right(marks, as_of, key=_AT)
            if position:
                past[asset] = marks[position - 1].holding
        return past

    def rows(self, after: float | str | None = None, until: float | str | None = None) -> list[LedgerRow]:
        """The rows after one instant or row id (exclusive) up to another (inclusive), oldest first; raises KeyError for no such id."""
        first = 0 if after is None else self._end(after)
        last = len(self._rows) if until is None else self._end(until)
        return self._rows[first:last]

    def row(self, row_id: str) -> LedgerRow | None:
        """The row with that id."""
        position = self._positions.get(row_id)
        return None if position is None else self._rows[position]

    def verify(self) -> None:
        """Recomputes every balance from the rows alone; raises `LedgerBrokenError`, naming the asset."""
        for asset, holding in self._holdings.items():
            own = [row for row in self._rows if row.asset == asset]
            if total([minus(row.amount, row.fee) for row in own]) != holding.balance:
                raise LedgerBrokenError(f"{asset}: balance is not the sum of its rows")
            if own and own[-1].balance != holding.balance:
                raise LedgerBrokenError(f"{asset}: the last row states another balance")
            if not ZERO <= holding.hold <= holding.balance:
                raise LedgerBrokenError(f"{asset}: hold is not between zero and the balance")

    def _end(self, bound: float | str) -> int:
        return self._positions[bound] + 1 if isinstance(bound, str) else bisect_right(self._rows, bound, key=_AT)

    def _checked(self, entries: Sequence[Entry], holds: Mapping[str, Decimal]) -> dict[str, Holding]:
        after: dict[str, Holding] = {}
        for entry in entries:
            self._require_fits(entry.asset, entry.amount, entry.fee)
            before = after.get(entry.asset, self.holding(entry.asset))
            after[entry.asset] = Holding(plus(before.balance, minus(entry.amount, entry.fee)), before.hold)
        for asset, change in holds.items():
            self._require_fits(asset, change)
            before = after.get(asset, self.holding(asset))
            after[asset] = Holding(before.balance, plus(before.hold, change))
        for asset, holding in after.items():
            if not ZERO <= holding.hold <= holding.balance:
                raise InsufficientFundsError(asset)
        return after

    def _row(self, at: float, refid: str, entry: Entry) -> LedgerRow:
        # Kept apart from the holdings on purpose: `verify` sets the two against each other.
        self._running[entry.asset] = plus(self._running.get(entry.asset, ZERO), minus(entry.amount, entry.fee))
        row = LedgerRow(
            id=self._mint.short("L"),
            refid=refid,
            at=at,
            type=entry.type,
            subtype=entry.subtype,
            asset=entry.asset,
            amount=entry.amount,
            fee=entry.fee,
            balance=self._running[entry.asset],
        )
        self._positions[row.id] = len(self._rows)
        self._rows.append(row)
        return row

    def _require_fits(self, asset: str, *amounts: Decimal) -> None:
        decimals = self._catalogue.asset(asset).decimals
        if not all(fits(amount, decimals) for amount in amounts):
            raise InvalidAmountError(asset)
