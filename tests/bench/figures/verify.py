"""How fast a log is verified whole: every leaf parsed, chained and proved against a trusted head kept elsewhere."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.verifier import verify_log
from tests.bench.baselines.bare_hashing import hash_leaves
from tests.bench.figure import Figure, Line, Size, Spread, baseline
from tests.bench.units import open_ledger, write


def measure(size: Size, directory: Path) -> Sequence[Line]:
    """See the figure."""
    entries = size.pick(20_000, 10)
    asyncio.run(_fill(directory, entries))
    key = SigningKey.load(directory / "ledger.key").verifier
    head = (directory / "trusted-head").read_bytes()
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(size.pick(5, 1)):
        started = time.perf_counter()
        result = verify_log(directory / "ledger.db", keys=[key], trusted_head=head)
        between = time.perf_counter()
        count = hash_leaves(directory / "ledger.db")
        bare.append((time.perf_counter() - between) / count * 1e6)
        ours.append((between - started) / count * 1e6)
        assert result.exit_code == 0, "the log is whole"
    return [
        Line(f"audit verify, {entries:,} entries", "us/entry", Spread.of(ours), Spread.of(bare)),
        Line("entries a second", "1/s", Spread.of([1e6 / one for one in ours])),
    ]


async def _fill(directory: Path, entries: int) -> None:
    async with await open_ledger(directory) as ledger:
        await write(ledger, 1, entries, 256)


FIGURE = Figure("verify", "the verifier beside bare hashing", measure, (baseline("bare_hashing"),))
