"""A real client, ccxt's asynchronous Kraken, reads and trades on the simulated exchange and understands every answer.

The client is redirected after signing, as users are: a request for URL U goes to base_url/HOST(U)/PATH(U), signed for the path alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import ccxt.async_support as ccxt
import pytest

from reconcile_actors.simulation import Fault, FaultOptions, SimulatedKraken, Tier, Trader
from reconcile_actors.simulation.kraken import READ_ONLY

D = Decimal


class RedirectedKraken(ccxt.kraken):
    """ccxt's Kraken, whose signed requests go to another host."""

    base_url = ""

    async def fetch(self, url, method="GET", headers=None, body=None):
        return await super().fetch(f"{self.base_url}/{url.removeprefix('https://')}", method, headers, body)


@asynccontextmanager
async def client_of(kraken: SimulatedKraken) -> AsyncIterator[ccxt.kraken]:
    client = RedirectedKraken(
        {"apiKey": kraken.keys.api_key, "secret": kraken.keys.secret, "enableRateLimit": False, "timeout": 10_000}
    )
    client.base_url = kraken.base_url
    client.number = str  # amounts stay the strings that were sent
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def market_day(**options: object) -> AsyncIterator[tuple[SimulatedKraken, ccxt.kraken]]:
    """A funded account and a client that knows the markets."""
    async with SimulatedKraken(seed=11, tier=None, **options) as kraken, client_of(kraken) as client:
        for asset, amount in (("ZUSD", D(100_000)), ("XXBT", D(3)), ("XETH", D(30)), ("USDT", D(1_000))):
            kraken.account.deposit(asset, amount)
        await client.load_markets()
        yield kraken, client


def test_markets_and_time_are_understood():
    """Pairs get their common names, ticks and lots; the clock is the server's."""

    async def story() -> None:
        async with market_day(clock=lambda: 1_700_000_000.5) as (_, client):
            assert {"BTC/USD", "ETH/USD", "ETH/BTC", "USDT/USD"} <= set(client.symbols)
            assert client.market("BTC/USD")["precision"] == {"amount": "0.00000001", "price": "0.1"}
            assert client.currency("BTC")["id"] == "XXBT"
            assert await client.fetch_time() == 1_700_000_000_000
            assert (await client.fetch_status())["status"] == "ok"
            ticker = await client.fetch_ticker("ETH/BTC")
            assert (ticker["bid"], ticker["last"], ticker["ask"]) == ("0.0499900000", "0.0500000000", "0.0500100000")

    asyncio.run(story())


def test_balances_are_the_account_s_to_the_last_digit():
    """Total, locked and free agree with the ledger for every asset; suffix wallets stay apart."""

    async def story() -> None:
        async with market_day() as (kraken, client):
            kraken.account.place("XBTUSD", "buy", D("0.12345678"), D("54321.1"))
            kraken.account.place("XBTUSD", "sell", D("0.5"), D(70_000))
            kraken.account.transfer("XXBT", "XBT.F", D("0.1000000001"))
            balance = await client.fetch_balance()
            names = {"ZUSD": "USD", "XXBT": "BTC", "XETH": "ETH", "USDT": "USDT", "XBT.F": "BTC.F"}
            assert set(balance["total"]) == set(names.values())
            for asset, holding in kraken.account.holdings().items():
                row = balance[names[asset]]
                assert (D(row["total"]), D(row["used"])) == (holding.balance, holding.hold)
                assert D(row["free"]) == holding.balance - holding.hold

    asyncio.run(story())


def test_orders_are_placed_read_and_canceled():
    """A resting order is open with its hold, and gone when canceled; a market order is a trade."""

    async def story() -> None:
        async with market_day() as (kraken, client):
            placed = await client.create_order("BTC/USD", "limit", "buy", 0.01, 50_000, {"clientOrderId": "mine"})
            (opened,) = await client.fetch_open_orders("BTC/USD")
            assert (opened["id"], opened["clientOrderId"], opened["status"]) == (placed["id"], "mine", "open")
            assert (opened["amount"], opened["price"], opened["remaining"]) == ("0.01000000", "50000.0", "0.01")
            assert kraken.account.hold("ZUSD") == D(500)
            await client.cancel_order(placed["id"])
            assert await client.fetch_open_orders() == []
            assert kraken.account.hold("ZUSD") == 0
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(placed["id"])
            sold = await client.create_order("ETH/USD", "market", "sell", 1.5)
            order = await client.fetch_order(sold["id"])
            assert (order["status"], order["filled"], order["average"]) == ("closed", "1.50000000", "3000.00000")
            closed = await client.fetch_closed_orders()
            assert [each["id"] for each in closed] == [placed["id"], sold["id"]]
            (trade,) = await client.fetch_order_trades(sold["id"], params={"trades": order["trades"]})
            assert trade["order"] == sold["id"]

    asyncio.run(story())


def test_trades_and_ledger_tell_the_same_story():
    """Each trade has its id, amounts and fee; two ledger rows refer to it, and amounts less fees sum to the balance."""

    async def story() -> None:
        async with market_day() as (kraken, client):
            await client.create_order("BTC/USD", "market", "buy", 0.25)
            await client.create_order("ETH/BTC", "market", "sell", 2)
            trades = await client.fetch_my_trades()
            assert [trade["id"] for trade in trades] == [fill.id for fill in kraken.account.fills]
            for trade, fill in zip(trades, kraken.account.fills, strict=True):
                assert (D(trade["price"]), D(trade["amount"]), D(trade["cost"])) == (fill.price, fill.volume, fill.cost)
                assert D(trade["fee"]["cost"]) == fill.fee
                assert trade["timestamp"] == int(fill.at * 1000)
            ledger = await client.fetch_ledger()
            for trade in trades:
                assert [row["referenceId"] for row in ledger].count(trade["id"]) == 2
            for code, asset in (("BTC", "XXBT"), ("USD", "ZUSD"), ("ETH", "XETH")):
                rows = await client.fetch_ledger(code)
                signed = [D(row["amount"]) * (1 if row["direction"] == "in" else -1) for row in rows]
                assert sum(signed) - sum(D(row["fee"]["cost"]) for row in rows) == kraken.account.balance(asset)
            assert {row["type"] for row in ledger} == {"transaction", "trade"}
            (entry,) = await client.fetch_ledger_entries_by_ids([ledger[0]["id"]])
            assert entry["id"] == ledger[0]["id"]

    asyncio.run(story())


def test_long_histories_come_in_pages():
    """Offsets walk through a hundred trades, and a start time leaves out what came before."""

    async def story() -> None:
        now = [1_700_000_000.0]
        async with market_day(clock=lambda: now[0]) as (kraken, client):
            trader = Trader(kraken.account, kraken.market, exchange="k", actions_per_second=10, moves_funds=False)
            while len(kraken.account.fills) < 120:
                trader.step(now[0])
                now[0] += 0.5
            seen: list[str] = []
            while page := await client.fetch_my_trades(params={"ofs": len(seen)}):
                seen = [trade["id"] for trade in page] + seen
            assert sorted(seen) == sorted(fill.id for fill in kraken.account.fills)
            since = int(kraken.account.fills[-10].at) * 1000
            recent = await client.fetch_my_trades(since=since)
            assert {trade["id"] for trade in recent} == {
                fill.id for fill in kraken.account.fills if fill.at > since / 1000
            }

    asyncio.run(story())


def test_deposits_withdrawals_and_transfers_are_understood():
    """Amounts, fees and status; a pending one is pending."""

    async def story() -> None:
        async with market_day() as (kraken, client):
            kraken.account.deposit("XXBT", D("0.5"), pending=True)
            deposits = await client.fetch_deposits()
            assert [row["status"] for row in deposits].count("pending") == 1
            assert len(await client.fetch_deposits("BTC")) == 2
            sent = await client.withdraw("BTC", "1", "", {"key": "cold"})
            (row,) = await client.fetch_withdrawals()
            assert (row["id"], row["amount"], row["fee"]["cost"]) == (sent["id"], "0.9998000000", "0.0002000000")
            assert row["status"] == "pending"
            (paged,) = await client.fetch_withdrawals(params={"cursor": "true"})
            assert paged["id"] == sent["id"]
            moved = await client.transfer_out("ETH", "1")
            assert moved["id"] in {entry["referenceId"] for entry in await client.fetch_ledger("ETH")}
            kraken.account.verify()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.BAD_KEY, ccxt.AuthenticationError),
        (Fault.INVALID_NONCE, ccxt.InvalidNonce),
        (Fault.PERMISSION_DENIED, ccxt.PermissionDenied),
        (Fault.RATE_LIMIT, ccxt.DDoSProtection),
        (Fault.LOCKOUT, ccxt.DDoSProtection),
        (Fault.UNAVAILABLE, ccxt.ExchangeNotAvailable),
        (Fault.CANCEL_ONLY, ccxt.OnMaintenance),
        (Fault.HTTP_429, ccxt.RateLimitExceeded),
        (Fault.HTTP_500, ccxt.ExchangeNotAvailable),
        (Fault.HTTP_502, ccxt.ExchangeNotAvailable),
        (Fault.HTTP_503, ccxt.ExchangeNotAvailable),
        (Fault.HTTP_520, ccxt.ExchangeNotAvailable),
        (Fault.DROP, ccxt.ExchangeNotAvailable),
    ],
)
def test_failures_are_the_client_s_own_errors(fault, error):
    """The client maps each failure as it maps the real exchange's."""

    async def story() -> None:
        async with market_day() as (kraken, client):
            kraken.faults.next("BalanceEx", fault)
            with pytest.raises(error):
                await client.fetch_balance()
            assert (await client.fetch_balance())["BTC"]["total"] == "3.0000000000"

    asyncio.run(story())


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.EMPTY_OBJECT, Fault.NULL_RESULT])
def test_garbage_becomes_an_empty_balance(fault):
    """The trap that a gateway must guard against is really set: a body that is no answer raises nothing in the client."""

    async def story() -> None:
        async with market_day() as (kraken, client):
            kraken.faults.next("BalanceEx", fault)
            assert (await client.fetch_balance())["total"] == {}

    asyncio.run(story())


def test_a_slow_exchange_times_out_in_the_client():
    """The client gives up, the server's handler ends with it, and the next request is served."""

    async def story() -> None:
        async with market_day() as (kraken, client):
            client.timeout = 50
            kraken.faults.next("BalanceEx", Fault.SLOW, options=FaultOptions(seconds=600))
            with pytest.raises(ccxt.RequestTimeout):
                await client.fetch_balance()
            client.timeout = 10_000
            assert (await client.fetch_balance())["USD"]["total"] == "100000.0000"

    asyncio.run(story())


def test_keys_limits_and_permissions_bind_the_client():
    """A reading key cannot trade; the call limit and a revoked key are seen as such."""

    async def story() -> None:
        kraken = SimulatedKraken(permissions=READ_ONLY, tier=Tier.STARTER, clock=lambda: 1_700_000_000.0)
        async with kraken, client_of(kraken) as client:
            await client.load_markets()
            with pytest.raises(ccxt.PermissionDenied):
                await client.create_order("BTC/USD", "market", "buy", 0.01)
            for _ in range(15):
                await client.fetch_balance()
            with pytest.raises(ccxt.DDoSProtection):
                await client.fetch_balance()
            kraken.revoke(kraken.user)
            with pytest.raises(ccxt.AuthenticationError):
                await client.fetch_balance()

    asyncio.run(story())
