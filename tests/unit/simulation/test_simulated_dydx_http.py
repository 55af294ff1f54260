"""The simulated indexer over HTTP: paths, pages, errors, limits and its life in a thread."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
import pytest

from reconcile_actors.simulation import Fault, FaultOptions
from reconcile_actors.simulation.dydx import SimulatedDydx
from tests.unit.simulation.simulation_client import Clock, Reply

D = Decimal


class Client:
    """Asks for a path with the main account's address filled in."""

    def __init__(self, session: aiohttp.ClientSession, dydx: SimulatedDydx, prefix: str) -> None:
        self._session = session
        self._dydx = dydx
        self._prefix = prefix

    async def get(self, path: str, **query: object) -> Reply:
        own = {"address": self._dydx.address, "subaccountNumber": 0} if "/" not in path else {}
        url = f"{self._dydx.base_url}{self._prefix}/v4/{path}"
        async with self._session.get(url, params={**own, **query}) as response:
            return Reply(response.status, dict(response.headers), await response.text())

    async def account(self) -> Reply:
        return await self.get(f"addresses/{self._dydx.address}/subaccountNumber/0")


@asynccontextmanager
async def indexer(prefix: str = "", **options: object) -> AsyncIterator[tuple[SimulatedDydx, Client, Clock]]:
    clock = Clock()
    async with SimulatedDydx(clock=clock, **options) as dydx, aiohttp.ClientSession() as session:
        yield dydx, Client(session, dydx, prefix), clock


@pytest.mark.parametrize("prefix", ["", "/indexer.dydx.trade"])
def test_both_forms_of_a_path_are_served(prefix: str) -> None:
    """A client that is redirected keeps the exchange's host in it."""

    async def main() -> None:
        async with indexer(prefix) as (dydx, client, _):
            dydx.account.deposit(D("12.5"))
            inner = (await client.account()).json()["subaccount"]
            assert (inner["address"], inner["equity"]) == (dydx.address, "12.5")
            assert inner["assetPositions"]["USDC"]["size"] == "12.5"

    asyncio.run(main())


def test_errors_have_their_status_and_form() -> None:
    """404 for what is not there, 400 for what cannot be meant."""

    async def main() -> None:
        async with indexer() as (dydx, client, _):
            missing = await client.account()
            assert (missing.status, missing.json()["errors"][0]["msg"]) == (
                404,
                f"No subaccount found with address {dydx.address} and subaccountNumber 0",
            )
            assert (await client.get("fills")).json() == {"fills": []}
            assert (await client.get("fundingPayments")).json() == {"fundingPayments": []}
            assert (await client.get("transfers")).status == 404
            dydx.account.deposit(D(1))
            for path, query, status in (
                ("nothing", {}, 404),
                ("no/such/path", {}, 404),
                ("fills", {"limit": 0}, 400),
                ("fills", {"limit": 1001}, 400),
                ("fills", {"page": "x"}, 400),
                ("fills", {"createdBeforeOrAt": "yesterday"}, 400),
                ("fills", {"subaccountNumber": "-1"}, 400),
                ("perpetualMarkets", {"ticker": "DOGE-USD"}, 400),
            ):
                reply = await client.get(path, **query)
                assert reply.status == status, path
                assert reply.json()["errors"][0]["msg"]

    asyncio.run(main())


def test_an_address_must_be_given() -> None:
    """Whose fills?"""

    async def main() -> None:
        async with (
            indexer() as (dydx, _, _clock),
            aiohttp.ClientSession() as session,
            session.get(f"{dydx.base_url}/v4/transfers") as response,
        ):
            assert response.status == 400
            assert (await response.json())["errors"][0]["param"] == "address"

    asyncio.run(main())


def test_pages_are_newest_first_and_bounded() -> None:
    """By limit, and up to a time or from one on, both included; fills by page number begin with the oldest."""

    async def main() -> None:
        async with indexer(requests_a_window=None) as (dydx, client, clock):
            dydx.account.deposit(D(100_000))
            fills = []
            for _ in range(5):
                clock.advance(1)
                fills.append(dydx.account.trade("SOL-USD", "buy", D(1)).id)
                dydx.chain.move_funding({"SOL-USD": D("0.0001")})
            newest_first = fills[::-1]

            async def ids(**query: object) -> list[str]:
                return [row["id"] for row in (await client.get("fills", **query)).json()["fills"]]

            assert await ids() == newest_first
            assert await ids(limit=2) == newest_first[:2]
            assert await ids(limit=2, page=2) == fills[2:4]
            rows = (await client.get("fills")).json()["fills"]
            assert await ids(createdBeforeOrAt=rows[2]["createdAt"]) == newest_first[2:]
            paged = (await client.get("fills", limit=2, page=3)).json()
            assert (paged["pageSize"], paged["offset"], len(paged["fills"])) == (2, 4, 1)
            assert paged["totalResults"] == 5
            payments = (await client.get("fundingPayments")).json()["fundingPayments"]
            assert len(payments) == 5
            since = (await client.get("fundingPayments", createdOnOrAfter=payments[1]["createdAt"])).json()
            assert since["fundingPayments"] == payments[:2]
            unheeded = (await client.get("fundingPayments", afterOrAt=payments[1]["createdAt"])).json()
            assert unheeded["fundingPayments"] == payments
            other = (await client.get("fundingPayments", ticker="BTC-USD")).json()
            assert other["fundingPayments"] == []
            assert "id" not in payments[0]

    asyncio.run(main())


def test_markets_can_be_asked_for_one_by_one() -> None:
    """By query or path."""

    async def main() -> None:
        async with indexer() as (dydx, client, _):
            every = (await client.get("perpetualMarkets")).json()["markets"]
            assert set(every) == {"BTC-USD", "ETH-USD", "SOL-USD"}
            assert every["BTC-USD"]["oraclePrice"] == "60000"
            for reply in (
                await client.get("perpetualMarkets", ticker="ETH-USD"),
                await client.get("perpetualMarkets/ETH-USD"),
            ):
                assert set(reply.json()["markets"]) == {"ETH-USD"}
            dydx.chain.set_price("BTC-USD", D(61_000))
            assert (await client.get("perpetualMarkets")).json()["markets"]["BTC-USD"]["oraclePrice"] == "61000"

    asyncio.run(main())


def test_blocks_come_each_second() -> None:
    """Height and time go together."""

    async def main() -> None:
        async with indexer() as (_, client, clock):
            first = (await client.get("height")).json()
            clock.advance(10)
            second = (await client.get("height")).json()
            assert int(second["height"]) - int(first["height"]) == 10
            assert second["time"] == (await client.get("time")).json()["iso"]
            assert second["time"].endswith("Z")

    asyncio.run(main())


def test_more_requests_than_allowed_are_refused() -> None:
    """With the headers that say how one stands, and when to come back; the next window begins anew."""

    async def main() -> None:
        async with indexer(requests_a_window=3) as (_, client, clock):
            left = [(await client.get("time")).headers["RateLimit-Remaining"] for _ in range(3)]
            assert left == ["2", "1", "0"]
            clock.advance(4)
            refused = await client.get("time")
            assert (refused.status, refused.headers["Retry-After"], refused.headers["RateLimit-Limit"]) == (
                429,
                "6000",
                "3",
            )
            assert refused.json() == {"errors": [{"msg": "Too many requests"}]}
            clock.advance(6)
            assert (await client.get("time")).status == 200

    asyncio.run(main())


def test_an_old_answer_is_whole_and_old() -> None:
    """STALE shows cash, positions and height as they were."""

    async def main() -> None:
        async with indexer() as (dydx, client, clock):
            dydx.account.deposit(D(100_000))
            clock.advance(60)
            dydx.account.trade("BTC-USD", "sell", D("0.1"))
            now = (await client.account()).json()["subaccount"]
            dydx.faults.next("subaccount", Fault.STALE, options=FaultOptions(seconds=30))
            old = (await client.account()).json()["subaccount"]
            assert (old["openPerpetualPositions"], old["assetPositions"]["USDC"]["size"]) == ({}, "100000")
            assert set(now["openPerpetualPositions"]) == {"BTC-USD"}
            assert int(now["latestProcessedBlockHeight"]) - int(old["latestProcessedBlockHeight"]) == 30

    asyncio.run(main())


def test_a_fault_can_be_one_row_s_or_one_user_s() -> None:
    """A row by its name; a user by address."""

    async def main() -> None:
        async with indexer() as (dydx, client, _):
            dydx.account.deposit(D(100_000))
            dydx.account.trade("BTC-USD", "buy", D("0.1"))
            dydx.account.trade("ETH-USD", "buy", D("0.1"))
            dydx.faults.next("subaccount", Fault.HTML, user="dydx1other")
            dydx.faults.next("subaccount", Fault.HUGE, options=FaultOptions(row="ETH-USD", leg="size"))
            rows = (await client.account()).json()["subaccount"]["openPerpetualPositions"]
            assert (rows["BTC-USD"]["size"], rows["ETH-USD"]["size"]) == ("0.1", "1e30")
            assert [record.faults for record in dydx.requests] == [(Fault.HUGE,)]
            dydx.faults.next("fills", Fault.MISSING_ROW, options=FaultOptions(row=dydx.account.fills[1].id))
            left = (await client.get("fills")).json()["fills"]
            assert [row["id"] for row in left] == [dydx.account.fills[0].id]

    asyncio.run(main())


def test_colliding_codes_need_a_row_to_collide_with() -> None:
    """Without a position there is nothing to fold."""

    async def main() -> None:
        async with indexer() as (dydx, client, _):
            dydx.account.deposit(D(100_000))
            dydx.faults.always("subaccount", Fault.COLLIDING_CODES)
            assert (await client.account()).json()["subaccount"]["openPerpetualPositions"] == {}
            dydx.account.trade("ETH-USD", "buy", D("0.1"))
            rows = (await client.account()).json()["subaccount"]["openPerpetualPositions"]
            assert set(rows) == {"BTC-USD", "XBT-USD", "ETH-USD"}

    asyncio.run(main())


def test_a_slow_answer_ends_when_faults_are_cleared() -> None:
    """It is made already, and waits; latency comes on top."""

    async def main() -> None:
        async with indexer(latency_seconds=0.001) as (dydx, client, _):
            dydx.faults.next("time", Fault.SLOW, options=FaultOptions(seconds=0.001))
            assert (await client.get("time")).status == 200
            arrived = asyncio.Event()
            dydx.requests.on_request(lambda _: arrived.set())
            dydx.faults.next("time", Fault.SLOW, options=FaultOptions(seconds=600))
            waiting = asyncio.create_task(client.get("time"))
            await arrived.wait()
            assert dydx.in_flight == 1
            while not waiting.done():
                dydx.faults.clear()
                await asyncio.sleep(0)
            assert waiting.result().status == 200

    asyncio.run(main())


def get(url: str) -> object:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def test_a_synchronous_program_can_use_it() -> None:
    """It answers, its account may be changed from the outside, and closing twice is closing once."""
    with SimulatedDydx.start_in_thread(seed=1) as dydx:
        dydx.account.deposit(D(5))
        answer = get(f"{dydx.base_url}/v4/addresses/{dydx.address}/subaccountNumber/0")
        assert isinstance(answer, dict)
        assert answer["subaccount"]["equity"] == "5"
        dydx.faults.clear()
    dydx.close()
    with pytest.raises(RuntimeError):
        _ = dydx.base_url
    assert dydx.in_flight == 0
    SimulatedDydx().close()


def test_a_forgotten_server_stops_by_itself() -> None:
    """On the caller's loop; stopping early calls it off."""

    async def main() -> None:
        dydx = SimulatedDydx(lifetime_seconds=0.01)
        await dydx.start()
        assert dydx._expiry is not None
        await dydx._expiry
        with pytest.raises(RuntimeError):
            _ = dydx.base_url
        async with SimulatedDydx(lifetime_seconds=600):
            pass

    asyncio.run(main())
