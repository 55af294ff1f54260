"""The dYdX gateway against a simulated indexer over real HTTP: reads, every fault, limits and the quirks of the exchange."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.simulation import Fault, FaultOptions
from tests.contracts.dydx_desk import Desk, desk

USDC, BTC, ETH = ("perp", "USDC"), ("perp", "BTC/USDC:USDC"), ("perp", "ETH/USDC:USDC")

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
    Fault.PERMISSION_DENIED: FailureClass.CONFIGURATION,
    Fault.RATE_LIMIT: FailureClass.RATE_LIMIT,
    Fault.LOCKOUT: FailureClass.RATE_LIMIT,
    Fault.UNAVAILABLE: FailureClass.TRANSIENT,
    Fault.SLOW: FailureClass.TRANSIENT,
    Fault.TRUNCATED: UnknownReason.BAD_SHAPE,
    Fault.STALE: UnknownReason.STALE,
    Fault.NULL_LEGS: UnknownReason.BAD_SHAPE,
    Fault.ZEROED: UnknownReason.BAD_SHAPE,
    Fault.MISSING_ROW: UnknownReason.IMPLAUSIBLE,
    Fault.SKEWED: UnknownReason.IMPLAUSIBLE,
    Fault.NON_FINITE: UnknownReason.NOT_FINITE,
    Fault.HUGE: UnknownReason.OUT_OF_RANGE,
    Fault.FORTY_DECIMALS: UnknownReason.OUT_OF_RANGE,
    Fault.COLLIDING_CODES: UnknownReason.CODE_COLLISION,
    # There are no keys and nonces to refuse, and no orders; amounts may be numbers; history is asked for elsewhere.
    Fault.BAD_KEY: None,
    Fault.INVALID_NONCE: None,
    Fault.CANCEL_ONLY: None,
    Fault.JSON_NUMBERS: None,
    Fault.LAGGING_HISTORY: None,
}
PASSING = [
    fault
    for fault, outcome in OUTCOMES.items()
    if outcome in {None, FailureClass.TRANSIENT} and fault is not Fault.SLOW
]


async def outcome_of(one: Desk) -> UnknownReason | FailureClass | None:
    try:
        got = await one.gateway.read(timeout_seconds=30, confirming=True)
    except ExchangeFailureError as failure:
        return failure.failure
    return got.reason if isinstance(got, Unreadable) else None


async def snapshot(one: Desk, *, fresh: bool = False) -> Snapshot:
    got = await one.gateway.read(timeout_seconds=30, fresh=fresh)
    assert isinstance(got, Snapshot), got
    return got


async def failed(one: Desk) -> ExchangeFailureError:
    with pytest.raises(ExchangeFailureError) as caught:
        await one.gateway.read(timeout_seconds=30)
    return caught.value


def test_every_fault_is_expected() -> None:
    """The table names every fault that a simulated exchange knows."""
    assert set(OUTCOMES) == set(Fault)


@pytest.mark.parametrize("fault", OUTCOMES, ids=lambda fault: fault.name)
def test_a_lasting_fault(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it lasts a fault has its one outcome, nothing is read as zero or as less, and after it all is as before."""
    if fault is Fault.SLOW:
        monkeypatch.setattr(ccxt_client, "TRY_SECONDS", 0.2)

    async def main() -> None:
        async with desk(retry_count=1) as one:
            one.fund()
            before = await snapshot(one)
            options = FaultOptions(seconds=30.0, amount=Decimal(5000))
            one.dydx.faults.always("subaccount", fault, options=options)
            assert await outcome_of(one) == OUTCOMES[fault]
            one.dydx.faults.clear()
            monkeypatch.undo()
            one.time.advance(60)
            after = await snapshot(one)
            assert (after.balances, after.positions, after.digest) == (before.balances, before.positions, before.digest)

    asyncio.run(main())


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_a_passing_fault_is_not_seen(fault: Fault) -> None:
    """A hiccup that ends within the deadline costs another try and nothing else."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            one.dydx.faults.next("subaccount", fault)
            await snapshot(one)

    asyncio.run(main())


def test_a_snapshot_is_what_the_account_holds() -> None:
    """USDC with a total alone, and signed positions by unified symbol; free collateral is nobody's balance."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            got, account = await snapshot(one), one.dydx.account
            assert set(got.balances) == {USDC}
            held = got.balances[USDC]
            assert held.total == account.usdc()
            assert (held.available, held.locked, held.borrowed) == (None, None, None)
            assert {place: one.quantity for place, one in got.positions.items()} == {
                BTC: Decimal("-0.5"),
                ETH: Decimal(2),
            }
            assert got.steps == {"USDC": Decimal("0.000001")}
            facts = one.gateway.facts
            assert facts.authoritative == {Field.TOTAL, Field.POSITION}
            assert (facts.zeros_omitted, facts.lag_seconds, facts.poll_seconds) == (True, 2.0, 1.0)
            assert facts.detection_seconds < 5

    asyncio.run(main())


def test_a_closed_position_is_left_out_and_that_is_zero() -> None:
    """The indexer lists open positions alone: what was closed is no missing row."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            assert set((await snapshot(one)).positions) == {BTC, ETH}
            one.dydx.account.trade("BTC-USD", "buy", Decimal("0.5"))
            one.time.advance(3)
            assert set((await snapshot(one)).positions) == {ETH}

    asyncio.run(main())


def test_usdc_below_zero_is_short() -> None:
    """A loan against positions is a negative total."""

    async def main() -> None:
        async with desk() as one:
            one.dydx.account.deposit(Decimal(10_000))
            one.dydx.account.trade("BTC-USD", "buy", Decimal(1))
            one.time.advance(3)
            got = await snapshot(one)
            assert got.balances[USDC].total == one.dydx.account.usdc() == Decimal(-50_030)

    asyncio.run(main())


def test_usdc_is_net_of_funding_that_is_owed() -> None:
    """When the funding index moves the balance moves in a lump; settling it later moves nothing but rounding."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            before = (await snapshot(one)).balances[USDC].total
            one.dydx.chain.move_funding({"BTC-USD": Decimal("0.0000123456")})
            one.time.advance(3)
            owed = (await snapshot(one)).balances[USDC].total
            assert before is not None
            assert owed is not None
            assert owed - before == Decimal("0.5") * one.dydx.chain.price("BTC-USD") * Decimal("0.0000123456")
            one.dydx.account.deposit(Decimal(1))
            one.time.advance(3)
            settled = (await snapshot(one)).balances[USDC].total
            assert settled is not None
            assert Decimal(0) <= owed + 1 - settled < Decimal("0.000001")
            one.dydx.account.verify()

    asyncio.run(main())


def test_an_address_without_a_subaccount_is_no_empty_account() -> None:
    """404 is a matter of configuration, unless it is said that the account may be empty."""

    async def main() -> None:
        async with desk() as one:
            failure = await failed(one)
            assert (failure.failure, failure.code, failure.http_status) == (
                FailureClass.CONFIGURATION,
                "no_subaccount",
                404,
            )
        async with desk(allow_empty=True) as one:
            got = await snapshot(one)
            assert (got.balances, got.positions) == ({}, {})

    asyncio.run(main())


def test_a_subaccount_that_was_there_does_not_vanish() -> None:
    """Once read, a 404 is an indexer that has lost it, not an account that was never there."""

    async def main() -> None:
        async with desk(allow_empty=True) as one:
            one.fund()
            await snapshot(one)
            one.dydx.account.events.clear()  # the indexer has not come so far yet
            got = await one.gateway.read(timeout_seconds=30)
            assert isinstance(got, Unreadable)
            assert (got.reason, got.detail) == (UnknownReason.INCOMPLETE_PAGE, "subaccount_gone")

    asyncio.run(main())


def test_an_account_that_says_it_is_worth_nothing_is_empty() -> None:
    """All of it withdrawn: no row is listed and equity says zero, so that what is gone can be found missing."""

    async def main() -> None:
        async with desk() as one:
            one.dydx.account.deposit(Decimal(100))
            one.time.advance(3)
            await snapshot(one)
            one.dydx.account.withdraw(Decimal(100))
            one.time.advance(3)
            assert (await snapshot(one)).balances == {}

    asyncio.run(main())


UNTOLD = FaultOptions(leg="unrealizedPnl")


def test_an_answer_is_checked_by_its_own_prices_first() -> None:
    """However prices run, the oracle is asked only where the rows do not say what they are worth."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            await snapshot(one)
            one.dydx.chain.set_price("BTC-USD", Decimal(120_000))
            one.time.advance(3)
            await snapshot(one)
            assert one.dydx.requests.of("perpetualMarkets") == []
            one.dydx.faults.next("subaccount", Fault.NULL_LEGS, options=UNTOLD)
            await snapshot(one)
            assert len(one.dydx.requests.of("perpetualMarkets")) == 1

    asyncio.run(main())


def test_without_any_prices_positions_are_not_believed() -> None:
    """What cannot be checked is unknown: no market, a market without a price, or no answer at all."""

    async def main() -> None:
        async with desk(retry_count=0) as one:
            one.fund()
            one.dydx.faults.always("subaccount", Fault.NULL_LEGS, options=UNTOLD)
            for fault, options, expected in (
                (Fault.MISSING_ROW, FaultOptions(row="BTC-USD"), UnknownReason.IMPLAUSIBLE),
                (Fault.NULL_LEGS, FaultOptions(row="BTC-USD"), UnknownReason.IMPLAUSIBLE),
                (Fault.NULL_RESULT, FaultOptions(), UnknownReason.BAD_SHAPE),
                (Fault.NON_FINITE, FaultOptions(), UnknownReason.BAD_SHAPE),
                (Fault.ZEROED, FaultOptions(), UnknownReason.BAD_SHAPE),
                (Fault.HTTP_503, FaultOptions(), FailureClass.TRANSIENT),
            ):
                one.dydx.faults.always("perpetualMarkets", fault, options=options)
                one.time.advance(60)
                assert await outcome_of(one) == expected, fault
                one.dydx.faults.clear("perpetualMarkets")
            one.time.advance(60)
            await snapshot(one)

    asyncio.run(main())


def test_an_indexer_that_stands_still_is_stale() -> None:
    """Blocks come each second: one height for longer than R and some seconds is no answer about the present."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            await snapshot(one)
            for age, stale in ((30.0, False), (34.0, True)):
                one.time.advance(age - 1)
                one.dydx.faults.next("subaccount", Fault.STALE, options=FaultOptions(seconds=age - 1))
                got = await one.gateway.read(timeout_seconds=30)
                assert isinstance(got, Unreadable) is stale
                one.time.advance(1)
                await snapshot(one)

    asyncio.run(main())


def test_after_a_doubtful_answer_the_next_takes_a_fresh_connection() -> None:
    """As with `fresh`, the connection's number changes, and with nothing else."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            numbers = [(await snapshot(one, fresh=fresh)).connection for fresh in (False, False, True, False)]
            one.dydx.faults.next("subaccount", Fault.HTML)
            assert isinstance(await one.gateway.read(timeout_seconds=30), Unreadable)
            assert isinstance(await one.gateway.read(timeout_seconds=30), Snapshot)
            one.dydx.faults.next("subaccount", Fault.MISSING_ROW)
            assert isinstance(await one.gateway.read(timeout_seconds=30), Unreadable)
            numbers.append((await snapshot(one)).connection)
            assert numbers == [1, 1, 2, 2, 3]

    asyncio.run(main())


def test_an_isolated_or_another_subaccount_is_not_this_one() -> None:
    """The number in the answer is the one that was asked for."""

    async def main() -> None:
        async with desk(subaccount=1) as one:
            second = one.dydx.add_account("main", number=1)
            assert second.address == one.dydx.address
            one.fund()
            second.deposit(Decimal(7))
            assert (await snapshot(one)).balances[USDC].total == Decimal(7)

    asyncio.run(main())


def test_prices_are_the_oracle_s() -> None:
    """By base currency; USDC is a dollar, as the exchange counts it; what has no market has no price."""

    async def main() -> None:
        async with desk() as one:
            assert dict(await one.gateway.prices(["USDC"], timeout_seconds=5))["USDC"].usd == 1
            assert len(one.dydx.requests) == 0
            got = await one.gateway.prices(["BTC", "USDC", "NONE"], timeout_seconds=5)
            assert {currency: price.usd for currency, price in got.items()} == {
                "BTC": Decimal(60_000),
                "USDC": Decimal(1),
            }

    asyncio.run(main())
