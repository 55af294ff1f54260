"""The endpoints: what each shows, page by page, and what it refuses."""

import asyncio
from decimal import Decimal

from simulation_client import Clock, exchange, funded

from reconcile_actors.simulation.records import FundingStatus

D = Decimal


def test_balances_list_zero_rows_of_assets_once_held():
    """An asset that was emptied stays, one never held is absent; decimals are the asset's own."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            assert await client.result("BalanceEx") == {}
            funded(kraken)
            kraken.account.withdraw("XETH", D(30))
            kraken.account.place("XBTUSD", "buy", D("0.01"), D(50_000))
            kraken.account.transfer("XXBT", "XBT.F", D("1.5"))
            assert await client.result("Balance") == {
                "ZUSD": "100000.0000",
                "XXBT": "1.5000000000",
                "XETH": "0.0000000000",
                "XBT.F": "1.5000000000",
            }
            assert (await client.result("BalanceEx"))["ZUSD"] == {"balance": "100000.0000", "hold_trade": "500.0000"}

    asyncio.run(story())


def test_ledgers_come_newest_first_fifty_to_a_page():
    """Offsets walk through all rows once; the count is of all that match."""

    async def story() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (kraken, client):
            for _ in range(120):
                clock.advance(1)
                kraken.account.deposit("ZUSD", D(1))
            seen: list[str] = []
            for offset, size in ((0, 50), (50, 50), (100, 20), (150, 0)):
                page = await client.result("Ledgers", ofs=offset)
                assert (len(page["ledger"]), page["count"]) == (size, 120)
                seen += page["ledger"]
            assert seen == [row.id for row in reversed(kraken.account.ledger.rows())]
            assert "count" not in await client.result("Ledgers", without_count="true")

    asyncio.run(story())


def test_ledgers_are_chosen_by_time_id_type_and_asset():
    """Start is exclusive, end inclusive, with fractions; assets go by code or altname."""

    async def story() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (kraken, client):
            for _ in range(3):
                clock.advance(0.5)
                kraken.account.deposit("ZUSD", D(1))
            kraken.account.reward("XXBT", D(1))
            first, second, third, reward = kraken.account.ledger.rows()

            async def ids(**parameters: object) -> set[str]:
                return set((await client.result("Ledgers", **parameters))["ledger"])

            times = [row["time"] for row in (await client.result("Ledgers"))["ledger"].values()]
            assert times == [1_700_000_001.5, 1_700_000_001.5, 1_700_000_001.0, 1_700_000_000.5]
            assert await ids(start=first.at) == {second.id, third.id, reward.id}
            assert await ids(start=first.at, end=second.at) == {second.id}
            assert await ids(start=second.id) == {third.id, reward.id}
            assert await ids(end=second.id) == {first.id, second.id}
            assert await ids(type="staking") == {reward.id}
            assert await ids(asset="XBT") == await ids(asset="XXBT,ZEUR") == {reward.id}
            assert len(await ids(asset="all", type="all")) == 4
            assert await client.error("Ledgers", asset="NOPE") == "EQuery:Unknown asset"
            assert await client.error("Ledgers", start="LAAAAA-A-A") == "EGeneral:Invalid arguments"
            for bad in ("yesterday", "nan", "inf"):
                assert await client.error("Ledgers", start=bad) == "EGeneral:Invalid arguments"
            assert await client.error("Ledgers", ofs="-1") == "EGeneral:Invalid arguments:ofs"
            assert set(await client.result("QueryLedgers", id=f"{first.id},{reward.id}")) == {first.id, reward.id}
            assert await client.error("QueryLedgers", id="L") == "EQuery:Unknown ledger"
            assert await client.error("QueryLedgers") == "EGeneral:Invalid arguments"
            assert await client.error("QueryLedgers", id=",".join(["L"] * 21)) == "EGeneral:Invalid arguments"

    asyncio.run(story())


def test_a_trade_is_two_ledger_rows_under_its_own_id():
    """TradesHistory names them on request, and the refid of both is the trade."""

    async def story() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (kraken, client):
            funded(kraken)
            order = await client.result("AddOrder", pair="XBTUSD", type="sell", ordertype="market", volume="0.5")
            clock.advance(1)
            await client.result(
                "AddOrder", pair="XXBTZUSD", type="buy", ordertype="market", volume="0.5", oflags="fcib"
            )
            history = await client.result("TradesHistory", ledgers="true")
            bought, sold = history["trades"].items()
            assert history["count"] == 2
            assert sold[1]["ordertxid"] == order["txid"][0]
            assert (sold[1]["cost"], sold[1]["fee"], sold[1]["vol"]) == ("30000.00000", "78.00000", "0.50000000")
            rows = await client.result("QueryLedgers", id=",".join(sold[1]["ledgers"]))
            assert [(row["asset"], row["amount"], row["fee"], row["refid"]) for row in rows.values()] == [
                ("XXBT", "-0.5000000000", "0.0000000000", sold[0]),
                ("ZUSD", "30000.0000", "78.0000", sold[0]),
            ]
            rows = await client.result("QueryLedgers", id=",".join(bought[1]["ledgers"]))
            assert [(row["asset"], row["amount"], row["fee"]) for row in rows.values()] == [
                ("XXBT", "0.5000000000", "0.0013000000"),
                ("ZUSD", "-30000.0000", "0.0000"),
            ]
            assert set((await client.result("TradesHistory", start=sold[1]["time"]))["trades"]) == {bought[0]}
            assert set((await client.result("TradesHistory", end=sold[0]))["trades"]) == {sold[0]}
            assert await client.error("TradesHistory", start="TAAAAA-A-A") == "EGeneral:Invalid arguments"
            assert (await client.result("QueryTrades", txid=sold[0], ledgers="true"))[sold[0]] == sold[1]
            assert await client.error("QueryTrades", txid="T") == "EQuery:Unknown trade"

    asyncio.run(story())


def test_orders_open_rest_and_end():
    """Open orders are found by client id and reference; canceled and filled ones are closed, newest first."""

    async def story() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (kraken, client):
            funded(kraken)
            limit = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000", "volume": "0.01"}
            placed = await client.result("AddOrder", **limit, cl_ord_id="mine", userref="7")
            assert placed["descr"] == {"order": "buy 0.01000000 XBTUSD @ limit 50000.0"}
            (first,) = placed["txid"]
            (second,) = (await client.result("AddOrder", **limit, oflags="post,fciq"))["txid"]
            market = await client.result("AddOrder", pair="XBTUSD", type="sell", ordertype="market", volume="0.01")
            assert market["descr"] == {"order": "sell 0.01000000 XBTUSD @ market"}
            orders = (await client.result("OpenOrders"))["open"]
            assert list(orders) == [second, first]
            assert (orders[first]["cl_ord_id"], orders[first]["userref"], orders[first]["status"]) == (
                "mine",
                7,
                "open",
            )
            assert list((await client.result("OpenOrders", userref="7"))["open"]) == [first]
            assert list((await client.result("OpenOrders", cl_ord_id="other"))["open"]) == []
            clock.advance(1)
            assert await client.result("CancelOrder", txid=second) == {"count": 1}
            clock.advance(1)
            assert await client.result("CancelOrder", cl_ord_id="mine") == {"count": 1}
            assert await client.error("CancelOrder", txid=first) == "EOrder:Unknown order"
            assert await client.error("CancelOrder") == "EOrder:Unknown order"
            closed = await client.result("ClosedOrders", trades="true")
            assert (list(closed["closed"])[:2], closed["count"]) == ([first, second], 3)
            sold = closed["closed"][market["txid"][0]]
            assert (sold["status"], sold["reason"], sold["price"], len(sold["trades"])) == (
                "closed",
                None,
                "60000.00000",
                1,
            )
            assert closed["closed"][first]["reason"] == "User requested"
            when = closed["closed"][second]["closetm"]
            assert list((await client.result("ClosedOrders", start=when))["closed"]) == [first]
            assert list((await client.result("ClosedOrders", end=when))["closed"]) == [second, market["txid"][0]]
            assert list((await client.result("ClosedOrders", ofs=2))["closed"]) == [market["txid"][0]]
            assert (await client.result("QueryOrders", txid=first))[first]["status"] == "canceled"
            assert await client.error("QueryOrders", txid="O") == "EOrder:Unknown order"
            kraken.account.verify()

    asyncio.run(story())


def test_orders_that_are_wrong_are_refused_by_name():
    """Each wrong argument has the exchange's own error."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            funded(kraken)
            right = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "50000", "volume": "0.01"}
            for wrong, code in (
                ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
                ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
                ({"ordertype": "iceberg"}, "EGeneral:Invalid arguments:ordertype"),
                ({"oflags": "viqc"}, "EGeneral:Invalid arguments:oflags"),
                ({"validate": "true"}, "EGeneral:Invalid arguments:validate"),
                ({"volume": "much"}, "EGeneral:Invalid arguments:volume"),
                ({"volume": "NaN"}, "EGeneral:Invalid arguments:volume"),
                ({"volume": "0.000000001"}, "EGeneral:Invalid arguments:volume"),
                ({"volume": "0.00001"}, "EOrder:Order minimum not met"),
                ({"price": "1.23"}, "EGeneral:Invalid arguments:price"),
                ({"price": ""}, "EGeneral:Invalid arguments:price"),
                ({"volume": "1000"}, "EOrder:Insufficient funds"),
            ):
                assert await client.error("AddOrder", **{**right, **wrong}) == code, wrong
            assert kraken.account.orders == {}

    asyncio.run(story())


def test_deposits_and_withdrawals_are_listed_newest_first():
    """As a list, or by pages behind a cursor; chosen by asset and time."""

    async def story() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (kraken, client):
            funded(kraken)
            clock.advance(10)
            late = kraken.account.deposit("XXBT", D(1), pending=True)
            rows = await client.result("DepositStatus")
            assert [row["asset"] for row in rows] == ["XXBT", "XETH", "XXBT", "ZUSD"]
            assert (rows[0]["refid"], rows[0]["status"], rows[0]["amount"]) == (late, "Pending", "1.0000000000")
            assert len(await client.result("DepositStatus", asset="XBT")) == 2
            assert len(await client.result("DepositStatus", start=clock())) == 1
            assert len(await client.result("DepositStatus", end=clock() - 5)) == 3
            page = await client.result("DepositStatus", cursor="true", limit=3)
            assert (len(page["deposits"]), page["next_cursor"]) == (3, "3")
            rest = await client.result("DepositStatus", cursor=page["next_cursor"], limit=3)
            assert (len(rest["deposits"]), rest.get("next_cursor")) == (1, None)
            assert await client.error("DepositStatus", asset="NOPE") == "EFunding:Unknown asset"

    asyncio.run(story())


def test_withdrawing_takes_the_fee_out_of_the_amount():
    """The status shows what arrives and the fee; it is pending until settled."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            funded(kraken)
            refid = (await client.result("Withdraw", asset="XBT", key="cold", amount="1"))["refid"]
            assert kraken.account.balance("XXBT") == D(2)
            (row,) = await client.result("WithdrawStatus")
            assert (row["amount"], row["fee"], row["status"]) == ("0.9998000000", "0.0002000000", "Pending")
            assert (row["key"], row["refid"]) == ("cold", refid)
            kraken.account.settle_withdrawal(refid)
            assert kraken.account.fundings[refid].status is FundingStatus.SUCCESS
            moved = {"from": "Spot Wallet", "to": "Futures Wallet", "asset": "XBT", "amount": "0.5"}
            assert (await client.result("WalletTransfer", **moved))["refid"].startswith("B")
            for name, wrong, code in (
                ("Withdraw", {"key": ""}, "EFunding:Unknown withdraw key"),
                ("Withdraw", {"asset": "NOPE"}, "EFunding:Unknown asset"),
                ("Withdraw", {"amount": "1000"}, "EFunding:Invalid amount"),
                ("Withdraw", {"amount": "0.0001"}, "EFunding:Invalid amount"),
                ("WalletTransfer", {"from": "Futures Wallet"}, "EGeneral:Invalid arguments"),
                ("WalletTransfer", {"amount": "1000"}, "EFunding:Invalid amount"),
            ):
                assert await client.error(name, **{**moved, "key": "cold", **wrong}) == code
            kraken.account.verify()

    asyncio.run(story())


def test_public_endpoints_describe_the_exchange():
    """Assets, pairs and prices, all or by name; unknown names are refused."""

    async def story() -> None:
        async with exchange() as (_, client):
            assert (await client.public("Assets", asset="XBT"))["result"] == {
                "XXBT": {
                    "aclass": "currency",
                    "altname": "XBT",
                    "decimals": 10,
                    "display_decimals": 5,
                    "status": "enabled",
                }
            }
            assert "ETH2.S" in (await client.public("Assets"))["result"]
            pairs = (await client.public("AssetPairs", pair="XBTUSD,ETHXBT"))["result"]
            assert (pairs["XXBTZUSD"]["wsname"], pairs["XETHXXBT"]["tick_size"]) == ("XBT/USD", "0.00001")
            ticker = (await client.public("Ticker", pair="XBTUSD"))["result"]["XXBTZUSD"]
            assert (ticker["b"][0], ticker["c"][0], ticker["a"][0]) == ("59999.90000", "60000.00000", "60000.10000")
            assert len((await client.public("Ticker"))["result"]) == 7
            assert (await client.public("Assets", asset="NOPE")) == {"error": ["EQuery:Unknown asset"]}
            assert (await client.public("Ticker", pair="NOPE")) == {"error": ["EQuery:Unknown asset pair"]}
            assert (await client.public("Time"))["result"] == {
                "unixtime": 1_700_000_000,
                "rfc1123": "Tue, 14 Nov 23 22:13:20 +0000",
            }

    asyncio.run(story())
