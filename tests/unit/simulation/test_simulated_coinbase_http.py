"""The simulated Coinbase at its door: tokens, limits, rights, both forms of address, and every way in which it breaks."""

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from reconcile_actors.simulation import Fault, FaultOptions
from reconcile_actors.simulation.coinbase import READ_ONLY, Permission, SimulatedCoinbase
from tests.unit.simulation.coinbase_client import HOST, V3, Client, exchange
from tests.unit.simulation.simulation_client import Clock

D = Decimal
NOW = 1_700_000_000
OTHER = SimulatedCoinbase(seed=99).keys

BAD_TOKENS = {
    "another key's signature": {"secret": OTHER.secret},
    "an unknown key": {"head": {"kid": OTHER.api_key}, "claims": {"sub": OTHER.api_key}},
    "another subject": {"claims": {"sub": OTHER.api_key}},
    "another host": {"claims": {"uri": "GET example.com/api/v3/brokerage/accounts"}},
    "another path": {"claims": {"uri": f"GET {HOST}/api/v3/brokerage/orders"}},
    "another method": {"claims": {"uri": f"POST {HOST}/api/v3/brokerage/accounts"}},
    "the query in the uri": {"claims": {"uri": f"GET {HOST}/api/v3/brokerage/accounts?limit=250"}},
    "not yet valid": {"claims": {"nbf": NOW + 1, "exp": NOW + 60}},
    "expired": {"claims": {"nbf": NOW - 121, "exp": NOW - 1}},
    "too long": {"claims": {"nbf": NOW, "exp": NOW + 121}},
    "times that are no numbers": {"claims": {"nbf": "0", "exp": "9"}},
    "another algorithm": {"head": {"alg": "HS256"}},
    "no nonce": {"head": {"nonce": ""}},
    "another issuer": {"claims": {"iss": "me"}},
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused_without_a_reason(name: str) -> None:
    """Whatever is wrong with a token, the answer is 401 with the one word that the exchange has for it."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            bad = Client(client.session, coinbase, coinbase.user, **BAD_TOKENS[name])
            reply = await bad.ask(V3 + "accounts")
            assert (reply.status, reply.text) == (401, "Unauthorized\n")
            assert (await client.ask(V3 + "accounts")).status == 200

    asyncio.run(main())


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x.y.z", "Bearer e30.e30.e30", "Basic abc", "Bearer " + "a" * 500]
)
def test_what_is_no_token_is_refused(header: str) -> None:
    """Half a header, or three parts that are no token."""

    async def main() -> None:
        async with exchange() as (_, client):
            assert (await client.ask(V3 + "accounts", header=header or " ")).status == 401

    asyncio.run(main())


def test_a_token_of_another_scheme_is_refused() -> None:
    """The right token under the wrong word."""

    async def main() -> None:
        async with exchange() as (_, client):
            token = client.token("GET", V3 + "accounts")
            assert (await client.ask(V3 + "accounts", header=f"Basic {token}")).status == 401
            assert (await client.ask(V3 + "accounts", header=f"Bearer {token}")).status == 200

    asyncio.run(main())


def test_with_and_without_the_host_in_the_path() -> None:
    """A redirected client keeps the host in the path; one that speaks to the server directly does not."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            coinbase.account.deposit("BTC", D(1))
            client.prefix = ""
            assert len((await client.v3("accounts"))["accounts"]) == 1
            own = coinbase.base_url.removeprefix("http://")
            client.claims = {"uri": f"GET {own}{V3}accounts"}
            assert len((await client.v3("accounts"))["accounts"]) == 1

    asyncio.run(main())


def test_thirty_a_second() -> None:
    """The thirty-first v3 call of a second is refused in v3's words; the next second is a new one; v2 counts for itself."""

    async def main() -> None:
        clock = Clock()
        async with exchange(clock=clock, limited=True) as (coinbase, client):
            coinbase.account.deposit("BTC", D(1))
            uuid = await client.uuid("BTC")
            for _ in range(29):
                await client.v3("accounts")
            reply = await client.ask(V3 + "accounts")
            assert (reply.status, reply.json()["error"]) == (429, "RESOURCE_EXHAUSTED")
            await client.transactions(uuid)
            clock.advance(1)
            await client.v3("accounts")
            coinbase.user.limits._windows["v2"]._count = 10_000
            reply = await client.ask(f"/v2/accounts/{uuid}/transactions")
            assert (reply.status, reply.json()["errors"][0]["id"]) == (429, "rate_limit_exceeded")

    asyncio.run(main())


def test_rights() -> None:
    """A key without the right to view is refused, and may still ask what it may do."""

    async def main() -> None:
        async with exchange(permissions=frozenset({Permission.TRADE})) as (_, client):
            reply = await client.ask(V3 + "accounts")
            assert (reply.status, reply.json()["error"]) == (403, "PERMISSION_DENIED")
            rights = await client.v3("key_permissions")
            assert (rights["can_view"], rights["can_trade"], rights["can_transfer"]) == (False, True, False)
        assert frozenset({Permission.VIEW}) == READ_ONLY

    asyncio.run(main())


def test_what_there_is_not() -> None:
    """Unknown endpoints, other methods and bad arguments are errors of the exchange."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            coinbase.account.deposit("BTC", D(1))
            assert (await client.ask(V3 + "nothing")).status == 404
            assert (await client.ask(V3 + "accounts", method="POST")).status == 404
            assert (await client.ask("/v2/accounts/nobody/transactions")).json()["errors"][0]["id"] == "not_found"
            for name, arguments in (
                ("accounts", {"limit": "-1"}),
                ("accounts", {"cursor": "x"}),
                ("orders/historical/fills", {"cursor": "x"}),
                ("orders/historical/fills", {"start_sequence_timestamp": "yesterday"}),
            ):
                reply = await client.ask(V3 + name, **arguments)
                assert (reply.status, reply.json()["error"]) == (400, "INVALID_ARGUMENT")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        (Fault.BAD_KEY, 401, "Unauthorized"),
        (Fault.INVALID_NONCE, 401, "Unauthorized"),
        (Fault.PERMISSION_DENIED, 403, "PERMISSION_DENIED"),
        (Fault.RATE_LIMIT, 429, "RESOURCE_EXHAUSTED"),
        (Fault.LOCKOUT, 429, "RESOURCE_EXHAUSTED"),
        (Fault.UNAVAILABLE, 503, "UNAVAILABLE"),
        (Fault.HTTP_502, 502, "Bad Gateway"),
        (Fault.HTML, 200, "<html>"),
        (Fault.NULL_RESULT, 200, '"accounts":null'),
        (Fault.EMPTY_BODY, 200, ""),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_faults_that_end_a_request(fault: Fault, status: int, word: str) -> None:
    """Each is answered as the exchange would, for the requests it was set for and no longer."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            coinbase.faults.next("accounts", fault, options=FaultOptions(seconds=9))
            reply = await client.ask(V3 + "accounts")
            assert reply.status == status
            assert word in reply.text
            assert (reply.headers.get("Retry-After") == "9") is (fault is Fault.LOCKOUT)
            assert (await client.ask(V3 + "accounts")).status == 200
            assert [record.faults for record in coinbase.requests] == [(fault,), ()]

    asyncio.run(main())


def test_a_dropped_connection_and_a_slow_one() -> None:
    """DROP ends the connection; SLOW holds the answer until the faults are cleared."""

    async def main() -> None:
        async with exchange(latency_seconds=0.001) as (coinbase, client):
            coinbase.faults.next("accounts", Fault.DROP, times=2)  # aiohttp tries a GET once more by itself
            with pytest.raises(aiohttp.ClientError):
                await client.ask(V3 + "accounts")
            arrived = asyncio.Event()
            coinbase.requests.on_request(lambda _: arrived.set())
            coinbase.faults.always("accounts", Fault.SLOW, options=FaultOptions(seconds=60))
            slow = asyncio.create_task(client.ask(V3 + "accounts"))
            await arrived.wait()
            assert coinbase.in_flight == 1
            while not slow.done():  # the switch may be cleared before the answer has begun to wait
                coinbase.faults.clear()
                await asyncio.sleep(0)
            assert (await slow).status == 200
            coinbase.faults.next("accounts", Fault.SLOW, options=FaultOptions(seconds=0.01))
            assert (await client.ask(V3 + "accounts")).status == 200

    asyncio.run(main())


def test_users_stand_apart() -> None:
    """A second customer has an account and a key of its own; a deleted key opens nothing."""

    async def main() -> None:
        async with exchange() as (coinbase, client):
            second = coinbase.add_account("second")
            with pytest.raises(ValueError, match="second"):
                coinbase.add_account("second")
            second.account.deposit("ETH", D(2))
            theirs = Client(client.session, coinbase, second)
            assert [row["currency"] for row in (await theirs.v3("accounts"))["accounts"]] == ["ETH"]
            assert (await client.v3("accounts"))["accounts"] == []
            coinbase.revoke(second)
            assert (await theirs.ask(V3 + "accounts")).status == 401
            assert "PRIVATE" not in repr(second.keys)

    asyncio.run(main())


def test_a_thread_of_its_own() -> None:
    """For programs without a loop; closed twice it is closed once, and before it starts there is no address."""
    with pytest.raises(RuntimeError, match="not started"):
        SimulatedCoinbase().base_url  # noqa: B018 - the access is the test
    assert SimulatedCoinbase().in_flight == 0
    with SimulatedCoinbase.start_in_thread(seed=3, lifetime_seconds=60) as coinbase:
        assert coinbase.base_url.startswith("http://127.0.0.1:")
        assert coinbase.keys.api_key.startswith("organizations/")
    coinbase.close()


def test_a_forgotten_server_ends() -> None:
    """On a caller's loop a lifetime ends it as well."""

    async def main() -> None:
        coinbase = SimulatedCoinbase(lifetime_seconds=0.01)
        await coinbase.start()
        assert coinbase._expiry is not None
        await coinbase._expiry
        assert coinbase.in_flight == 0
        await coinbase.stop()
        coinbase.close()

    asyncio.run(main())
