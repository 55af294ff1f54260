"""The service in a process of its own: how much memory it takes after its imports and with its accounts open.

Its arguments are a configuration file and the opening balances by account, a JSON object. It prints one JSON line: resident bytes.
"""

import asyncio
import json
import sys
from pathlib import Path

import ccxt.async_support  # noqa: F401 - the base that everything is measured from

from tests.bench.baselines.bare_import import resident_bytes

IMPORTED = resident_bytes()

from reconcile_actors import ReconciliationSystem  # noqa: E402 - measured apart
from reconcile_actors.config import load  # noqa: E402 - the same
from tests.bench.service import full_pass, statement, unlimited_gateways  # noqa: E402 - the same

_PASSES = 5


async def main(config: Path, openings: dict[str, dict[str, str]]) -> None:
    """Opens all accounts and makes a few passes of each."""
    modules = resident_bytes()
    settings = load(config, environ={})
    async with ReconciliationSystem.open(settings, gateways=unlimited_gateways(settings)) as system:
        for name, balances in openings.items():
            await system.record(statement(name, 1, balances))
        for _ in range(_PASSES):
            await asyncio.gather(*(full_pass(system, name) for name in openings))
        sizes = {"imported": IMPORTED, "modules": modules, "open": resident_bytes()}
    sys.stdout.write(json.dumps(sizes))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
