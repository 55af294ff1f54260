"""Every exchange class of ccxt against an exchange that answers garbage with status 200: none of it is ever an account (I1)."""

import asyncio

import ccxt.async_support
import pytest

from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.exchanges.generic.names import ccxt_exchanges
from tests.contracts.generic_desk import GARBAGE, desk

READERS = [
    name for name in ccxt.async_support.exchanges if getattr(ccxt.async_support, name)().has["fetchBalance"] is True
]


def test_every_class_is_known_by_name() -> None:
    """The names that need no import are ccxt's own, and enough of them read balances to make the next test worth its time."""
    assert ccxt_exchanges() == set(ccxt.async_support.exchanges)
    assert len(READERS) > 90


@pytest.mark.parametrize("shard", range(4))
def test_garbage_is_never_an_account(shard: int) -> None:
    """Whatever ccxt makes of garbage (most often an empty account), it is unknown or a failure, even where empty is allowed."""

    async def main() -> list[str]:
        believed = []
        async with desk() as one:
            for name in READERS[shard::4]:
                gateway = await one.gateway(name, allow_empty=True)
                for what, text in GARBAGE.items():
                    one.say.text = text
                    if isinstance(await one.read(gateway), Snapshot):
                        believed.append(f"{name}: {what}")
        return believed

    assert asyncio.run(main()) == []
