"""The Coinbase gateway against a simulated Coinbase over real HTTP: reads, every fault, pages, limits and the clock."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.exchanges.port import ExchangeFailureError, ExchangeGateway, FailureClass
from reconcile_actors.simulation import Fault, FaultOptions
from tests.contracts.coinbase_desk import Desk, desk

D = Decimal

# What a read gives while a fault lasts: a snapshot, the reason why there is none, or the class of the failure.
OUTCOMES: dict[Fault, UnknownReason | FailureClass | None] = {
    Fault.HTTP_429: FailureClass.RATE_LIMIT,
    Fault.HTTP_500: FailureClass.TRANSIENT,
    Fault.HTTP_502: FailureClass.TRANSIENT,
    Fault.HTTP_503: FailureClass.TRANSIENT,
    Fault.HTTP_520: FailureClass.TRANSIENT,
    Fault.DROP: FailureClass.TRANSIENT,
    Fault.HTML: UnknownReason.BAD_SHAPE,
    Fault.EMPTY_OBJECT: UnknownReason.BAD_SHAPE,
    Fault.EMPTY_LIST: UnknownReason.BAD_SHAPE,
    Fault.EMPTY_BODY: UnknownReason.BAD_SHAPE,
    Fault.NULL_RESULT: UnknownReason.BAD_SHAPE,
    Fault.BAD_KEY: FailureClass.CREDENTIALS,
    Fault.INVALID_NONCE: FailureClass.CREDENTIALS,
    Fault.PERMISSION_DENIED: FailureClass.CREDENTIALS,
    Fault.RATE_LIMIT: FailureClass.RATE_LIMIT,
    Fault.LOCKOUT: FailureClass.RATE_LIMIT,
    Fault.UNAVAILABLE: FailureClass.MAINTENANCE,
    Fault.SLOW: FailureClass.TRANSIENT,
    Fault.TRUNCATED: UnknownReason.BAD_SHAPE,
    Fault.NULL_LEGS: UnknownReason.BAD_SHAPE,
    Fault.MISSING_ROW: UnknownReason.INCOMPLETE_PAGE,
    Fault.NON_FINITE: UnknownReason.NOT_FINITE,
    Fault.HUGE: UnknownReason.OUT_OF_RANGE,
    Fault.FORTY_DECIMALS: UnknownReason.OUT_OF_RANGE,
    Fault.COLLIDING_CODES: UnknownReason.CODE_COLLISION,
    # Well-formed answers that are wrong, old or otherwise written: no single read can tell, the comparison does.
    Fault.STALE: None,
    Fault.ZEROED: None,
    Fault.SKEWED: None,
    Fault.JSON_NUMBERS: None,
    Fault.LAGGING_HISTORY: None,
    Fault.CANCEL_ONLY: None,  # concerns orders alone
}


def funded(one: Desk) -> None:
    one.coinbase.account.deposit("BTC", D("1.5"))
    one.coinbase.account.deposit("USD", D(100_000))
    one.time.advance(60)


async def good(one: Desk, **how: bool) -> Snapshot:
    got = await one.gateway.read(timeout_seconds=30, **how)
    assert isinstance(got, Snapshot), got
    return got


async def outcome_of(one: Desk) -> UnknownReason | FailureClass | None:
    try:
        got = await one.gateway.read(timeout_seconds=30, confirming=True)
    except ExchangeFailureError as failure:
        return failure.failure
    return got.reason if isinstance(got, Unreadable) else None


def test_every_fault_is_expected() -> None:
    """The table names every fault that the simulated exchange knows."""
    assert set(OUTCOMES) == set(Fault)


@pytest.mark.parametrize("fault", OUTCOMES, ids=lambda fault: fault.name)
def test_a_lasting_fault(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it lasts a fault has its one outcome, nothing is read as zero or as less, and after it all is as before."""
    if fault is Fault.SLOW:
        monkeypatch.setattr(ccxt_client, "TRY_SECONDS", 0.2)

    async def main() -> None:
        async with desk(retry_count=1) as one:
            funded(one)
            before = await good(one)
            one.coinbase.faults.always("accounts", fault)
            assert await outcome_of(one) == OUTCOMES[fault]
            one.coinbase.faults.clear()
            monkeypatch.undo()
            one.time.advance(60)
            after = await good(one)
            assert (after.balances, after.digest) == (before.balances, before.digest)

    asyncio.run(main())


@pytest.mark.parametrize("fault", [Fault.HTTP_503, Fault.DROP], ids=lambda fault: fault.name)
def test_a_passing_fault_is_not_seen(fault: Fault) -> None:
    """A hiccup that ends within the deadline costs another try and nothing else."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            one.coinbase.faults.next("accounts", fault)
            await good(one)

    asyncio.run(main())


@pytest.mark.parametrize("page_rows", [250, 2])
def test_a_snapshot_is_what_the_account_holds(page_rows: int) -> None:
    """Available plus hold, to the last digit; vaults apart, two wallets of one currency together, collateral left out."""

    async def main() -> None:
        async with desk(page_rows=page_rows, wallets=["spot", "vault"]) as one:
            funded(one)
            account = one.coinbase.account
            account.place("BTC-USD", "buy", D("0.5"), D(50_000))
            account.transfer("BTC", "BTC.V", D("0.1234567890123456"))
            account.deposit("DOT", D(1))
            account.deposit("DOT.S", D("2.5"))
            account.deposit("USDC.P", D(7))
            account.deposit("CGLD", D(3))
            got = await good(one)
            assert {place: (each.total, each.locked) for place, each in got.balances.items()} == {
                ("spot", "BTC"): (account.balance("BTC"), D(0)),
                ("vault", "BTC"): (D("0.1234567890123456"), D(0)),
                ("spot", "USD"): (D(100_000), D(25_000)),
                ("spot", "DOT"): (D("3.5"), D(0)),
                ("spot", "CELO"): (D(3), D(0)),
            }
            assert got.steps["BTC"] == D("1e-16")
            assert got.balances["spot", "USD"].available == D(75_000)

    asyncio.run(main())


def test_it_is_a_gateway() -> None:
    """The class fulfils the port and says what Coinbase allows, with one page and with several."""

    async def main() -> None:
        async with desk(page_rows=1) as one:
            gateway: ExchangeGateway = one.gateway
            assert gateway.facts.authoritative == {Field.TOTAL, Field.LOCKED}
            assert not gateway.facts.zeros_omitted
            assert (gateway.facts.poll_seconds, gateway.facts.detection_seconds) == (1.0, 3.75)
            funded(one)
            await good(one)
            assert (gateway.facts.poll_seconds, gateway.facts.detection_seconds) == (3.6, 11.55)
            assert list(await gateway.enrich([], timeout_seconds=1)) == []

    asyncio.run(main())


def test_several_pages_are_read_twice_and_far_enough_apart() -> None:
    """The second round begins R after the first, and the snapshot is of the instant between them."""

    async def main() -> None:
        async with desk(page_rows=1, exchange_lag_seconds="1.5") as one:
            funded(one)
            began_us = one.time.clocks.monotonic_us()
            got = await good(one)
            assert one.time.slept == [1.5]
            assert len(one.coinbase.requests.of("accounts")) == 4
            assert got.bracket.received_us == began_us  # virtual time: the wire takes none
            assert len(got.balances) == 2

    asyncio.run(main())


def test_pages_that_change_meanwhile_are_no_picture() -> None:
    """A transfer between two pages is never half seen: the account is busy until two rounds agree."""

    async def main() -> None:
        async with desk(page_rows=1, wallets=["spot", "vault"]) as one:
            funded(one)
            account, moves = one.coinbase.account, [True]
            account.transfer("BTC", "BTC.V", D("0.5"))
            account.deposit("ETH", D(1))

            def move(record: object) -> None:
                if moves[0]:
                    account.transfer("BTC", "BTC.V", D("0.01"))

            one.coinbase.requests.on_request(move)
            got = await one.gateway.read(timeout_seconds=30)
            assert isinstance(got, Unreadable)
            assert (got.reason, got.detail) == (UnknownReason.BUSY, "pages_changed")
            assert got.bracket.received_us > got.bracket.requested_us
            moves[0] = False
            settled = await good(one)
            both = settled.balances["spot", "BTC"].total, settled.balances["vault", "BTC"].total
            assert sum(total for total in both if total is not None) == D("1.5")

    asyncio.run(main())


def test_no_time_for_a_second_round_is_no_picture() -> None:
    """Within a deadline shorter than R several pages are not believed."""

    async def main() -> None:
        async with desk(page_rows=1) as one:
            funded(one)
            got = await one.gateway.read(timeout_seconds=0.9)
            assert isinstance(got, Unreadable)
            assert got.reason is UnknownReason.BUSY

    asyncio.run(main())


def test_a_wallet_that_is_gone_is_incomplete_until_fresh_connections_agree() -> None:
    """A shorter list is asked again over a new connection, and believed only when it stays so for ten seconds."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            await good(one)
            one.coinbase.faults.always("accounts", Fault.MISSING_ROW, options=FaultOptions(row="BTC"))
            reasons = []
            for _ in range(6):
                reasons.append(await outcome_of(one))
                one.time.advance(3)
            assert reasons == [UnknownReason.INCOMPLETE_PAGE] * 4 + [None] * 2
            assert ("spot", "BTC") not in (await good(one)).balances

    asyncio.run(main())


def test_an_empty_account_is_unknown_unless_allowed() -> None:
    """No wallet at all is believed only where the configuration says so."""

    async def main() -> None:
        async with desk() as one:
            assert await outcome_of(one) is UnknownReason.EMPTY
        async with desk(allow_empty=True) as one:
            assert (await good(one)).balances == {}
            funded(one)
            await good(one)
            one.coinbase.faults.always("accounts", Fault.STALE, options=FaultOptions(seconds=500))
            assert await outcome_of(one) is UnknownReason.INCOMPLETE_PAGE

    asyncio.run(main())


def test_fresh_reads_connect_anew() -> None:
    """The connection's number changes with `fresh` and with nothing else, also where there are several pages."""

    async def main() -> None:
        async with desk(page_rows=1) as one:
            funded(one)
            numbers = [(await good(one, fresh=fresh)).connection for fresh in (False, False, True, False, True)]
            assert numbers == [1, 1, 2, 2, 3]

    asyncio.run(main())


@pytest.mark.parametrize("seconds", [-300.0, 300.0, 7.0])
def test_a_wrong_clock_is_measured_and_mended_once(seconds: float) -> None:
    """An exchange whose clock is elsewhere refuses the first token, tells its time, and takes every later one."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            one.skew[0] = seconds
            for _ in range(3):
                await good(one)
            refused = len(one.coinbase.requests.of("accounts")) - 3
            assert refused == len(one.coinbase.requests.of("time")) == (0 if seconds == 7.0 else 1)

    asyncio.run(main())


def test_a_wrong_clock_that_cannot_be_measured_is_a_refusal() -> None:
    """Without the exchange's time a refused token is what it looks like."""

    async def main() -> None:
        async with desk(retry_count=0) as one:
            funded(one)
            one.skew[0] = 300
            one.coinbase.faults.always("time", Fault.HTML)
            assert await outcome_of(one) is FailureClass.CREDENTIALS
            one.coinbase.faults.always("time", Fault.EMPTY_LIST)
            assert await outcome_of(one) is FailureClass.CREDENTIALS

    asyncio.run(main())


def test_a_deleted_key_is_refused() -> None:
    """What an exchange does not accept is no transient failure, and its clock is asked once."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            one.coinbase.revoke(one.coinbase.user)
            assert await outcome_of(one) is FailureClass.CREDENTIALS
            assert len(one.coinbase.requests.of("accounts")) == 1

    asyncio.run(main())


def test_retry_after_is_told_and_kept() -> None:
    """What the exchange asks for reaches the caller, and no call goes before."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            one.coinbase.faults.next("accounts", Fault.LOCKOUT, options=FaultOptions(seconds=77))
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.read(timeout_seconds=30)
            assert (caught.value.http_status, caught.value.retry_after_seconds) == (429, 77.0)
            with pytest.raises(ExchangeFailureError) as own:
                await one.gateway.read(timeout_seconds=30)
            assert own.value.code == "own_limit"
            one.time.advance(77)
            await good(one)

    asyncio.run(main())


def test_watching_at_the_declared_pace_is_never_refused() -> None:
    """Two hundred polls with their histories, and a burst of confirming reads each tenth, stay within the real limits."""

    async def main() -> None:
        async with desk(limited=True) as one:
            funded(one)
            facts = one.gateway.facts
            for poll in range(200):
                await good(one)
                if poll % 5 == 0:
                    await one.gateway.history(one.time.clocks.utc_us() - 60_000_000, timeout_seconds=60)
                if poll % 10 == 0:
                    for _ in range(12):
                        await good(one, confirming=True)
                one.time.advance(facts.poll_seconds)
            assert sum(one.time.slept) < 5

    asyncio.run(main())


def test_prices() -> None:
    """Known currencies have the market's price, others none and are not asked for again; USD needs none."""

    async def main() -> None:
        async with desk() as one:
            got = await one.gateway.prices(["BTC", "CELO", "NOPE", "USD"], timeout_seconds=30)
            assert {currency: price.usd for currency, price in got.items()} == {
                "BTC": one.coinbase.market.price("BTC-USD"),
                "CELO": one.coinbase.market.price("CGLD-USD"),
            }
            assert {price.source for price in got.values()} == {"ticker"}
            assert await one.gateway.prices(["NOPE", "USD"], timeout_seconds=30) == {}
            assert len(one.coinbase.requests.of("products")) == 1
            many = await one.gateway.prices(["SOL", *(f"N{number}" for number in range(120))], timeout_seconds=30)
            assert set(many) == {"SOL"}
            assert len(one.coinbase.requests.of("products")) == 4
            one.coinbase.faults.always("products", Fault.NULL_LEGS)
            one.coinbase.faults.always("products", Fault.HTML)
            with pytest.raises(ExchangeFailureError):
                await one.gateway.prices(["ETH"], timeout_seconds=1)

    asyncio.run(main())
