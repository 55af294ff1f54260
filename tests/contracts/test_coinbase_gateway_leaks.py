"""Nothing that the Coinbase gateway says or raises holds a key, a token, a body or an amount (I7), even with locals shown."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.simulation import Fault
from tests.contracts.coinbase_desk import Desk, desk
from tests.contracts.test_kraken_gateway_leaks import failure, said

__all__ = ["said"]

AMOUNT = Decimal("13579.2468")


def secrets_of(one: Desk) -> list[str]:
    keys = one.coinbase.keys
    body = keys.secret.splitlines()[1:-1]
    return [keys.api_key, *body, "PRIVATE KEY", "Bearer ", "eyJ", "13579.24", "api.coinbase.com/"]


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_no_fault_makes_it_speak(fault: Fault, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with balances, history or prices, neither errors nor logs tell what must not be told."""
    if fault is Fault.SLOW:
        monkeypatch.setattr(ccxt_client, "TRY_SECONDS", 0.1)

    async def main() -> list[str]:
        async with desk(retry_count=1) as one:
            account = one.coinbase.account
            account.deposit("USD", AMOUNT)
            order = account.place("BTC-USD", "buy", Decimal("0.1"), Decimal(50_000))
            account.fill(order.id, Decimal("0.1"), Decimal(50_000))
            one.time.advance(60)
            await one.gateway.read(timeout_seconds=30)
            told = []
            for endpoint in ("accounts", "fills", "transactions"):
                one.coinbase.faults.always(endpoint, fault)
                told.append(await failure(one.gateway.history(0, timeout_seconds=30)))
                if endpoint == "accounts":
                    told.append(await failure(one.gateway.read(timeout_seconds=30, confirming=True)))
                one.coinbase.faults.clear()
                one.time.advance(100)
            one.coinbase.faults.always("products", fault)
            told.append(await failure(one.gateway.prices(["BTC"], timeout_seconds=30)))
            secrets.extend(secrets_of(one))
            return told

    secrets: list[str] = []
    told = "\n".join([*asyncio.run(main()), *said])
    assert [secret for secret in secrets if secret in told] == []


def test_something_is_said() -> None:
    """A failure is told by class and word: the test above does not search in nothing."""

    async def main() -> str:
        async with desk(retry_count=0) as one:
            one.coinbase.faults.always("accounts", Fault.BAD_KEY)
            return await failure(one.gateway.read(timeout_seconds=30))

    assert "credentials: http_unauthorized" in asyncio.run(main())
