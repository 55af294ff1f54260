"""What a person or a program reads: JSON documents and tables on stdout, notes on stderr.

Amounts may stand on the terminal of the person who asked; they never go to stderr or into a log (I7).
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

_COLORS: Final = {
    "matched": "green",
    "verified": "green",
    "discrepant": "red",
    "error": "red",
    "tampered": "red",
    "unknown": "yellow",
    "warning": "yellow",
    "confirmed": "red",
    "halted": "red",
}


def print_json(document: Mapping[str, Any]) -> None:
    """One document, indented, on stdout."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_line(document: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own, flushed: whoever waits for it reads it now."""
    click.echo(json.dumps(document, ensure_ascii=False))
    sys.stdout.flush()


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """A short table on stdout; `empty` stands where there is no row. None shows as a dash."""
    texts = [[_cell(value) for value in row] for row in rows]
    if not texts:
        click.echo(empty)
        return
    widths = [max(len(line[column]) for line in [list(header), *texts]) for column in range(len(header))]
    click.echo(click.style(_joined(header, widths), bold=True))
    for line in texts:
        click.echo(_joined(line, widths))


def note(text: str) -> None:
    """A sentence for the person, on stderr."""
    click.echo(text, err=True)


def progress(text: str) -> None:
    """A passing remark: only where somebody watches."""
    if sys.stderr.isatty():
        click.echo(text, err=True)


def styled(word: str) -> str:
    """A status word in its colour (removed where stdout is no terminal, or NO_COLOR is set)."""
    return click.style(word, fg=_COLORS.get(word))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [styled(cell) + " " * (width - len(cell)) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()
