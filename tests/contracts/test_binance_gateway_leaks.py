"""Nothing that the Binance gateway says or raises holds a key, a signature, a body or an amount (I7), even with locals shown."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.simulation import Fault
from tests.contracts.binance_desk import Desk, desk
from tests.contracts.test_kraken_gateway_leaks import failure, said

__all__ = ["said"]

AMOUNT = Decimal("13579.2468")
LISTS = ("myTrades", "capital/deposit/hisrec", "asset/assetDividend", "convert/tradeFlow", "asset/dribblet")


def secrets_of(one: Desk) -> list[str]:
    keys = one.binance.keys
    return [keys.api_key, keys.secret, "13579.24", "signature=", "X-MBX-APIKEY", "api.binance.com/", "timestamp="]


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_no_fault_makes_it_speak(fault: Fault, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with balances, history or prices, neither errors nor logs tell what must not be told."""
    if fault is Fault.SLOW:
        monkeypatch.setattr(ccxt_client, "TRY_SECONDS", 0.1)

    async def main() -> list[str]:
        async with desk(retry_count=1) as one:
            one.fund(BTC="1", USDT=str(AMOUNT))
            account = one.binance.account
            since_at = one.now_at - 3_600_000_000
            one.binance.market.submit(account, "BTCUSDT", "buy", Decimal("0.01"))
            account.reward("USDT", AMOUNT)
            account.convert("USDT", AMOUNT, "BNB", Decimal(1))
            account.sweep_dust({"BNB": AMOUNT})
            await one.gateway.read(timeout_seconds=30)
            told = []
            for endpoint in LISTS:
                one.binance.faults.always(endpoint, fault)
                told.append(await failure(one.gateway.history(since_at, timeout_seconds=30)))
                one.binance.faults.clear()
                one.time.advance(100)
            one.binance.faults.always("*", fault)
            told.append(await failure(one.gateway.read(timeout_seconds=30, confirming=True)))
            one.time.advance(100)
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
            one.binance.faults.always("account", Fault.HTTP_503)
            return await failure(one.gateway.read(timeout_seconds=30))

    assert "transient: http_server_error" in asyncio.run(main())
