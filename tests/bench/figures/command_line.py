"""How soon the command line answers: `reconcile-actors --help` beside an interpreter that does nothing."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.exchange import ROOT
from tests.bench.figure import Bound, Figure, Line, Size, Spread, Target

_BARE = ("-c", "pass")
_HELP = ("-m", "reconcile_actors", "--help")


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(size.pick(15, 1)):
        ours.append(_seconds(_HELP))
        bare.append(_seconds(_BARE))
    return [
        Line(
            "reconcile-actors --help",
            "s",
            Spread.of(ours),
            Spread.of(bare),
            Target(Bound.VALUE_BELOW, 0.3),
            "bare: python -c pass",
        )
    ]


def _seconds(arguments: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


FIGURE = Figure("command_line", "the help text", measure)
