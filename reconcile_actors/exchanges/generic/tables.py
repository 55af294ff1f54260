"""Tables of currencies in a raw answer whose form nobody described: every place that names one currency a row.

Pure. A table is a list of objects or arrays that each hold a currency's name, an object keyed by currencies, several objects
keyed by currencies side by side (`free`, `used`), or a single object that names its currency. Places in a list are written
`*`, so that rows of several lists of one kind (accounts, pages in one answer) belong to one table.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from reconcile_actors.domain import money
from reconcile_actors.errors import AmountError

Key: TypeAlias = str | int
Path: TypeAlias = tuple[Key, ...]
CodeOf: TypeAlias = Callable[[str], str]
"""The unified code that ccxt gives an exchange's own name of a currency."""

ANY: Final = "*"
_TYPE = re.compile(r"[A-Za-z][A-Za-z_-]{2,15}", re.ASCII)
DEPTH_MAX: Final = 10
CELL_DEPTH_MAX: Final = 3
CELLS_MAX: Final = 64
ROWS_MAX: Final = 20_000


class Holder(NamedTuple):
    """A place that holds rows, and what it is: `array` or `object`."""

    place: Path
    kind: str


class Cell(NamedTuple):
    """A scalar of a row and its place in the whole answer."""

    place: Path
    value: object


@dataclass(frozen=True, slots=True)
class Row:
    """One currency: its unified code and the scalars beside its name, by their place in the row."""

    code: str
    cells: Mapping[Path, Cell] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """`holders` are what is empty where there is no row; none where a table cannot be seen to be empty.

    `naming` is the place of the name in a row, and of the type that rows of one name are told apart by; None where rows are
    keyed by the name.
    """

    path: Path
    naming: Path | None
    rows: Sequence[Row] = field(repr=False)
    holders: frozenset[Holder]

    @property
    def collides(self) -> bool:
        """Whether two rows are one currency."""
        return len({row.code for row in self.rows}) != len(self.rows)


def find_tables(content: object, code_of: CodeOf, codes: AbstractSet[str]) -> list[Table]:
    """Every table that has a row for each of the unified codes: objects side by side before one of them, else innermost first."""
    groups: dict[Path, list[tuple[Path, object]]] = {}
    for general, place, node in _nodes(content, (), (), 0):
        groups.setdefault(general, []).append((place, node))
    found = [
        table
        for general in sorted(groups, key=len, reverse=True)
        for table in _tables_of(general, groups[general], code_of, codes)
    ]
    whole = [table for table in found if codes <= {row.code for row in table.rows} and len(table.rows) <= ROWS_MAX]
    return sorted(whole, key=lambda table: len(table.holders) < 2)


def is_empty(content: object, holders: AbstractSet[Holder]) -> bool:
    """Whether every holder is there, as what it was when it held rows, and empty wherever it is."""
    return bool(holders) and all(_is_empty(content, holder) for holder in holders)


def _is_empty(content: object, holder: Holder) -> bool:
    nodes = [node for general, _, node in _nodes(content, (), (), 0) if general == holder.place]
    return bool(nodes) and not any(node or _kind(node) != holder.kind for node in nodes)


def _nodes(node: object, general: Path, place: Path, depth: int) -> Iterator[tuple[Path, Path, object]]:
    if not isinstance(node, dict | list) or depth > DEPTH_MAX:
        return
    yield general, place, node
    for key, child in _items(node):
        step = ANY if isinstance(node, list) else key
        yield from _nodes(child, (*general, step), (*place, key), depth + 1)


def _items(node: object) -> Iterator[tuple[Key, object]]:
    if isinstance(node, dict):
        yield from node.items()
    elif isinstance(node, list):
        yield from enumerate(node)


def _tables_of(
    general: Path, nodes: Sequence[tuple[Path, object]], code_of: CodeOf, codes: AbstractSet[str]
) -> Iterator[Table]:
    in_list = general[-1:] == (ANY,)
    if in_list or (len(nodes) == 1 and isinstance(nodes[0][1], dict)):
        yield from _records(general, nodes, code_of, codes)
    if all(isinstance(node, dict) for _, node in nodes):
        rows = [row for place, node in nodes for row in _keyed(place, node, code_of, codes)]
        if rows:
            yield Table(general, None, rows, frozenset({Holder(general, "object")}))
        if len(nodes) == 1:
            yield from _side_by_side(general, nodes[0][0], nodes[0][1], code_of, codes)


def _records(
    general: Path, nodes: Sequence[tuple[Path, object]], code_of: CodeOf, codes: AbstractSet[str]
) -> Iterator[Table]:
    records = [cells_of(node, place) for place, node in nodes]
    holders = frozenset({Holder(general[:-1], "array")}) if general[-1:] == (ANY,) else frozenset()
    for naming in records[0]:
        names = [cells[naming].value if naming in cells else None for cells in records]
        if not all(isinstance(name, str) and name for name in names):
            continue
        named = [(str(name), code_of(str(name))) for name in names]
        if codes <= {code for _, code in named}:
            rows = [
                Row(code, {label: cell for label, cell in cells.items() if label != naming})
                for (_, code), cells in zip(named, records, strict=True)
            ]
            kind, rows = _merged([name for name, _ in named], rows)
            yield Table(general, (*naming, *kind), rows, holders)


def _merged(names: Sequence[str], rows: list[Row]) -> tuple[Path, list[Row]]:
    """One row for each currency of which the exchange writes several under one name, told apart by their type (`trade`, `frozen`),
    and the place of the type.

    Rows that are told apart by anything else stay apart, and collide; so do names that ccxt takes for one currency.
    """
    if len(set(names)) == len(names):
        return (), rows
    for word in rows[0].cells:
        words = [_type(word, row.cells.get(word)) for row in rows]
        if "" in words or len(set(zip(names, words, strict=True))) < len(rows):
            continue
        merged: dict[str, Row] = {}
        for name, kind, row in zip(names, words, rows, strict=True):
            cells = {(kind, *label): cell for label, cell in row.cells.items() if label != word}
            merged[name] = Row(row.code, {**(merged[name].cells if name in merged else {}), **cells})
        return word, list(merged.values())
    return (), rows


def _type(label: Path, cell: Cell | None) -> str:
    """The word in a field that is called a type, or in an array's place; empty for anything else."""
    called_so = bool(label) and (isinstance(label[-1], int) or "type" in label[-1].lower())
    known = called_so and cell is not None and isinstance(cell.value, str) and _TYPE.fullmatch(cell.value)
    return str(cell.value) if cell is not None and known else ""


def _keyed(place: Path, node: object, code_of: CodeOf, codes: AbstractSet[str]) -> Iterator[Row]:
    """Entries keyed by currencies: all that are of the same kind as those whose key is a currency of the result."""
    entries = [(key, child) for key, child in _items(node) if isinstance(key, str) and key]
    named = [(code_of(key), key, child) for key, child in entries]
    kinds = {_kind(child) for code, _, child in named if code in codes}
    for code, key, child in named:
        if _kind(child) in kinds:
            yield Row(code, cells_of(child, (*place, key)))


def _side_by_side(
    general: Path, place: Path, node: object, code_of: CodeOf, codes: AbstractSet[str]
) -> Iterator[Table]:
    sides: dict[str, dict[str, object]] = {}
    for key, child in _items(node):
        if isinstance(child, dict) and any(code_of(str(name)) in codes for name in child) and _holds_numbers(child):
            sides[str(key)] = child
    if len(sides) < 2:
        return
    names = dict.fromkeys(name for side in sides.values() for name in side)
    rows = [
        Row(
            code_of(name),
            {(key,): Cell((*place, key, name), side[name]) for key, side in sides.items() if name in side},
        )
        for name in names
    ]
    yield Table(general, None, rows, frozenset(Holder((*general, key), "object") for key in sides))


def _kind(node: object) -> str:
    if isinstance(node, dict):
        return "object"
    return "array" if isinstance(node, list) else "scalar"


def _holds_numbers(side: Mapping[str, object]) -> bool:
    """Whether an object has scalars alone and a number among them: addresses are keyed by currencies too."""
    return all(_kind(value) == "scalar" for value in side.values()) and any(map(_is_number, side.values()))


def _is_number(value: object) -> bool:
    try:
        money.parse_amount(value)
    except AmountError:
        return False
    return True


def cells_of(node: object, place: Path) -> dict[Path, Cell]:
    """The scalars of a row, three levels deep, not through lists within it; empty where there are too many for a row."""
    cells = dict(_cells(node, (), place, 0))
    return cells if len(cells) <= CELLS_MAX else {}


def _cells(node: object, label: Path, place: Path, depth: int) -> Iterator[tuple[Path, Cell]]:
    if _kind(node) == "scalar":
        yield label, Cell(place, node)
    elif depth < CELL_DEPTH_MAX and (isinstance(node, dict) or depth == 0):
        for key, child in _items(node):
            yield from _cells(child, (*label, key), (*place, key), depth + 1)
