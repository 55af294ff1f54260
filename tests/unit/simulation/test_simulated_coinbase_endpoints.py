"""What the simulated Coinbase answers: pages of accounts, fills and transactions, and how faults bend them."""

import asyncio
import json
from decimal import Decimal

import pytest

from reconcile_actors.simulation import Fault, FaultOptions
from reconcile_actors.simulation.coinbase import SimulatedCoinbase
from reconcile_actors.simulation.coinbase.instruments import listing_of, place_of
from tests.unit.simulation.coinbase_client import V3, Client, exchange
from tests.unit.simulation.simulation_client import Clock

D = Decimal
ASSETS = ("USD", "BTC", "ETH", "BTC.V", "DOT.S")


def funded(coinbase: SimulatedCoinbase) -> None:
    for asset in ASSETS:
        coinbase.account.deposit(asset, D(100_000 if asset == "USD" else 3))


def test_how_assets_are_listed() -> None:
    """Vaults, second wallets and collateral have types of their own; a trading process names wallet and unified currency."""
    assert {asset: listing_of(asset).type for asset in ("USD", "BTC", "BTC.V", "DOT.S", "USDC.P")} == {
        "USD": "ACCOUNT_TYPE_FIAT",
        "BTC": "ACCOUNT_TYPE_CRYPTO",
        "BTC.V": "ACCOUNT_TYPE_VAULT",
        "DOT.S": "ACCOUNT_TYPE_CRYPTO",
        "USDC.P": "ACCOUNT_TYPE_PERP_FUTURES",
    }
    assert [place_of(asset) for asset in ("BTC.V", "DOT.S", "CGLD")] == [
        ("vault", "BTC"),
        ("spot", "DOT"),
        ("spot", "CELO"),
    ]


def test_pages_of_accounts() -> None:
    """Each account once, in the order in which they were made; the last page has no next."""

    async def main() -> None:
        async with exchange(page_rows=2) as (coinbase, client):
            funded(coinbase)
            coinbase.account.place("BTC-USD", "sell", D(1), D(70_000))
            pages, cursor = [], {}
            while True:
                pages.append(await client.v3("accounts", limit=250, **cursor))
                if not pages[-1]["has_next"]:
                    break
                cursor = {"cursor": pages[-1]["cursor"]}
            assert [(page["size"], page["cursor"] != "") for page in pages] == [(2, True), (2, True), (1, False)]
            rows = [row for page in pages for row in page["accounts"]]
            assert [row["name"] for row in rows] == [
                "USD Wallet",
                "BTC Wallet",
                "ETH Wallet",
                "BTC Vault",
                "Staked DOT",
            ]
            assert len({row["uuid"] for row in rows}) == 5
            assert rows[1]["available_balance"] == {"value": "2.0000000000000000", "currency": "BTC"}
            assert rows[1]["hold"]["value"] == "1.0000000000000000"

    asyncio.run(main())


def test_pages_of_fills_are_not_shifted_by_new_ones() -> None:
    """Newest first; what is filled between two pages is on neither, and nothing is on both or none."""

    async def main() -> None:
        clock = Clock()
        async with exchange(clock=clock, page_rows=2) as (coinbase, client):
            funded(coinbase)
            for _ in range(5):
                clock.advance(1)
                coinbase.market.submit(coinbase.account, "BTC-USD", "sell", D("0.1"))
            first = await client.v3("orders/historical/fills")
            coinbase.market.submit(coinbase.account, "BTC-USD", "sell", D("0.1"))
            second = await client.v3("orders/historical/fills", cursor=first["cursor"])
            third = await client.v3("orders/historical/fills", cursor=second["cursor"])
            seen = [fill["trade_id"] for page in (first, second, third) for fill in page["fills"]]
            assert seen == [fill.id for fill in reversed(coinbase.account.fills[:5])]
            assert third["cursor"] == ""
            within = await client.v3(
                "orders/historical/fills",
                start_sequence_timestamp="2023-11-14T22:13:22Z",
                end_sequence_timestamp="2023-11-14T22:13:23Z",
            )
            assert [fill["trade_id"] for fill in within["fills"]] == [
                fill.id for fill in reversed(coinbase.account.fills[1:3])
            ]

    asyncio.run(main())


def test_a_market_buy_is_sized_in_quote() -> None:
    """It states what was spent; a sale and a limit order state the base."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            funded(coinbase)
            coinbase.market.submit(coinbase.account, "BTC-USD", "buy", D("0.1"))
            coinbase.market.submit(coinbase.account, "BTC-USD", "sell", D("0.1"))
            sold, bought = (await client.v3("orders/historical/fills"))["fills"]
            assert (sold["size_in_quote"], sold["size"], sold["liquidity_indicator"]) == (False, "0.10000000", "TAKER")
            assert (bought["size_in_quote"], D(bought["size"])) == (True, coinbase.account.fills[0].cost)

    asyncio.run(main())


def test_transactions_of_an_account() -> None:
    """Newest first by creation, each event once with its state; a fill appears with its order in both accounts."""

    async def main() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (coinbase, client):
            funded(coinbase)
            account = coinbase.account
            steps = (
                lambda: account.withdraw("BTC", D("0.5"), fee=D("0.01"), pending=True),
                lambda: account.transfer("BTC", "BTC.V", D("0.2")),
                lambda: account.transfer("BTC.V", "BTC", D("0.1")),
                lambda: account.convert("BTC", D("0.1"), "ETH", D(2)),
                lambda: account.adjust("BTC", D("-0.1")),
                lambda: coinbase.market.submit(account, "BTC-USD", "sell", D("0.1")),
            )
            for step in steps:
                clock.advance(1)
                made = step()
                if step is steps[0]:
                    sent = made
            uuid = await client.uuid("BTC")
            rows = (await client.transactions(uuid))["data"]
            assert [(row["type"], row["amount"]["amount"].rstrip("0")) for row in rows] == [
                ("advanced_trade_fill", "-0.1"),
                ("clawback", "-0.1"),
                ("trade", "-0.1"),
                ("transfer", "0.1"),
                ("transfer", "-0.2"),
                ("send", "-0.51"),
                ("send", "3."),
            ]
            assert rows[0]["advanced_trade_fill"]["order_id"] == account.fills[0].order_id
            assert (rows[5]["id"], rows[5]["status"], rows[5]["network"]["status"]) == (sent, "pending", "pending")
            clock.advance(5)
            account.fail_withdrawal(sent)
            rows = (await client.transactions(uuid))["data"]
            assert [row["status"] for row in rows if row["id"] == sent] == ["failed"]
            vault = next(row["uuid"] for row in (await client.v3("accounts"))["accounts"] if row["name"] == "BTC Vault")
            types = [row["type"] for row in (await client.transactions(vault))["data"]]
            assert types == ["vault_withdrawal", "transfer", "send"]
            dollars = (await client.transactions(await client.uuid("USD")))["data"]
            assert [row["type"] for row in dollars] == ["advanced_trade_fill", "fiat_deposit"]
            staked = next(row["uuid"] for row in (await client.v3("accounts"))["accounts"] if row["currency"] == "DOT")
            account.reward("DOT.S", D(1))
            assert (await client.transactions(staked))["data"][0]["type"] == "staking_reward"

    asyncio.run(main())


def test_pages_of_transactions() -> None:
    """The next page starts after the last row's id; after an unknown one there is nothing."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            for _ in range(5):
                coinbase.account.deposit("BTC", D(1))
            uuid, seen, after = await client.uuid("BTC"), [], {}
            while True:
                page = await client.transactions(uuid, limit=2, **after)
                seen += [row["id"] for row in page["data"]]
                last = page["pagination"]["next_starting_after"]
                if last is None:
                    break
                assert last in page["pagination"]["next_uri"]
                after = {"starting_after": last}
            assert seen == list(coinbase.account.fundings)
            assert (await client.transactions(uuid, starting_after="x"))["data"] == []

    asyncio.run(main())


def test_the_past() -> None:
    """STALE shows balances as they were, LAGGING_HISTORY hides what is young."""

    async def main() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (coinbase, client):
            funded(coinbase)
            uuid = await client.uuid("BTC")
            clock.advance(10)
            coinbase.market.submit(coinbase.account, "BTC-USD", "sell", D(1))
            past = FaultOptions(seconds=5)
            for endpoint, fault in (
                ("accounts", Fault.STALE),
                ("fills", Fault.LAGGING_HISTORY),
                ("transactions", Fault.LAGGING_HISTORY),
            ):
                coinbase.faults.always(endpoint, fault, options=past)
            assert (await client.v3("accounts"))["accounts"][1]["available_balance"]["value"] == "3.0000000000000000"
            assert (await client.v3("orders/historical/fills"))["fills"] == []
            assert len((await client.transactions(uuid))["data"]) == 1

    asyncio.run(main())


async def bent(client: Client, coinbase: SimulatedCoinbase, fault: Fault, **options: object) -> list[dict]:
    coinbase.faults.next("accounts", fault, options=FaultOptions(**options))
    return json.loads((await client.ask(V3 + "accounts")).text, parse_float=str)["accounts"]


def test_content_that_is_wrong() -> None:
    """Each fault bends the row that was named, or the first, or all; nothing else changes."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            funded(coinbase)
            true = (await client.v3("accounts"))["accounts"]

            def values(rows: list[dict]) -> list[object]:
                return [row["available_balance"]["value"] for row in rows]

            assert values(await bent(client, coinbase, Fault.NULL_LEGS)) == [None] * 5
            assert values(await bent(client, coinbase, Fault.NULL_LEGS, row="ETH"))[2] is None
            assert {D(str(value)) for value in values(await bent(client, coinbase, Fault.ZEROED))} == {D(0)}
            assert [row["name"] for row in await bent(client, coinbase, Fault.MISSING_ROW, row="BTC")] == [
                row["name"] for row in true if row["name"] != "BTC Wallet"
            ]
            assert values(await bent(client, coinbase, Fault.SKEWED, amount=D("0.5")))[0] == "100000.5000000000000000"
            assert values(await bent(client, coinbase, Fault.NON_FINITE, value="inf"))[0] == "inf"
            held = await bent(client, coinbase, Fault.HUGE, leg="hold", row=true[1]["uuid"])
            assert (held[1]["hold"]["value"], values(held)) == ("1e30", values(true))
            assert len(str(values(await bent(client, coinbase, Fault.FORTY_DECIMALS))[0])) == len("100000.") + 40
            twice = await bent(client, coinbase, Fault.COLLIDING_CODES)
            assert (twice[-1]["uuid"], len(twice)) == (true[0]["uuid"], 6)
            coinbase.faults.next("accounts", Fault.JSON_NUMBERS)
            assert '"value": 100000.0000000000000000,' in (await client.ask(V3 + "accounts")).text
            coinbase.faults.next("accounts", Fault.MISSING_ROW, options=FaultOptions(row="nothing"))
            assert (await client.v3("accounts"))["accounts"] == true
            coinbase.faults.next("time", Fault.ZEROED)
            assert "iso" in await client.v3("time")

    asyncio.run(main())


@pytest.mark.parametrize("fault", [Fault.COLLIDING_CODES, Fault.MISSING_ROW])
def test_no_rows_to_bend(fault: Fault) -> None:
    """An account without wallets stays one."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            assert await bent(client, coinbase, fault) == []

    asyncio.run(main())


def test_products_and_the_time() -> None:
    """All products or those named; the time is the simulation's."""

    async def main() -> None:
        async with exchange() as (_, client):
            assert len((await client.v3("market/products"))["products"]) == 8
            named = await client.v3("market/products", product_ids="BTC-USD")
            assert [row["price"] for row in named["products"]] == ["60000.00"]
            assert (await client.v3("time"))["epochMillis"] == "1700000000000"

    asyncio.run(main())
