"""The Binance gateway against a simulated Binance over real HTTP: reads, every fault, identity, clocks and limits."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.exchanges.port import ExchangeFailureError, ExchangeGateway, FailureClass
from reconcile_actors.simulation import Fault, FaultOptions
from reconcile_actors.simulation.binance import BINANCE
from reconcile_actors.simulation.binance.limits import DEFAULT_LIMITS, Weight
from tests.contracts.binance_desk import Desk, desk

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
    Fault.INVALID_NONCE: FailureClass.CONFIGURATION,
    Fault.PERMISSION_DENIED: FailureClass.CREDENTIALS,
    Fault.RATE_LIMIT: FailureClass.RATE_LIMIT,
    Fault.LOCKOUT: FailureClass.RATE_LIMIT,
    Fault.UNAVAILABLE: FailureClass.MAINTENANCE,
    Fault.CANCEL_ONLY: FailureClass.TRANSIENT,
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
}
PASSING = [
    fault
    for fault, outcome in OUTCOMES.items()
    if outcome in {None, FailureClass.TRANSIENT, FailureClass.CONFIGURATION} and fault is not Fault.SLOW
]


async def outcome_of(one: Desk) -> UnknownReason | FailureClass | None:
    try:
        got = await one.gateway.read(timeout_seconds=30, confirming=True)
    except ExchangeFailureError as failure:
        return failure.failure
    return got.reason if isinstance(got, Unreadable) else None


async def good(one: Desk) -> Snapshot:
    got = await one.gateway.read(timeout_seconds=30)
    assert isinstance(got, Snapshot)
    return got


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
            before = await good(one)
            one.binance.faults.always("account", fault)
            assert await outcome_of(one) == OUTCOMES[fault]
            one.binance.faults.clear()
            monkeypatch.undo()
            one.time.advance(60)
            after = await good(one)
            assert {place: row for place, row in after.balances.items() if row.total} == before.balances

    asyncio.run(main())


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_a_passing_fault_is_not_seen(fault: Fault) -> None:
    """A hiccup that ends within the deadline costs another try and nothing else."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            one.binance.faults.next("account", fault)
            await good(one)

    asyncio.run(main())


def test_a_snapshot_is_what_the_account_holds() -> None:
    """Everything that is held, free and locked, to the last digit; of what was never held nothing is shown."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            account = one.binance.account
            account.place("BTCUSDT", "buy", Decimal("0.5"), Decimal(50_000))
            account.transfer("BTC", "LDBTC", Decimal("0.12345678"))
            got = await good(one)
            held = account.holdings()
            assert {currency for _, currency in got.balances} == {"BTC", "ETH", "USDT", "LDBTC"} == set(held)
            for asset, holding in held.items():
                row = got.balances["spot", asset]
                assert (row.total, row.locked) == (holding.balance, holding.hold)
                assert row.available == holding.balance - holding.hold
            assert got.balances["spot", "USDT"].locked == Decimal(25_000)
            assert set(got.steps.values()) == {Decimal("1e-8")}

    asyncio.run(main())


def test_what_was_held_stays_in_sight() -> None:
    """A currency that was sold whole is shown with its zero, as the exchange states it."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1")
            await good(one)
            one.binance.account.withdraw("BTC", Decimal(1))
            assert (await good(one)).balances["spot", "BTC"].total == 0

    asyncio.run(main())


def test_it_is_a_gateway() -> None:
    """The class fulfils the port, and declares what its exchange allows; R is never less than a second."""

    async def main() -> None:
        async with desk(exchange_lag_seconds="0.5") as one, desk(exchange_lag_seconds="3") as other:
            gateway: ExchangeGateway = one.gateway
            facts = gateway.facts
            assert facts.authoritative == {Field.TOTAL, Field.LOCKED}
            assert (facts.zeros_omitted, facts.fee_reserve, facts.tier) == (False, 0, None)
            assert (facts.lag_seconds, other.gateway.facts.lag_seconds) == (1.0, 3.0)
            assert facts.poll_seconds <= 1
            assert facts.detection_seconds <= 5

    asyncio.run(main())


def test_another_account_is_not_this_one() -> None:
    """Balances under another uid are never set against this account's book."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            await good(one)
            one.binance.account.uid += 1
            got = await one.gateway.read(timeout_seconds=30)
            assert isinstance(got, Unreadable)
            assert (got.reason, got.detail) == (UnknownReason.CONFIGURATION, "another_account")

    asyncio.run(main())


def test_an_account_without_anything_is_proven_by_its_zeros() -> None:
    """Every asset is listed at zero: that is an empty account, and no missing answer."""

    async def main() -> None:
        async with desk() as one:
            assert (await good(one)).balances == {}

    asyncio.run(main())


@pytest.mark.parametrize("ahead_seconds", [-3600, -11, 2, 3600])
def test_a_wrong_clock_is_measured_once(ahead_seconds: int) -> None:
    """A timestamp that Binance refuses is mended by its own clock, and from then on each request goes through at once."""

    async def main() -> None:
        async with desk(ahead_seconds=ahead_seconds) as one:
            one.fund()
            for _ in range(5):
                await good(one)
                one.time.advance(5)
            asked = [record.endpoint for record in one.binance.requests]
            assert asked == ["account", "time", *["account"] * 5]

    asyncio.run(main())


def test_retry_after_is_told_and_kept() -> None:
    """What the exchange asks for reaches the caller, and until then nothing is asked."""

    async def main() -> None:
        async with desk() as one:
            one.binance.faults.next("account", Fault.RATE_LIMIT, options=FaultOptions(seconds=77))
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.read(timeout_seconds=30)
            assert (caught.value.http_status, caught.value.retry_after_seconds) == (429, 77.0)
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.read(timeout_seconds=30, confirming=True)
            assert (caught.value.code, len(one.binance.requests)) == ("own_limit", 1)
            one.time.advance(77)
            await good(one)

    asyncio.run(main())


def test_a_refused_key_stays_one() -> None:
    """After a success, too, a refused key is a matter of credentials and no flood."""

    async def main() -> None:
        async with desk() as one:
            await good(one)
            one.binance.revoke(one.binance.user)
            assert await outcome_of(one) is FailureClass.CREDENTIALS

    asyncio.run(main())


def test_watching_at_the_declared_pace_is_never_refused() -> None:
    """Five minutes of polls with their histories, and a burst of confirming reads each tenth, stay within the real weights."""

    async def main() -> None:
        async with desk(limits=DEFAULT_LIMITS) as one:
            one.fund(BTC="5", USDT="100000", ETH="50", BNB="9", SOL="7", DOT="5", ADA="5")
            facts = one.gateway.facts
            for poll in range(300):
                await good(one)
                if poll % 5 == 0:
                    await one.gateway.history(one.now_at - 60_000_000, timeout_seconds=10)
                if poll % 10 == 0:
                    for _ in range(10):
                        assert await outcome_of(one) is None
                one.time.advance(facts.poll_seconds)
            assert all(record.faults == () for record in one.binance.requests)

    asyncio.run(main())


def test_what_others_use_is_not_used() -> None:
    """Behind one address with a busy neighbour the gateway waits for the next minute rather than be banned with it."""

    async def main() -> None:
        async with desk(limits=DEFAULT_LIMITS) as one:
            one.fund()
            one.binance.use_weight(Weight(api=5800))
            await good(one)
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.read(timeout_seconds=1)
            assert caught.value.code == "own_limit"
            assert isinstance(await one.gateway.read(timeout_seconds=61), Snapshot)
            assert one.now_at % 60_000_000 < 1_000_000

    asyncio.run(main())


def test_prices() -> None:
    """Currencies with a market against USDT have its price, a USDT is a dollar, and others have none."""

    async def main() -> None:
        async with desk() as one:
            got = await one.gateway.prices(["BTC", "YOYOW", "NOPE", "USDT"], timeout_seconds=30)
            assert {currency: price.usd for currency, price in got.items()} == {
                "BTC": one.binance.market.price("BTCUSDT"),
                "USDT": Decimal(1),
            }
            assert await one.gateway.prices(["USDT"], timeout_seconds=30) == {"USDT": got["USDT"]}
            assert await one.gateway.prices(["NOPE"], timeout_seconds=30) == {}
            assert len(one.binance.requests) == 2

    asyncio.run(main())


def test_an_answer_without_a_row_is_empty_only_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Binance lists everything, so a list of nothing needs to be said to be right."""
    monkeypatch.setattr(BINANCE, "assets", {})

    async def main(*, allow_empty: bool) -> UnknownReason | FailureClass | None:
        async with desk(allow_empty=allow_empty) as one:
            return await outcome_of(one)

    assert asyncio.run(main(allow_empty=False)) is UnknownReason.EMPTY
    assert asyncio.run(main(allow_empty=True)) is None


def test_fills_need_no_further_detail() -> None:
    """They come with market, side and order, so asking for more costs nothing."""

    async def main() -> None:
        async with desk() as one:
            assert list(await one.gateway.enrich([], timeout_seconds=30)) == []
            assert len(one.binance.requests) == 0

    asyncio.run(main())
