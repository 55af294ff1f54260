"""Commits and says so, to be traced: run as `python durability_committer.py FOLDER SYNCHRONOUS COUNT`.

SYNCHRONOUS `FULL` leaves the store as it is; anything else is set over it, to show that the check would see it.
"""

import asyncio
import os
import sys
from pathlib import Path

from durability_units import open_store, reward_unit

from reconcile_actors.domain.ledger import Committed


async def main() -> None:
    folder, synchronous, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    async with await open_store(folder) as store:
        database = store._session.database
        if synchronous != "FULL":
            await database.execute(f"PRAGMA synchronous={synchronous}")
        mode = (await database.fetch("PRAGMA journal_mode"))[0][0], (await database.fetch("PRAGMA synchronous"))[0][0]
        os.write(2, f"settings {mode}\n".encode())
        os.write(1, b"begin\n")
        for version in range(1, count + 1):
            (answer,) = await store.commit([reward_unit("kraken-main", version)])
            assert isinstance(answer, Committed), answer
            os.write(1, f"ack {version}\n".encode())


asyncio.run(main())
