"""`python -m tests.bench [FIGURE ...]`: measures, prints one table with the bare scripts, and writes `var/bench.json`.

Progress goes to stderr. Exit code 0 also where a target is missed: a busy machine is no defect. Figures run one by one.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.document import write
from tests.bench.figure import Figure, Line, Size
from tests.bench.figures import FIGURES
from tests.bench.table import sources, table


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"default all of: {', '.join(FIGURES)}")
    parser.add_argument("--tiny", action="store_true", help="only see that it runs; the numbers mean nothing")
    parser.add_argument(
        "--json", type=Path, default=Path("var/bench.json"), help="where to write (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.figures) - FIGURES.keys())
    if unknown:
        parser.error(f"no such figure: {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    chosen = [FIGURES[name] for name in options.figures or FIGURES]
    started = time.monotonic()
    results = {figure.name: _measured(figure, Size.TINY if options.tiny else Size.FULL) for figure in chosen}
    write(options.json, results, time.monotonic() - started)
    sys.stdout.write(f"{table(results)}\n{sources(chosen)}\n")


def _measured(figure: Figure, size: Size) -> Sequence[Line]:
    sys.stderr.write(f"{figure.name}: {figure.title} ... ")
    sys.stderr.flush()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as directory:
        lines = figure.measure(size, Path(directory))
    sys.stderr.write(f"{time.monotonic() - started:.1f} s\n")
    return lines


if __name__ == "__main__":
    main()
