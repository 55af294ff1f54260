"""The numbers as people read them: one table, then the bare scripts that they were measured against."""

from collections.abc import Mapping, Sequence

from tests.bench.figure import Figure, Line, Spread

_HEAD = ("figure", "unit", "median", "min .. max", "bare", "min .. max", "ratio", "target", "met")


def table(results: Mapping[str, Sequence[Line]]) -> str:
    """All lines; those of one figure stand together. Notes follow, numbered."""
    rows: list[tuple[str, ...]] = [_HEAD]
    notes: list[str] = []
    for lines in results.values():
        for line in lines:
            mark = ""
            if line.note:
                if line.note not in notes:
                    notes.append(line.note)
                mark = f" [{notes.index(line.note) + 1}]"
            rows.append(_row(line, mark))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    text.insert(1, "-" * len(text[0]))
    return "\n".join((*text, *(f"[{place}] {note}" for place, note in enumerate(notes, 1))))


def sources(figures: Sequence[Figure]) -> str:
    """The source of every baseline, once."""
    files = dict.fromkeys(file for figure in figures for file in figure.baselines)
    return "\n".join(f"\n== bare: {file.stem} ==\n{file.read_text(encoding='utf-8').strip()}" for file in files)


def _row(line: Line, mark: str) -> tuple[str, ...]:
    bare = line.baseline
    met = {None: "", True: "yes", False: "NO"}[line.met]
    return (
        line.name + mark,
        line.unit,
        number(line.ours.median),
        _range(line.ours),
        "" if bare is None else number(bare.median),
        "" if bare is None else _range(bare),
        "" if line.ratio is None else f"{line.ratio:.2f}",
        "" if line.target is None else str(line.target),
        met,
    )


def _range(spread: Spread) -> str:
    return f"{number(spread.low)} .. {number(spread.high)}"


def number(value: float) -> str:
    """Three figures or so; whole numbers from a hundred on."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"
