"""The validity gate for exchanges that nobody described: what ccxt made of an answer is believed where the answer itself shows it.

ccxt turns garbage into an empty account and nulls into zero. So its result must be explained: one table of the raw answer has
exactly its currencies, once each, and every amount follows from fields of that table (`probing`). Amounts are then taken from
the raw answer, and must be those of the result. Everything else is unknown (I1). Details are constant words (I7).
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from reconcile_actors.domain import money
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.generic.first_sight import at_first_sight
from reconcile_actors.exchanges.generic.probing import (
    Formula,
    Formulas,
    Legs,
    Marks,
    Shape,
    amount,
    formulas_of,
    shape_of,
)
from reconcile_actors.exchanges.generic.replacing import replaced
from reconcile_actors.exchanges.generic.tables import CodeOf, Holder, Path, Row, Table, find_tables, is_empty
from reconcile_actors.exchanges.rows import Rejected

_REASONS: Final = {
    "not_finite": UnknownReason.NOT_FINITE,
    "too_large": UnknownReason.OUT_OF_RANGE,
    "too_precise": UnknownReason.OUT_OF_RANGE,
}
_DISAGREES: Final = "not_the_answers_amount"
_SHAPES_MAX: Final = 256
_TABLES_MAX: Final = 8
# What open positions would be worth: where it is not zero, a total may move with prices and not with movements.
_UNREALISED = re.compile(r"upl$|unreali[sz]ed|unpnl|floating", re.ASCII)

Reread = Callable[[int, object], Awaitable[Mapping[str, Legs] | None]]
"""What ccxt makes of the same answers with another content of one, by its number; None where that fails."""


class Amounts(NamedTuple):
    """One currency as the raw answer states it; None where a leg is not stated."""

    total: Decimal
    free: Decimal | None
    used: Decimal | None


class Believed(NamedTuple):
    """Every currency of the account, and the number of the answer that states them."""

    rows: Mapping[str, Amounts]
    answer: int


class Gate:
    """Remembers how rows are read and where they stand; one for each account."""

    def __init__(self, code_of: CodeOf, *, allow_empty: bool) -> None:
        self._code_of = code_of
        self._allow_empty = allow_empty
        self._known: dict[Shape, Formulas] = {}
        self._totals: dict[tuple[Path, Path | None], Formula] = {}
        self._holders: frozenset[Holder] = frozenset()

    async def judge(
        self, result: Mapping[str, Legs], contents: Sequence[object], reread: Reread
    ) -> Believed | Rejected:
        """The rows of a result that the decoded answers explain, or why it is not believed."""
        problem = at_first_sight(result.keys(), contents)
        if problem is not None:
            return problem
        if not result:
            return self._judge_empty(contents)
        rejected = _bad("not_in_the_answer")
        tables = [
            (number, table)
            for number, content in enumerate(contents)
            for table in find_tables(content, self._code_of, result.keys())
        ]
        for number, table in tables[:_TABLES_MAX]:
            rows = await self._explained(result, contents[number], number, table, reread)
            if not isinstance(rows, Rejected):
                self._holders = table.holders
                return Believed(rows, number)
            # the first reason is that of the innermost table, but a collision or a number says more than a shape
            if rejected.detail == "not_in_the_answer" or rows.reason is not UnknownReason.BAD_SHAPE:
                rejected = rows
        return rejected

    def _judge_empty(self, contents: Sequence[object]) -> Believed | Rejected:
        for number, content in enumerate(contents):
            if self._allow_empty and is_empty(content, self._holders):
                return Believed({}, number)
        return Rejected(UnknownReason.EMPTY, "no_row")

    async def _explained(
        self, result: Mapping[str, Legs], content: object, number: int, table: Table, reread: Reread
    ) -> Mapping[str, Amounts] | Rejected:
        if table.collides:
            return Rejected(UnknownReason.CODE_COLLISION, "two_rows_one_currency")
        shapes = [shape_of(table, row) for row in table.rows]
        if not all(shape in self._known for shape in shapes):
            problem = await self._learn(content, number, table, shapes, reread)
            if problem is not None:
                return problem
        rows: dict[str, Amounts] = {}
        for row, shape in zip(table.rows, shapes, strict=True):
            amounts = _amounts(row, self._known[shape], result.get(row.code))
            if isinstance(amounts, Rejected):
                if (
                    amounts.detail == _DISAGREES
                ):  # learnt while other amounts were zero, it may not be all: learn it anew
                    self._forget(table, shapes)
                return amounts
            rows[row.code] = amounts
        return rows

    async def _learn(
        self, content: object, number: int, table: Table, shapes: Sequence[Shape], reread: Reread
    ) -> Rejected | None:
        marks = Marks(table)
        again = await reread(number, replaced(content, marks.values()))
        if again is None or again.keys() != {row.code for row in table.rows}:
            return _bad("row_not_taken")
        learnt: dict[Shape, Formulas] = {}
        total = self._totals.get((table.path, table.naming))
        for place, (row, shape) in enumerate(zip(table.rows, shapes, strict=True)):
            formulas = formulas_of(row, again[row.code], marks, place)
            if isinstance(formulas, str):
                return _bad(formulas)
            # a row that lacks the field in which others state their total would be read as something less
            total = total or formulas.total
            if formulas.total != total or learnt.setdefault(shape, formulas) != formulas:
                return _bad("rows_read_differently")
        if len(self._known) + len(learnt) > _SHAPES_MAX:
            self._known.clear()
        self._known.update(learnt)
        if total is not None:
            self._totals[table.path, table.naming] = total
        return None

    def _forget(self, table: Table, shapes: Sequence[Shape]) -> None:
        self._totals.pop((table.path, table.naming), None)
        for shape in shapes:
            self._known.pop(shape, None)


def _amounts(row: Row, formulas: Formulas, legs: Legs | None) -> Amounts | Rejected:
    """What a row states, where the result says the same of it."""
    if any(_is_unrealised(label, cell.value) for label, cell in row.cells.items()):
        return _bad("open_positions")
    try:
        free, used = (None if one is None else amount(row, one) for one in (formulas.free, formulas.used))
        own = Amounts(amount(row, formulas.total), free, used)
        problem = _contradiction(own, legs)
    except AmountError as error:
        return Rejected(_REASONS.get(error.reason, UnknownReason.BAD_SHAPE), error.reason)
    return own if problem is None else problem


def _contradiction(own: Amounts, legs: Legs | None) -> Rejected | None:
    """What speaks against a row; without `legs` the result leaves it out. Raises AmountError."""
    total, free, used = own
    if legs is None:
        return None if not total else _bad("row_not_taken")
    if legs.total is None or money.parse_amount(legs.total) != total:
        return _bad(_DISAGREES)
    for stated, text in ((free, legs.free), (used, legs.used)):
        if stated is not None and text is not None and money.parse_amount(text) != stated:
            return _bad(_DISAGREES)
    if free is not None and used is not None and money.add(free, used) != total:
        return _bad("legs_do_not_add_up")
    in_debt = legs.debt is not None and money.parse_amount(legs.debt) > 0
    if not in_debt and any(leg is not None and leg < 0 for leg in own):
        return Rejected(UnknownReason.OUT_OF_RANGE, "negative_leg")
    return None


def _is_unrealised(label: Path, value: object) -> bool:
    if not label or not _UNREALISED.search(str(label[-1]).lower().replace("_", "")):
        return False
    try:
        return value not in (None, "") and money.parse_amount(value) != 0
    except AmountError:
        return True


def _bad(detail: str) -> Rejected:
    return Rejected(UnknownReason.BAD_SHAPE, detail)
