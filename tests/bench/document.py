"""The numbers as programs read them: `var/bench.json`."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figure import Line, Spread


def write(path: Path, results: Mapping[str, Sequence[Line]], seconds: float) -> None:
    """Writes all of it, making the directory."""
    document = {
        "schema": "reconcile-actors/bench/1",
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
        },
        "seconds": round(seconds, 1),
        "figures": {name: [_line(line) for line in lines] for name, lines in results.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _line(line: Line) -> dict[str, object]:
    return {
        "name": line.name,
        "unit": line.unit,
        "ours": _spread(line.ours),
        "baseline": None if line.baseline is None else _spread(line.baseline),
        "ratio": None if line.ratio is None else round(line.ratio, 4),
        "target": None if line.target is None else {"bound": line.target.bound.value, "limit": line.target.limit},
        "met": line.met,
        "note": line.note,
    }


def _spread(spread: Spread) -> dict[str, float]:
    return {key: round(value, 6) for key, value in asdict(spread).items()}
