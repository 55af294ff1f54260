"""The simulated Binance checks keys, signatures, clocks and weights as the real one does, and ccxt understands its answers."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal

import aiohttp
import ccxt.async_support as ccxt
import pytest

from reconcile_actors.simulation import Fault, FaultOptions
from reconcile_actors.simulation.binance import BinancePermission, SimulatedBinance
from reconcile_actors.simulation.binance.limits import Weight, WeightLimits
from reconcile_actors.simulation.ledger import LedgerBrokenError
from tests.contracts.binance_desk import plain_binance

NOW = 1_700_000_000.5
D = Decimal


def fixed() -> float:
    return NOW


async def ask(
    binance: SimulatedBinance,
    path: str = "/api/v3/account",
    *,
    key: str | None = None,
    secret: str | None = None,
    stamp: int = int(NOW * 1000),
    **parameters: object,
) -> tuple[int, object, Mapping[str, str]]:
    """One signed GET, by hand."""
    pairs = {**parameters, "timestamp": stamp}
    query = "&".join(f"{name}={value}" for name, value in pairs.items())
    signing = (binance.keys.secret if secret is None else secret).encode()
    signature = hmac.new(signing, query.encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": binance.keys.api_key if key is None else key}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{binance.base_url}{path}?{query}&signature={signature}", headers=headers) as response,
    ):
        return response.status, await response.json(content_type=None), response.headers


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"key": "short"}, 401, -2014),
        ({"key": "0" * 64}, 401, -2015),
        ({"secret": "wrong"}, 400, -1022),
        ({"stamp": int(NOW * 1000) - 5001}, 400, -1021),
        ({"stamp": int(NOW * 1000) - 9000, "recvWindow": 8999}, 400, -1021),
        ({"stamp": int(NOW * 1000) + 1000}, 400, -1021),
        ({"recvWindow": 60_001}, 400, -1131),
        ({"path": "/api/v3/myTrades"}, 400, -1102),
        ({"path": "/api/v3/myTrades", "symbol": "NOPE"}, 400, -1121),
        ({"path": "/api/v3/myTrades", "symbol": "BTCUSDT", "fromId": 1, "startTime": 1}, 400, -1128),
        ({"path": "/api/v3/myTrades", "symbol": "BTCUSDT", "startTime": 0, "endTime": 86_400_001}, 400, -1127),
        ({"path": "/api/v3/myTrades", "symbol": "BTCUSDT", "limit": "x"}, 400, -1100),
        ({"path": "/api/v3/ticker/price", "symbols": '["NOPE"]'}, 400, -1121),
        ({"path": "/api/v3/ticker/price", "symbols": "["}, 400, -1100),
        ({"path": "/sapi/v1/convert/tradeFlow"}, 400, -1102),
        ({"path": "/sapi/v1/asset/transfer"}, 400, -1102),
        ({"path": "/api/v3/nothing"}, 404, -1000),
    ],
)
def test_what_is_refused(options: dict[str, object], status: int, code: int) -> None:
    """Each wrong request has its own code and status."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed) as binance:
            got, body, _ = await ask(binance, **options)  # type: ignore[arg-type] # by name
            assert isinstance(body, dict)
            assert (got, body["code"]) == (status, code)
            assert isinstance(body["msg"], str)

    asyncio.run(main())


def test_a_signature_covers_the_query_and_no_host() -> None:
    """With or without the exchange's host in the path, at the edges of the window, the same signature holds."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed) as binance:
            for path in ("/api/v3/account", "/api.binance.com/api/v3/account"):
                for shift in (-5000, 0, 999):
                    status, body, _ = await ask(binance, path, stamp=int(NOW * 1000) + shift)
                    assert status == 200
                    assert isinstance(body, dict)
                    assert body["uid"] == binance.account.uid
            parameters = [record.parameters for record in binance.requests]
            assert all(not {"signature", "timestamp"} & one.keys() for one in parameters)

    asyncio.run(main())


def test_a_key_must_read() -> None:
    """Without the right to read a key is refused; what it may do is told to those that may."""

    async def main() -> None:
        blind = frozenset({BinancePermission.TRADING})
        async with SimulatedBinance(clock=fixed, permissions=blind) as binance:
            assert (await ask(binance))[0] == 401
        reading = frozenset({BinancePermission.READING})
        async with SimulatedBinance(clock=fixed, permissions=reading) as binance:
            _, body, _ = await ask(binance, "/sapi/v1/account/apiRestrictions")
            assert isinstance(body, dict)
            assert (body["enableReading"], body["enableWithdrawals"]) == (True, False)
            binance.revoke(binance.user)
            assert (await ask(binance))[0] == 401

    asyncio.run(main())


def test_weights_are_counted_told_and_enforced() -> None:
    """Each answer tells what was used; above the limit come 429 with the seconds left, and for who goes on 418."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed, limits=WeightLimits(api=50)) as binance:
            used = [(await ask(binance))[2]["x-mbx-used-weight-1m"] for _ in range(2)]
            assert used == ["20", "40"]
            status, body, headers = await ask(binance)
            assert isinstance(body, dict)
            assert (status, body["code"], headers["Retry-After"]) == (429, -1003, "40")
            codes = [(await ask(binance))[0] for _ in range(12)]
            assert codes == [429] * 8 + [418] * 4
            status, _, headers = await ask(binance, "/sapi/v1/capital/deposit/hisrec")
            assert (status, int(headers["Retry-After"])) == (418, 121)

    asyncio.run(main())


def test_accounts_behind_one_address_share_its_weight() -> None:
    """A second customer has a ledger and keys of its own; what it asks counts to the address."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed) as binance:
            other = binance.add_account("other")
            other.account.deposit("BTC", D(1))
            with pytest.raises(ValueError, match="other"):
                binance.add_account("other")
            binance.use_weight(Weight(api=100))
            status, body, headers = await ask(binance, key=other.keys.api_key, secret=other.keys.secret)
            assert isinstance(body, dict)
            assert (status, headers["x-mbx-used-weight-1m"]) == (200, "120")
            assert body["uid"] == other.account.uid != binance.account.uid
            assert {"asset": "BTC", "free": "1.00000000", "locked": "0.00000000"} in body["balances"]
            binance.account.verify()
        with pytest.raises(RuntimeError):
            SimulatedBinance().use_weight(Weight(api=1))

    asyncio.run(main())


def test_zeros_are_listed_unless_they_are_not_wanted() -> None:
    """Every asset stands in the answer; with omitZeroBalances only those that are held."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed) as binance:
            binance.account.deposit("BTC", D(1))
            _, everything, _ = await ask(binance)
            _, held, _ = await ask(binance, omitZeroBalances="true")
            assert isinstance(everything, dict)
            assert isinstance(held, dict)
            assert [row["asset"] for row in held["balances"]] == ["BTC"]
            assert {row["asset"] for row in everything["balances"]} == set(binance.account.catalogue.assets)

    asyncio.run(main())


def test_trades_are_paged_by_id_and_by_time() -> None:
    """Oldest first from an id or a time on, the newest ones without either, and never more than asked for."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed) as binance:
            binance.account.deposit("USDT", D(100_000))
            for _ in range(5):
                binance.market.submit(binance.account, "BTCUSDT", "buy", D("0.1"))
            binance.market.submit(binance.account, "ETHUSDT", "buy", D("0.1"))

            async def ids(**parameters: object) -> list[int]:
                _, rows, _ = await ask(binance, "/api/v3/myTrades", symbol="BTCUSDT", **parameters)  # type: ignore[arg-type] # by name
                assert isinstance(rows, list)
                return [row["id"] for row in rows]

            first, *rest = await ids()
            assert await ids(limit=2) == rest[-2:]
            assert await ids(fromId=rest[1]) == rest[1:]
            assert await ids(fromId=first, limit=2) == [first, rest[0]]
            assert await ids(startTime=int(NOW * 1000), limit=3) == [first, *rest[:2]]
            assert await ids(endTime=int(NOW * 1000) - 1) == []

    asyncio.run(main())


def test_ccxt_understands_balances_and_funds() -> None:
    """A client as anybody uses it reads totals, withdrawals with their fees, conversions and dust."""

    async def main() -> None:
        async with SimulatedBinance(seed=3) as binance, plain_binance(binance) as client:
            client.number = str
            account = binance.account
            account.deposit("BTC", D(1))
            account.deposit("SOL", D("0.5"))
            account.withdraw("BTC", D("0.1"), fee=D("0.0005"))
            account.place("BTCUSDT", "sell", D("0.2"), D(90_000))
            account.sweep_dust({"SOL": D("0.5")})
            balance = await client.fetch_balance()
            assert (balance["BTC"]["total"], balance["BTC"]["used"]) == ("0.8995", "0.20000000")
            (withdrawal,) = await client.fetch_withdrawals()
            assert (withdrawal["amount"], withdrawal["fee"]["cost"], withdrawal["status"]) == ("0.1", "0.0005", "ok")
            (dust,) = await client.fetch_my_dust_trades()
            assert (dust["symbol"], dust["fee"]["currency"]) == ("SOL/BNB", "BNB")
            with pytest.raises(ccxt.BadSymbol):
                await client.fetch_my_trades("NOPE/USDT")
            account.verify()

    asyncio.run(main())


def test_the_ledger_proves_itself() -> None:
    """A balance that is not the sum of its rows is told."""
    binance = SimulatedBinance(seed=1)
    binance.account.deposit("BTC", D(1))
    binance.account.verify()
    holdings = binance.account.ledger._holdings
    holdings["BTC"] = type(holdings["BTC"])(D(2), D(0))
    with pytest.raises(LedgerBrokenError, match="BTC"):
        binance.account.verify()


def test_it_runs_in_a_thread() -> None:
    """Programs without a loop start it, use it and close it; its port stays its own."""
    with SimulatedBinance.start_in_thread(seed=2, clock=fixed) as binance:
        assert asyncio.run(ask(binance))[0] == 200
        assert binance.in_flight == 0
    with pytest.raises(RuntimeError, match="not started"):
        _ = binance.base_url


def test_a_slow_answer_is_let_go() -> None:
    """Clearing the faults lets a held answer go; nobody waits the whole time."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed, latency_seconds=0.001) as binance:
            arrived = asyncio.Event()
            binance.requests.on_request(lambda _: arrived.set())
            binance.faults.always("account", Fault.SLOW, options=FaultOptions(seconds=3600))
            asked = asyncio.create_task(ask(binance))
            await arrived.wait()
            while not asked.done():
                binance.faults.clear()
                await asyncio.sleep(0)
            assert (await asked)[0] == 200

    asyncio.run(main())


def test_earn_moves_between_an_asset_and_its_own_twin_only() -> None:
    """BTC becomes LDBTC and back, and nothing else."""
    account = SimulatedBinance(seed=1).account
    account.deposit("BTC", D(1))
    account.transfer("BTC", "LDBTC", D("0.6"))
    account.transfer("LDBTC", "BTC", D("0.1"))
    assert (account.balance("BTC"), account.balance("LDBTC")) == (D("0.5"), D("0.5"))
    with pytest.raises(LookupError):
        account.transfer("BTC", "LDETH", D("0.1"))


@pytest.mark.parametrize(
    ("fault", "options", "row"),
    [
        (Fault.MISSING_ROW, FaultOptions(row="USDT"), None),
        (Fault.SKEWED, FaultOptions(row="USDT", amount=D("0.5")), {"free": "5.50000000", "locked": "0.00000000"}),
        (Fault.NULL_LEGS, FaultOptions(row="USDT", leg="locked"), {"free": "5.00000000", "locked": None}),
        (Fault.NON_FINITE, FaultOptions(row="USDT", value="-Infinity"), {"free": "-Infinity", "locked": "-Infinity"}),
        (Fault.JSON_NUMBERS, FaultOptions(row="USDT"), {"free": 5.0, "locked": 0.0}),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_fault_may_be_aimed_at_one_row(fault: Fault, options: FaultOptions, row: dict[str, object] | None) -> None:
    """The row that is named is bent, and all others are as they are."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed) as binance:
            binance.account.deposit("USDT", D(5))
            binance.account.deposit("BTC", D(1))
            binance.faults.always("account", fault, options=options)
            _, body, _ = await ask(binance)
            assert isinstance(body, dict)
            rows = {one.pop("asset"): one for one in body["balances"]}
            assert rows.get("USDT") == row
            assert rows["BTC"] == {"free": "1.00000000", "locked": "0.00000000"}
            binance.faults.always("time", fault, options=options)
            assert (await ask(binance, "/api/v3/time"))[1] == {"serverTime": int(NOW * 1000)}, "it has no rows"

    asyncio.run(main())


@pytest.mark.parametrize("query", ["timestamp=x&signature=0", "timestamp=1700000000500", "signature=0"])
def test_what_is_not_signed_is_refused(query: str) -> None:
    """A signature and a time in whole milliseconds are needed."""

    async def main() -> None:
        async with SimulatedBinance(clock=fixed) as binance, aiohttp.ClientSession() as session:
            headers = {"X-MBX-APIKEY": binance.keys.api_key}
            async with session.get(f"{binance.base_url}/api/v3/account?{query}", headers=headers) as response:
                assert (response.status, (await response.json())["code"]) == (400, -1102)

    asyncio.run(main())


def test_a_forgotten_server_stops_by_itself() -> None:
    """On the caller's loop as in a thread of its own, and closing afterwards is harmless."""

    async def main() -> None:
        binance = SimulatedBinance(lifetime_seconds=0.01)
        await binance.start()
        assert binance._expiry is not None
        await binance._expiry
        with pytest.raises(RuntimeError):
            _ = binance.base_url
        async with SimulatedBinance(lifetime_seconds=600) as other:
            assert (other.user.name, other.keys) == ("main", other.user.keys)

    asyncio.run(main())
    threaded = SimulatedBinance.start_in_thread(lifetime_seconds=600)
    threaded.close()
    threaded.close()
