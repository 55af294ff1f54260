"""How ccxt reads an exchange's rows, learnt by trying: the same answer once more with marked numbers instead of its amounts.

Every amount of a row is replaced by a number that tells by itself which field it stands for, and ccxt reads the answer again.
What comes out as `total` is then a sum of marks or it is none: a leg that ccxt made up (a default of zero, a constant, a
float) shows no mark, and is not believed. A null is marked too: a leg that would change with it was not stated. Pure but for
the reading, which is handed in by the gate.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from reconcile_actors.domain import money
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.generic.tables import Path, Row, Table

# Each field has three digits of its own in a mark; a row's marks are multiples by which another row's are told apart.
_BASE: Final = 1000
_MULTIPLES: Final = 499
# Numbers that steer how a row is read, or say nothing of amounts: to mark them would change what is read.
_NO_AMOUNTS: Final = frozenset(
    {"id", "uid", "userid", "accountid", "assetid", "coinid", "index", "type", "accounttype", "status", "state", "code"}
    | {"level", "precision", "decimals", "coinprecious", "time", "timestamp", "ts", "date", "lastupdated"}
    | {f"{what}{when}" for what in ("update", "updated", "create", "created") for when in ("at", "time")}
    | {"utime", "ctime"}
)

Formula: TypeAlias = tuple[tuple[Path, int], ...]
"""Which fields of a row are added (1) or subtracted (-1)."""


class Kind(StrEnum):
    """What a field of a row is to the gate."""

    AMOUNT = "amount"
    ABSENT = "absent"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Formulas:
    """How the legs of a row follow from its fields; None where a leg does not follow from what is stated."""

    total: Formula
    free: Formula | None
    used: Formula | None


class Legs:
    """What ccxt says of one currency: decimal texts, or None where it says nothing."""

    __slots__ = ("debt", "free", "total", "used")

    def __init__(self, free: str | None, used: str | None, total: str | None, debt: str | None) -> None:
        self.free, self.used, self.total, self.debt = free, used, total, debt


Shape: TypeAlias = tuple[Path, Path | None, frozenset[tuple[Path, Kind]]]
"""Where a row stands and which fields of which kind it has: rows of one shape are read alike."""


def kind_of(label: Path, value: object) -> Kind:
    """What a scalar in a row is."""
    if value is None or value == "":
        return Kind.ABSENT
    name = str(label[-1]).lower().replace("_", "") if label else ""
    if isinstance(value, bool) or name in _NO_AMOUNTS or not isinstance(value, int | str):
        return Kind.OTHER
    try:
        money.parse_amount(value)
    except AmountError as error:
        return Kind.OTHER if error.reason == "not_a_number" else Kind.AMOUNT
    return Kind.AMOUNT


def shape_of(table: Table, row: Row) -> Shape:
    """The shape of a row."""
    kinds = frozenset((label, kind_of(label, cell.value)) for label, cell in row.cells.items())
    return table.path, table.naming, kinds


class Marks:
    """The marks of one table, each row's by itself."""

    def __init__(self, table: Table) -> None:
        self._rows = table.rows
        self._labels = [_marked(row) for row in table.rows]

    def values(self) -> dict[Path, object]:
        """A number for each place of an amount or a null; text where text stood."""
        marked: dict[Path, object] = {}
        for number, (row, labels) in enumerate(zip(self._rows, self._labels, strict=True)):
            for digit, label in enumerate(labels, start=1):
                place, value = row.cells[label]
                mark = self._multiple(number) * _BASE**digit
                marked[place] = mark if isinstance(value, int) else str(mark)
        return marked

    def formula(self, text: str | None, number: int) -> Formula | None:
        """The fields of a row by number whose marks a leg is the sum of; None for anything else."""
        left = _whole(text)
        if left is None:
            return None
        digits: list[int] = []
        while left:
            digit = (left + _BASE // 2) % _BASE - _BASE // 2
            digits.append(digit)
            left = (left - digit) // _BASE
        labels, multiple = self._labels[number], self._multiple(number)
        terms: list[tuple[Path, int]] = []
        for place, digit in enumerate(digits):
            if digit and (place == 0 or place > len(labels) or abs(digit) != multiple):
                return None
            if digit:
                terms.append((labels[place - 1], digit // multiple))
        return tuple(sorted(terms, key=repr)) or None

    @staticmethod
    def _multiple(number: int) -> int:
        return number % _MULTIPLES + 1


def formulas_of(row: Row, legs: Legs, marks: Marks, number: int) -> Formulas | str:
    """How one row is read, from the legs that the marked answer gave; else a constant word for why it is not believed."""
    absent = {label for label, cell in row.cells.items() if kind_of(label, cell.value) is Kind.ABSENT}
    total = marks.formula(legs.total, number)
    if total is None:
        return "total_not_stated"
    if _mentions(total, absent):
        return "leg_null"
    free, used = (_stated(marks.formula(text, number), absent) for text in (legs.free, legs.used))
    by_two = free is not None and used is not None and _sum(free, used) == dict(total)
    if not by_two and any(leg is not None and dict(leg) == dict(total) for leg in (free, used)):
        return "leg_not_stated"  # what is available, or what is locked, was taken for all that there is
    return Formulas(total, free, used)


def amount(row: Row, formula: Formula) -> Decimal:
    """What a formula gives for a row. Raises AmountError."""
    result = money.ZERO
    for label, sign in formula:
        value = money.parse_amount(row.cells[label].value)
        result = money.add(result, value) if sign > 0 else money.subtract(result, value)
    return result


def _marked(row: Row) -> list[Path]:
    """The fields of a row that are marked. A larger amount has a larger mark: what ccxt keeps from falling below zero does not."""
    labels = [label for label, cell in row.cells.items() if kind_of(label, cell.value) is not Kind.OTHER]
    return sorted(labels, key=lambda label: (_size(row.cells[label].value), repr(label)))


def _size(value: object) -> Decimal:
    try:
        return money.EXACT.abs(money.parse_amount(value))
    except AmountError:
        return money.ZERO


def _whole(text: str | None) -> int | None:
    try:
        number = Decimal(text) if text is not None else None
    except ArithmeticError:
        return None
    if number is None or not number.is_finite() or number != number.to_integral_value():
        return None
    return int(number)


def _stated(formula: Formula | None, absent: AbstractSet[Path]) -> Formula | None:
    return None if formula is None or _mentions(formula, absent) else formula


def _mentions(formula: Formula, labels: AbstractSet[Path]) -> bool:
    return any(label in labels for label, _ in formula)


def _sum(*formulas: Iterable[tuple[Path, int]]) -> Mapping[Path, int]:
    total: dict[Path, int] = {}
    for formula in formulas:
        for label, sign in formula:
            total[label] = total.get(label, 0) + sign
    return {label: sign for label, sign in total.items() if sign}
