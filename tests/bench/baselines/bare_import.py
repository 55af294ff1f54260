"""Bare ccxt in a process of its own: its import, then clients that each fetched their balances. Prints resident bytes."""

import asyncio
import json
import sys
from pathlib import Path

import ccxt.async_support as ccxt

PAGE_BYTES = 4096


def resident_bytes() -> int:
    """What of this process lies in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def main(base_url: str, keys: list[list[str]]) -> None:
    """One client an account, all at once."""
    imported = resident_bytes()
    clients = [ccxt.kraken({"apiKey": key, "secret": secret, "enableRateLimit": False}) for key, secret in keys]
    for client in clients:
        client.urls["api"] = {"public": base_url, "private": base_url}
    for _ in range(5):
        await asyncio.gather(*(client.fetch_balance() for client in clients))
    sys.stdout.write(json.dumps({"imported": imported, "open": resident_bytes()}))
    await asyncio.gather(*(client.close() for client in clients))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
