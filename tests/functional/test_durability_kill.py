"""Killed at any instant, a writer loses nothing that it acknowledged, and the next one goes on (I3, I8)."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from durability_units import open_store, reward_unit

from reconcile_actors.domain.ledger import Committed

KILLS = 50
SEED = 1


def test_fifty_kills(tmp_path: Path) -> None:
    """After each of 50 SIGKILLs at random moments every acknowledged unit is there, under the trusted head, and the log verifies."""
    sys.stdout.write(f"seed {SEED}\n")
    nursery = Path(__file__).with_name("durability_nursery.py")
    done = subprocess.run(
        [sys.executable, str(nursery), str(tmp_path), str(SEED), str(KILLS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rounds) == KILLS
    assert rounds[-1]["acknowledged"] > KILLS, "the writers came to write"
    for number, one in enumerate(rounds):
        assert one["verdict"] in ({"VERIFIED"} if one["acknowledged"] else {None}), number
        assert one["lost"] == 0, number
        assert one["uncovered"] == 0, number

    async def go_on() -> None:
        async with await open_store(tmp_path) as store:
            version = (await store.load_book("kraken-main", 1)).version
            assert isinstance((await store.commit([reward_unit("kraken-main", version + 1)]))[0], Committed)

    asyncio.run(go_on())
