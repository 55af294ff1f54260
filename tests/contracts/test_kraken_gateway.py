"""The Kraken gateway against a simulated Kraken over real HTTP: reads, every fault, limits and history."""

import asyncio
from decimal import Decimal

import ccxt.async_support
import pytest

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.domain.snapshot import Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges import ccxt_client
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.exchanges.transport import redirected
from reconcile_actors.simulation import Fault, FaultOptions, SimulatedKraken, Tier, Trader
from tests.contracts.kraken_desk import Desk, desk

WATCHED = ("spot", "flexible", "staked")

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
    Fault.CANCEL_ONLY: FailureClass.MAINTENANCE,
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


def funded(one: Desk) -> None:
    one.kraken.account.deposit("XXBT", Decimal("1.5"))
    one.kraken.account.deposit("ZUSD", Decimal(100_000))
    one.time.advance(60)


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
            before = await one.gateway.read(timeout_seconds=30)
            assert isinstance(before, Snapshot)
            one.kraken.faults.always("BalanceEx", fault)
            assert await outcome_of(one) == OUTCOMES[fault]
            one.kraken.faults.clear()
            monkeypatch.undo()
            one.time.advance(60)
            after = await one.gateway.read(timeout_seconds=30)
            assert isinstance(after, Snapshot)
            assert (after.balances, after.digest) == (before.balances, before.digest)

    asyncio.run(main())


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_a_passing_fault_is_not_seen(fault: Fault) -> None:
    """A hiccup that ends within the deadline costs another try and nothing else."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            one.kraken.faults.next("BalanceEx", fault)
            assert isinstance(await one.gateway.read(timeout_seconds=30), Snapshot)

    asyncio.run(main())


def test_a_snapshot_is_what_the_account_holds() -> None:
    """Every asset of the watched wallets with total and hold, to the last digit, and none of another wallet."""

    async def main() -> None:
        async with desk(wallets=["spot", "flexible"]) as one:
            funded(one)
            account = one.kraken.account
            account.place("XXBTZUSD", "buy", Decimal("0.5"), Decimal(50_000))
            account.transfer("XXBT", "XBT.F", Decimal("0.123456789"))
            account.deposit("XBT.M", Decimal(9))
            got = await one.gateway.read(timeout_seconds=30)
            assert isinstance(got, Snapshot)
            held = account.holdings()
            for place, asset in {
                ("spot", "BTC"): "XXBT",
                ("spot", "USD"): "ZUSD",
                ("flexible", "BTC"): "XBT.F",
            }.items():
                assert got.balances[place].total == held[asset].balance
                assert got.balances[place].locked == held[asset].hold
            assert len(got.balances) == 3
            assert got.balances["spot", "USD"].locked == Decimal(25_000)
            assert got.steps == {"BTC": Decimal("1e-10"), "USD": Decimal("0.0001")}

    asyncio.run(main())


def test_fresh_reads_connect_anew() -> None:
    """The connection's number changes with `fresh` and with nothing else."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            numbers = []
            for fresh in (False, False, True, False, True):
                got = await one.gateway.read(timeout_seconds=30, fresh=fresh)
                assert isinstance(got, Snapshot)
                numbers.append(got.connection)
            assert numbers == [1, 1, 2, 2, 3]

    asyncio.run(main())


def test_retry_after_is_told() -> None:
    """What the exchange asks for reaches the caller."""

    async def main() -> None:
        async with desk() as one:
            one.kraken.faults.always("BalanceEx", Fault.HTTP_429, options=FaultOptions(seconds=77))
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.read(timeout_seconds=30)
            assert (caught.value.http_status, caught.value.retry_after_seconds) == (429, 77.0)

    asyncio.run(main())


@pytest.mark.parametrize("tier", list(Tier))
def test_watching_at_the_declared_pace_is_never_refused(tier: Tier) -> None:
    """Two hundred polls with their histories, and a burst of confirming reads each tenth, stay within the real counter."""

    async def main() -> None:
        async with desk(limited=tier, tier=tier.name.lower()) as one:
            funded(one)
            facts = one.gateway.facts
            for poll in range(200):
                assert isinstance(await one.gateway.read(timeout_seconds=60), Snapshot)
                if poll % 4 == 0:
                    await one.gateway.history(one.time.clocks.utc_us() - 10_000_000, timeout_seconds=60)
                if poll % 10 == 0:
                    for _ in range(3):
                        assert isinstance(await one.gateway.read(timeout_seconds=60, confirming=True), Snapshot)
                one.time.advance(facts.poll_seconds)
            assert one.gateway.facts.tier == tier.name.lower()

    asyncio.run(main())


def test_a_lower_tier_than_configured_steps_down() -> None:
    """An account that has less than the configuration says is refused, steps down, and then reads on without refusals."""

    async def main() -> None:
        async with desk(limited=Tier.STARTER, tier="pro") as one:
            funded(one)
            outcomes = []
            for _ in range(300):
                outcomes.append(await outcome_of(one))
                one.time.advance(one.gateway.facts.poll_seconds)
            assert outcomes.count(FailureClass.RATE_LIMIT) in {0, 1, 2}
            assert outcomes[-100:] == [None] * 100

    asyncio.run(main())


def totals(snapshot: Snapshot) -> dict[tuple[str, str], Decimal]:
    return {place: balance.total for place, balance in snapshot.balances.items() if balance.total}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_opening_and_movements_give_the_closing(seed: int) -> None:
    """Of an account that trades, moves funds and earns, the history explains every balance in every wallet exactly."""

    async def main() -> None:
        async with desk(seed=seed, wallets=WATCHED) as one:
            kraken, account = one.kraken, one.kraken.account
            for asset, amount in (("XXBT", 5), ("XETH", 50), ("ZUSD", 100_000), ("USDT", 50_000), ("DOT.S", 10)):
                account.deposit(asset, Decimal(amount))
            one.time.advance(1)
            opened_at = one.time.clocks.utc_us()
            opening = await one.gateway.read(timeout_seconds=60)
            assert isinstance(opening, Snapshot)
            trader = Trader(account, kraken.market, exchange="main", seed=seed, actions_per_second=2.0)
            trader.step(kraken.clock())
            for _ in range(300):
                one.time.advance(1)
                trader.step(kraken.clock())
            one.time.advance(30)
            closing = await one.gateway.read(timeout_seconds=60)
            assert isinstance(closing, Snapshot)
            movements, since_at = [], opened_at
            while since_at < one.time.clocks.utc_us() - 15_000_000:
                history = await one.gateway.history(since_at, timeout_seconds=600)
                assert history.through_at > since_at
                movements += [each for each in history.movements if each not in movements]
                since_at = history.through_at
            expected = totals(opening)
            for movement in movements:
                for leg, amount in movement.effects.items():
                    assert leg.field is Field.TOTAL
                    place = leg.wallet, leg.currency
                    expected[place] = money.add(expected.get(place, money.ZERO), amount)
            assert {place: amount for place, amount in expected.items() if amount} == totals(closing)
            assert len([each for each in movements if each.type is MovementType.FILL]) == len(account.fills) > 100

    asyncio.run(main())


def test_ids_are_those_of_ccxt() -> None:
    """Fills carry what ccxt's trades give as id (and market, side, order), funds what its deposits and withdrawals give."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            account = one.kraken.account
            account.withdraw("XXBT", Decimal("0.1"), fee=Decimal("0.0005"))
            for side, price in (("buy", 50_000), ("sell", 70_000)):
                order = account.place("XXBTZUSD", side, Decimal("0.5"), Decimal(price))
                account.fill(order.id, Decimal("0.2"), Decimal(price))
                account.fill(order.id, Decimal("0.3"), Decimal(price))
            account.convert("ZUSD", Decimal(100), "XETH", Decimal("0.03"), fee=Decimal(1))
            one.time.advance(60)
            history = await one.gateway.history(0, timeout_seconds=60)
            movements = await one.gateway.enrich(history.movements, timeout_seconds=60)
            async with plain_ccxt(one.kraken) as plain:
                trades = await plain.fetch_my_trades()
                funds = [*await plain.fetch_deposits("BTC"), *await plain.fetch_withdrawals("BTC")]
            ours = {(m.id, m.instrument, m.side, m.order_id) for m in movements if m.order_id is not None}
            assert ours == {(t["id"], t["symbol"], t["side"], t["order"]) for t in trades}
            transfers = [m for m in movements if m.type is MovementType.TRANSFER and m.instrument == "BTC"]
            assert {m.id for m in transfers} == {f["id"] for f in funds}
            [instant] = [m for m in movements if m.type is MovementType.FILL and m.order_id is None]
            assert {leg.currency: amount for leg, amount in instant.effects.items()} == {
                "USD": -101,
                "ETH": Decimal("0.03"),
            }

    asyncio.run(main())


class plain_ccxt:  # noqa: N801 - reads like the function that it could be
    """A ccxt client as anybody would use it, on the simulated exchange."""

    def __init__(self, kraken: SimulatedKraken) -> None:
        self._client = ccxt.async_support.kraken(
            {"apiKey": kraken.keys.api_key, "secret": kraken.keys.secret, "enableRateLimit": False}
        )
        fetch = self._client.fetch

        async def fetch_here(url: str, *rest: object, **options: object) -> object:
            return await fetch(redirected(url, kraken.base_url), *rest, **options)

        self._client.fetch = fetch_here

    async def __aenter__(self) -> "ccxt.async_support.kraken":
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


def test_late_history_is_not_lost() -> None:
    """Rows that the exchange lists late are found by the next read that asks from before them."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            since_at = one.time.clocks.utc_us()
            one.kraken.account.deposit("XXBT", Decimal(1))
            one.kraken.faults.during("Ledgers", Fault.LAGGING_HISTORY, 2.0, options=FaultOptions(seconds=0.5))
            first = await one.gateway.history(since_at, timeout_seconds=60)
            assert first.movements == []
            assert first.through_at == since_at
            one.time.advance(3)
            second = await one.gateway.history(first.through_at, timeout_seconds=60)
            assert len(second.movements) == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault.HTML, FailureClass.BAD_DATA),
        (Fault.EMPTY_OBJECT, FailureClass.BAD_DATA),
        (Fault.EMPTY_LIST, FailureClass.BAD_DATA),
        (Fault.NULL_RESULT, FailureClass.BAD_DATA),
        (Fault.TRUNCATED, FailureClass.BAD_DATA),
        (Fault.NULL_LEGS, FailureClass.BAD_DATA),
        (Fault.NON_FINITE, FailureClass.BAD_DATA),
        (Fault.MISSING_ROW, FailureClass.BAD_DATA),
        (Fault.HTTP_503, FailureClass.TRANSIENT),
        (Fault.DROP, FailureClass.TRANSIENT),
        (Fault.BAD_KEY, FailureClass.CREDENTIALS),
        (Fault.RATE_LIMIT, FailureClass.RATE_LIMIT),
    ],
    ids=lambda value: value.name,
)
def test_history_is_whole_or_a_failure(fault: Fault, failure: FailureClass) -> None:
    """No fault of the ledger gives a shorter history."""

    async def main() -> None:
        async with desk(retry_count=1) as one:
            funded(one)
            one.kraken.faults.always("Ledgers", fault)
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.history(0, timeout_seconds=30)
            assert caught.value.failure is failure

    asyncio.run(main())


def test_prices() -> None:
    """Known currencies have the market's price, others none; USD needs none."""

    async def main() -> None:
        async with desk() as one:
            got = await one.gateway.prices(["BTC", "ETH", "NOPE", "USD"], timeout_seconds=30)
            assert {currency: price.usd for currency, price in got.items()} == {
                "BTC": one.kraken.market.price("XXBTZUSD"),
                "ETH": one.kraken.market.price("XETHZUSD"),
            }
            assert {price.source for price in got.values()} == {"ticker"}

    asyncio.run(main())


@pytest.mark.parametrize("fills_a_second", [2, 3])
def test_history_keeps_up_with_a_busy_account(fills_a_second: int) -> None:
    """At the pace of `pro`, with a minute of overlap, every look reaches the present, for minutes on end, within both counters."""

    async def watch(one: Desk) -> None:
        account, market = one.kraken.account, one.kraken.market
        account.deposit("ZUSD", Decimal(5_000_000))
        facts, looks, through_at = one.gateway.facts, 0, one.time.clocks.utc_us()
        while looks < 30:
            for second in range(int(facts.history_seconds)):
                for _ in range(fills_a_second):
                    market.submit(account, "XXBTZUSD", "buy", Decimal("0.001"))
                if second % int(facts.poll_seconds) == 0:
                    await one.gateway.read(timeout_seconds=10)
                one.time.advance(1)
            now_at = one.time.clocks.utc_us()
            history = await one.gateway.history(through_at - 60_000_000, timeout_seconds=10)
            assert history.through_at >= now_at - 2_000_000
            through_at, looks = history.through_at, looks + 1
        recent = {fill.id for fill in account.fills if fill.at * 1_000_000 > through_at - 50_000_000}
        assert {each.id for each in history.movements} >= recent
        assert len(recent) >= 50 * fills_a_second

    async def main() -> None:
        async with desk(limited=Tier.PRO) as one:
            await watch(one)

    asyncio.run(main())
