"""Raises writers of one store and kills them: run as `python durability_nursery.py FOLDER SEED KILLS`, prints one JSON line a kill.

It imports everything once and forks, so that fifty kills take seconds; it stays single-threaded, so that forking is sound.
"""

import asyncio
import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from pathlib import Path

from durability_units import open_store, reward_unit

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.domain.ledger import Committed

ACCOUNTS = ("kraken-main", "coinbase", "binance")


async def write_until_killed(folder: Path, pipe: int) -> None:
    """Three accounts at once commit unit after unit; each answer is told to the pipe the moment it is there."""
    store = await open_store(folder)

    async def account(name: str) -> None:
        version = (await store.load_book(name, 1)).version
        while True:
            version += 1
            (answer,) = await store.commit([reward_unit(name, version)])
            assert isinstance(answer, Committed), answer
            os.write(pipe, f"{name} {version} {answer.first_seq}\n".encode())

    await asyncio.gather(*(account(name) for name in ACCOUNTS))


def raise_and_kill(folder: Path, randomness: random.Random) -> list[tuple[str, int, int]]:
    """One writer's life; returns all that it was able to acknowledge: (account, version, seq)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(write_until_killed(folder, writing))
        finally:
            os._exit(70)  # only an error comes here
    os.close(writing)
    data, wanted = b"", randomness.choice((0, 0, randomness.randrange(1, 40)))
    # Without an answer to wait for the kill falls anywhere in the start; else anywhere in the next commit.
    until = time.monotonic() + (randomness.uniform(0.0, 0.06) if wanted == 0 else 20.0)
    while data.count(b"\n") < wanted or wanted == 0:
        ready, _, _ = select.select([reading], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            break
        data += os.read(reading, 4096)
    select.select([], [], [], randomness.uniform(0.0, 0.003))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while chunk := os.read(reading, 65_536):
        data += chunk
    os.close(reading)
    assert os.WIFSIGNALED(status), "the writer ended by itself"
    lines = [line.split() for line in data.decode().splitlines()]
    return [(name, int(version), int(seq)) for name, version, seq in lines]


def judge(folder: Path, acknowledged: dict[tuple[str, int], int]) -> dict[str, object]:
    """What a stranger finds in the store as the kill left it."""
    if not acknowledged:
        return {"verdict": None, "lost": 0, "uncovered": 0, "acknowledged": 0}
    key = SigningKey.load(folder / "audit.key").verifier
    result = verify_log(folder / "book.db", keys=[key], trusted_head=(folder / "trusted-head").read_bytes())
    connection = sqlite3.connect(f"file:{folder / 'book.db'}?mode=ro", uri=True)
    rows = connection.execute("SELECT exchange, version, movement.seq FROM movement JOIN log ON log.seq = movement.seq")
    stored = {(exchange, version): seq for exchange, version, seq in rows}
    connection.close()
    covered = result.size - result.unanchored_tail
    return {
        "verdict": result.verdict.name,
        "lost": sum(stored.get(place) != seq for place, seq in acknowledged.items()),
        "uncovered": sum(seq >= covered for seq in acknowledged.values()),
        "acknowledged": len(acknowledged),
    }


def main() -> None:
    folder, seed, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    randomness = random.Random(seed)
    acknowledged: dict[tuple[str, int], int] = {}
    for _ in range(kills):
        for name, version, seq in raise_and_kill(folder, randomness):
            assert (name, version) not in acknowledged, "a version was given twice"
            acknowledged[name, version] = seq
        sys.stdout.write(json.dumps(judge(folder, acknowledged)) + "\n")


if __name__ == "__main__":
    main()
