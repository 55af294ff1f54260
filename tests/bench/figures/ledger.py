"""What durability costs: units of work with their proofs, beside rows of bytes, one by one and in groups, each synced to disk."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.baselines import bare_sqlite
from tests.bench.figure import Figure, Line, Size, Spread, baseline
from tests.bench.units import open_ledger, unit, write

_GROUP = 256


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    single, grouped = size.pick((150, 2_560), (2, 4))
    samples = asyncio.run(_runs(directory, single, grouped, size.pick(5, 1)))
    note = "a unit writes a movement, a signed leaf with its tree and its payload, a checkpoint and the trusted head"
    return [
        Line("one unit a commit", "us/unit", Spread.of(samples[0]), Spread.of(samples[1]), note=note),
        Line(f"{_GROUP} units a commit", "us/unit", Spread.of(samples[2]), Spread.of(samples[3]), note=note),
        Line("units a second, in groups", "1/s", Spread.of([1e6 / one for one in samples[2]])),
    ]


async def _runs(directory: Path, single: int, grouped: int, runs: int) -> tuple[list[float], ...]:
    samples: tuple[list[float], ...] = ([], [], [], [])
    rows = [repr(unit(version).rows).encode() for version in range(max(single, grouped))]
    database = bare_sqlite.open_table(directory / "bare.db")
    version = 1
    async with await open_ledger(directory) as ledger:
        for _ in range(runs):
            for place, (count, group) in enumerate(((single, 1), (grouped, _GROUP))):
                started = time.perf_counter()
                await write(ledger, version, count, group)
                between = time.perf_counter()
                for start in range(0, count, group):
                    bare_sqlite.commit(database, rows[start : start + group])
                samples[2 * place].append((between - started) / count * 1e6)
                samples[2 * place + 1].append((time.perf_counter() - between) / count * 1e6)
                version += count
    database.close()
    return samples


FIGURE = Figure("ledger", "durable units beside durable rows", measure, (baseline("bare_sqlite"),))
