"""The server over HTTP: authentication, limits, permissions, redirects, and answers that fail."""

import asyncio
import json

import aiohttp
import pytest
from simulation_client import Client, Clock, exchange, funded

from reconcile_actors.simulation import Fault, FaultOptions, SimulatedKraken, Tier
from reconcile_actors.simulation.kraken import READ_ONLY, Permission
from reconcile_actors.simulation.kraken.auth import sign


def test_the_signature_is_the_published_one():
    """The exchange's own documented example gives its documented signature."""
    secret = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    expected = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    assert sign(secret, "/0/private/AddOrder", "1616492376594", body) == expected


@pytest.mark.parametrize("prefix", ["", "/api.kraken.com", "/api.kraken.com:443"])
@pytest.mark.parametrize("as_json", [False, True])
def test_direct_and_redirected_requests_are_served(prefix, as_json):
    """The signature covers /0/private/NAME, whatever stands before it; bodies are forms or JSON."""

    async def story() -> None:
        async with exchange(prefix=prefix) as (kraken, client):
            funded(kraken)
            reply = await client.raw("BalanceEx", as_json=as_json)
            assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
            assert reply.json()["result"]["ZUSD"] == {"balance": "100000.0000", "hold_trade": "0.0000"}
            assert (await client.public("Time"))["result"]["unixtime"] == 1_700_000_000

    asyncio.run(story())


def test_keys_signatures_and_nonces_are_checked():
    """Each failure has its own error; a nonce must grow, and a failed request does not use it up."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            other = "AAAA"
            assert (await client.raw("Balance", api_key="nobody")).json() == {"error": ["EAPI:Invalid key"]}
            assert (await client.raw("Balance", secret=other)).json() == {"error": ["EAPI:Invalid signature"]}
            assert (await client.raw("Balance", nonce="50")).json() == {"error": [], "result": {}}
            for nonce in ("50", "49", "-51", "x", "\u0665\u0661"):
                assert (await client.raw("Balance", nonce=nonce)).json() == {"error": ["EAPI:Invalid nonce"]}
            assert (await client.raw("Balance", nonce="51")).json()["error"] == []
            kraken.revoke(kraken.user)
            assert (await client.raw("Balance", nonce="52")).json() == {"error": ["EAPI:Invalid key"]}

    asyncio.run(story())


def test_a_key_may_do_only_what_it_was_given():
    """Reading keys cannot trade or withdraw; one permission of several suffices; key info needs none."""

    async def story() -> None:
        async with exchange(permissions=READ_ONLY) as (kraken, client):
            funded(kraken)
            for name in ("AddOrder", "CancelOrder", "Withdraw", "WalletTransfer"):
                assert await client.error(name) == "EGeneral:Permission denied"
            for name in ("Balance", "BalanceEx", "Ledgers", "TradesHistory", "OpenOrders", "WithdrawStatus"):
                await client.result(name)
            info = await client.result("GetApiKeyInfo")
            assert info["permissions"] == sorted(permission.value for permission in READ_ONLY)
            assert info["lastUsed"] == "1700000000"
            bare = kraken.add_account("bare", permissions=frozenset())
            async with aiohttp.ClientSession() as session:
                barred = Client(session, kraken.base_url, bare)
                assert (await barred.result("GetApiKeyInfo"))["permissions"] == []
                assert await barred.error("Balance") == "EGeneral:Permission denied"

    asyncio.run(story())


def test_calls_are_counted_for_each_key():
    """Histories cost two, orders nothing; a second key has its own counter; time gives points back."""

    async def story() -> None:
        clock = Clock()
        async with exchange(clock=clock, tier=Tier.STARTER) as (kraken, client), aiohttp.ClientSession() as session:
            funded(kraken)
            for _ in range(7):
                await client.result("Ledgers")
            await client.result("Balance")
            assert await client.error("Balance") == "EAPI:Rate limit exceeded"
            await client.result("AddOrder", pair="XBTUSD", type="sell", ordertype="market", volume="0.01")
            second = Client(session, kraken.base_url, kraken.add_account("second", tier=Tier.PRO))
            await second.result("Balance")
            clock.advance(4)
            await client.result("Balance")
            assert await client.error("Balance") == "EAPI:Rate limit exceeded"

    asyncio.run(story())


def test_unknown_methods_are_refused():
    """Public and private ones, and private ones asked by GET."""

    async def story() -> None:
        async with exchange() as (kraken, client), aiohttp.ClientSession() as session:
            assert await client.error("Nothing") == "EGeneral:Unknown method"
            assert (await client.public("Nothing")) == {"error": ["EGeneral:Unknown method"]}
            async with session.get(f"{kraken.base_url}/0/private/Balance") as response:
                assert await response.json() == {"error": ["EGeneral:Unknown method"]}
            async with session.post(
                f"{kraken.base_url}/0/private/Balance", data="{", headers={"Content-Type": "application/json"}
            ) as response:
                assert await response.json() == {"error": ["EAPI:Invalid key"]}
            async with session.post(
                f"{kraken.base_url}/0/private/Balance", data="[]", headers={"Content-Type": "application/json"}
            ) as response:
                assert await response.json() == {"error": ["EAPI:Invalid key"]}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        (Fault.HTTP_429, 429, None),
        (Fault.HTTP_500, 500, None),
        (Fault.HTTP_502, 502, None),
        (Fault.HTTP_503, 503, None),
        (Fault.HTTP_520, 520, None),
        (Fault.HTML, 200, None),
        (Fault.EMPTY_OBJECT, 200, "{}"),
        (Fault.EMPTY_LIST, 200, "[]"),
        (Fault.EMPTY_BODY, 200, ""),
        (Fault.NULL_RESULT, 200, '{"error":[],"result":null}'),
        (Fault.BAD_KEY, 200, '{"error": ["EAPI:Invalid key"]}'),
        (Fault.INVALID_NONCE, 200, '{"error": ["EAPI:Invalid nonce"]}'),
        (Fault.PERMISSION_DENIED, 200, '{"error": ["EGeneral:Permission denied"]}'),
        (Fault.RATE_LIMIT, 200, '{"error": ["EAPI:Rate limit exceeded"]}'),
        (Fault.LOCKOUT, 200, '{"error": ["EGeneral:Temporary lockout"]}'),
        (Fault.UNAVAILABLE, 200, '{"error": ["EService:Unavailable"]}'),
        (Fault.CANCEL_ONLY, 200, '{"error": ["EService:Market in cancel_only mode"]}'),
    ],
)
def test_faults_that_replace_the_answer(fault, status, body):
    """Each comes once, with its status and body; the next request is answered truly."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            funded(kraken)
            kraken.faults.next("BalanceEx", fault, options=FaultOptions(seconds=7))
            reply = await client.raw("BalanceEx")
            assert reply.status == status
            assert reply.headers.get("Retry-After") == ("7" if fault is Fault.HTTP_429 else None)
            if body is None:
                assert reply.text.startswith("<!DOCTYPE html>")
            else:
                assert reply.text == body
            assert "XXBT" in await client.result("BalanceEx")
            assert [record.faults for record in kraken.requests.of("BalanceEx")] == [(fault,), ()]

    asyncio.run(story())


def test_a_dropped_connection_has_no_answer():
    """The client sees the connection end."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            kraken.faults.next("BalanceEx", Fault.DROP)
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.raw("BalanceEx")
            assert await client.result("BalanceEx") == {}

    asyncio.run(story())


def test_a_truncated_answer_is_half_of_the_true_one():
    """Its JSON cannot be read."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            funded(kraken)
            whole = (await client.raw("BalanceEx")).text
            kraken.faults.next("BalanceEx", Fault.TRUNCATED)
            half = (await client.raw("BalanceEx")).text
            assert half == whole[: len(whole) // 2]
            with pytest.raises(json.JSONDecodeError):
                json.loads(half)

    asyncio.run(story())


def test_a_slow_answer_is_made_first_and_let_go_by_clearing():
    """What happens to the account while it waits is not in it."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            funded(kraken)
            kraken.faults.always("BalanceEx", Fault.SLOW, options=FaultOptions(seconds=600))
            arrived = asyncio.Event()
            kraken.requests.on_request(lambda _record: arrived.set())
            waiting = asyncio.create_task(client.result("BalanceEx"))
            await arrived.wait()
            await client.result("Balance")  # a whole round trip on the same loop: the slow answer is made by now
            kraken.account.adjust("ZUSD", -kraken.account.balance("ZUSD"))
            assert not waiting.done()
            kraken.faults.clear()
            assert (await waiting)["ZUSD"]["balance"] == "100000.0000"
            kraken.faults.next("Balance", Fault.SLOW, options=FaultOptions(seconds=0.001))
            assert (await client.result("Balance"))["ZUSD"] == "0.0000"

    asyncio.run(story())


def test_a_client_that_gives_up_ends_its_slow_request():
    """Nothing is in flight any more although the answer was to wait ten minutes."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            kraken.faults.always("BalanceEx", Fault.SLOW, options=FaultOptions(seconds=600))
            arrived = asyncio.Event()
            kraken.requests.on_request(lambda _record: arrived.set())
            waiting = asyncio.create_task(client.result("BalanceEx"))
            await arrived.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            for _ in range(100):
                assert await client.result("Balance") == {}
                if kraken.in_flight == 0:
                    break
            assert kraken.in_flight == 0

    asyncio.run(story())


def test_stale_balances_come_from_the_past_and_lagging_history_hides_the_new():
    """Balances are those of then; rows, trades, orders and funding newer than the lag are not shown yet."""

    async def story() -> None:
        clock = Clock()
        async with exchange(clock=clock) as (kraken, client):
            funded(kraken)
            clock.advance(10)
            kraken.account.deposit("ZUSD", kraken.account.balance("ZUSD"))
            kraken.market.submit(kraken.account, "XETHZUSD", "sell", kraken.account.balance("XETH"))
            (fill,), newest = kraken.account.fills, kraken.account.ledger.rows()[-1]
            for name in ("Balance", "BalanceEx"):
                kraken.faults.always(name, Fault.STALE, options=FaultOptions(seconds=5))
            assert (await client.result("Balance"))["ZUSD"] == "100000.0000"
            assert (await client.result("BalanceEx"))["XETH"]["balance"] == "30.0000000000"
            kraken.faults.always("*", Fault.LAGGING_HISTORY, options=FaultOptions(seconds=5))
            assert (await client.result("Ledgers"))["count"] == 3
            assert (await client.result("TradesHistory"))["count"] == 0
            assert (await client.result("ClosedOrders"))["count"] == 0
            assert len(await client.result("DepositStatus")) == 3
            assert await client.error("QueryTrades", txid=fill.id) == "EQuery:Unknown trade"
            assert await client.error("QueryLedgers", id=newest.id) == "EQuery:Unknown ledger"
            clock.advance(5)
            assert (await client.result("Ledgers"))["count"] == 6
            assert (await client.result("TradesHistory"))["count"] == 1

    asyncio.run(story())


def test_bent_content_reaches_the_wire():
    """One fault bends the true answer, two bend it together."""

    async def story() -> None:
        async with exchange() as (kraken, client):
            funded(kraken)
            kraken.faults.next("BalanceEx", Fault.MISSING_ROW, options=FaultOptions(row="XXBT"))
            assert set(await client.result("BalanceEx")) == {"ZUSD", "XETH"}
            kraken.faults.next("BalanceEx", Fault.NON_FINITE, options=FaultOptions(row="XXBT", leg="balance"))
            kraken.faults.next("BalanceEx", Fault.JSON_NUMBERS)
            assert '"balance": NaN' in (await client.raw("BalanceEx")).text

    asyncio.run(story())


def test_latency_is_part_of_every_answer(monkeypatch):
    """Half a round trip passes before the answer is made, half after."""
    slept = []
    real_sleep = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real_sleep(0)

    async def story() -> None:
        async with exchange(latency_seconds=600) as (_, client):
            monkeypatch.setattr(asyncio, "sleep", sleep)
            assert (await client.public("SystemStatus"))["result"]["status"] == "online"

    asyncio.run(story())
    assert [seconds for seconds in slept if seconds > 0] == [300, 300]


def test_a_server_that_is_not_started_has_no_address():
    """Before start and after stop; stopping twice is stopping once; a restart is found at the same port."""

    async def story() -> None:
        kraken = SimulatedKraken(clock=Clock())
        with pytest.raises(RuntimeError):
            _ = kraken.base_url
        await kraken.start()
        url = kraken.base_url
        await kraken.stop()
        await kraken.stop()
        with pytest.raises(RuntimeError):
            _ = kraken.base_url
        await kraken.start()
        assert kraken.base_url == url
        await kraken.stop()
        kraken.faults.clear()
        assert kraken.in_flight == 0

    asyncio.run(story())


def test_users_are_apart():
    """A second account has its own keys, ledger and ids; a name is used once."""

    async def story() -> None:
        async with exchange() as (kraken, client), aiohttp.ClientSession() as session:
            funded(kraken)
            second = kraken.add_account("second", permissions=frozenset({Permission.QUERY_FUNDS}))
            assert await Client(session, kraken.base_url, second).result("Balance") == {}
            assert second.keys.api_key != kraken.keys.api_key
            assert kraken.keys.secret not in repr(kraken.keys)
            with pytest.raises(ValueError, match="exists"):
                kraken.add_account("second")
            assert len(await client.result("Balance")) == 3
            assert {record.user for record in kraken.requests} == {"main", "second"}
            assert all("nonce" not in record.parameters for record in kraken.requests)

    asyncio.run(story())
