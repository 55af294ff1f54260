"""A simulated Kraken in a process of its own, so that its work is not counted as the client's.

Its one argument is a JSON object: accounts (names), currencies (rows an account), latency_seconds. It prints one JSON line
once it listens, answers each line of stdin with one JSON line, and ends with stdin.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from decimal import Decimal
from typing import Any

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.instruments import ASSETS, KRAKEN, Asset
from reconcile_actors.simulation.kraken import SimulatedKraken

LIFETIME_SECONDS = 600.0
_PAST_SECONDS = 172_800.0  # the deposits are older than any history that is asked for
_STEP = Decimal("0.00000001")


def main(options: dict[str, Any]) -> None:
    """Serves until stdin ends."""
    shift = [-_PAST_SECONDS]
    codes = [f"C{place:04d}" for place in range(options["currencies"])]
    for code in codes:
        ASSETS[code] = KRAKEN.assets[code] = Asset(code, code, 8, 5)  # published and held
    kraken = SimulatedKraken(
        clock=lambda: time.time() + shift[0],
        tier=None,
        latency_seconds=options["latency_seconds"],
        lifetime_seconds=LIFETIME_SECONDS,
    )
    users = {name: kraken.add_account(name) for name in options["accounts"]}
    for user in users.values():
        for place, code in enumerate(codes):
            user.account.deposit(code, Decimal(place + 1) + Decimal("0.12345678"))
    shift[0] = 0.0
    asyncio.run(_serve(kraken, {name: user.account for name, user in users.items()}))


async def _serve(kraken: SimulatedKraken, accounts: dict[str, Account]) -> None:
    async with kraken:
        keys = {user.name: [user.keys.api_key, user.keys.secret] for user in kraken._users.values()}
        _say({"base_url": kraken.base_url, "keys": keys})
        while line := await asyncio.to_thread(sys.stdin.readline):
            match json.loads(line):
                case {"change": str(name)}:
                    for code in accounts[name].holdings():
                        accounts[name].adjust(code, _STEP)
                    _say(_balances(accounts[name]))
                case {"balances": str(name)}:
                    _say(_balances(accounts[name]))
                case "requests":
                    _say(Counter(record.endpoint for record in kraken.requests))


def _balances(account: Account) -> dict[str, str]:
    return {code: f"{holding.balance:f}" for code, holding in account.holdings().items()}


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
