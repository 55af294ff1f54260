"""History and limits of the dYdX gateway against a simulated indexer: what is listed is what happened, within what is allowed."""

import asyncio
from decimal import Decimal

import pytest

from reconcile_actors.actors.translation import to_change
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import missing_from
from reconcile_actors.domain.changes import Record
from reconcile_actors.domain.movements import Movement, MovementType, merge, same_content, same_key
from reconcile_actors.domain.settlement import Settlement
from reconcile_actors.domain.snapshot import Snapshot, Unreadable
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.messages.records import AnyRecord
from reconcile_actors.messages.wire import message_of
from reconcile_actors.simulation import Fault, FaultOptions
from reconcile_actors.simulation.dydx import DydxTrader
from tests.contracts.dydx_desk import Desk, desk

SEED = 20
USDC = Leg("perp", "USDC", Field.TOTAL)


async def listed(one: Desk, since_at: int = 0) -> list[Movement]:
    return list((await one.gateway.history(since_at, timeout_seconds=60)).movements)


def told(report: object) -> Movement:
    record = message_of(report)
    assert isinstance(record, AnyRecord)
    change = to_change(record, "perp", 0, Settlement.NOTIONAL)
    assert isinstance(change, Record)
    return change.movement


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_history_is_what_an_honest_trader_tells(seed: int) -> None:
    """Each entry has the content and the key of its report, and together they are the balance and the positions."""

    async def main() -> None:
        async with desk(seed=seed) as one:
            one.dydx.account.deposit(Decimal(100_000))
            one.time.advance(1)
            trader = DydxTrader(one.dydx.account, one.dydx.chain, exchange="main", seed=seed, actions_per_second=0.05)
            reports = []
            for _ in range(240):
                reports += trader.step(one.dydx.chain.now())
                one.time.advance(60)
            mine = [told(report) for report in reports]
            entries = await listed(one)
            assert {one.type for one in entries} == {MovementType.FILL, MovementType.TRANSFER, MovementType.FUNDING}
            assert len(entries) == len(mine) + 1  # the first deposit was not the trader's
            by_id = {movement.id: movement for movement in mine}
            for entry in entries:
                if entry.id in by_id:
                    assert same_key(entry, by_id[entry.id])
                    assert same_content(entry.effects, by_id[entry.id].effects)
                    assert entry.occurred_at == by_id[entry.id].occurred_at
            account = one.dydx.account
            account.verify()
            total = merge(*(entry.effects for entry in entries))
            assert {leg.currency: amount for leg, amount in total.items() if leg.field is Field.POSITION} == {
                f"{ticker[:3]}/USDC:USDC": size for ticker, size in account.positions().items()
            }
            assert abs(total[USDC] - account.usdc()) < len(entries) * Decimal("0.000001")

    asyncio.run(main())


def test_more_than_a_page_is_read_whole() -> None:
    """Nothing at a page's border is lost, also where one instant fills more than a page."""

    async def main() -> None:
        async with desk() as one:
            one.dydx.account.deposit(Decimal(1_000_000))
            for count in (130, 1, 99, 250):
                for _ in range(count):
                    one.dydx.account.trade("SOL-USD", "buy", Decimal("0.1"))
                one.time.advance(0.001)
            entries = await listed(one)
            assert [entry.id for entry in entries if entry.type is MovementType.FILL] != []
            assert {entry.id for entry in entries} == {
                one.dydx.account.transfers[0].id,
                *(fill.id for fill in one.dydx.account.fills),
            }
            assert len(entries) == 481

    asyncio.run(main())


def test_history_that_is_too_long_fails_whole() -> None:
    """Rather than give a part."""

    async def main() -> None:
        async with desk() as one:
            one.dydx.account.deposit(Decimal(1_000_000))
            for _ in range(4100):
                one.dydx.account.trade("SOL-USD", "buy", Decimal("0.1"))
                one.time.advance(0.01)
            with pytest.raises(ExchangeFailureError, match="history_too_long"):
                await listed(one)

    asyncio.run(main())


def test_it_reaches_as_far_as_the_indexer_less_its_lag() -> None:
    """By the indexer's newest block, not by our clock; never behind what was asked for."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            now_at = one.time.clocks.utc_us()
            assert (await one.gateway.history(0, timeout_seconds=60)).through_at == now_at - 2_000_000
            one.dydx.faults.always("height", Fault.STALE, options=FaultOptions(seconds=30))
            late = await one.gateway.history(0, timeout_seconds=60)
            assert late.through_at == now_at - 32_000_000
            assert (await one.gateway.history(now_at, timeout_seconds=60)).through_at == now_at

    asyncio.run(main())


def test_only_what_happened_since_is_listed_but_funding_may_come_late() -> None:
    """Payments are worked out after the hour: those of the two hours before are listed too."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            one.dydx.chain.move_funding({"BTC-USD": Decimal("0.0001")})
            one.time.advance(3600)
            one.dydx.account.deposit(Decimal(5))
            since_at = one.time.clocks.utc_us() - 1000
            assert [entry.type for entry in await listed(one, since_at)] == [
                MovementType.FUNDING,
                MovementType.TRANSFER,
            ]
            one.time.advance(7200)
            assert await listed(one, one.time.clocks.utc_us()) == []

    asyncio.run(main())


def test_equal_funding_in_two_hours_is_two() -> None:
    """Each hour's payment is an entry of its own, and one report accounts for one of them."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            for _ in range(2):
                one.dydx.chain.move_funding({"BTC-USD": Decimal("0.0001")})
                one.time.advance(3600)
            hours = [entry for entry in await listed(one) if entry.type is MovementType.FUNDING]
            assert [entry.effects for entry in hours] == [{USDC: Decimal(3)}] * 2
            assert all(entry.id is None for entry in hours)
            assert len({entry.key_text() for entry in hours}) == 2
            lacking = missing_from(hours, lambda _: (), lambda _: False, frozenset({"perp"}), lambda _: Decimal(0))
            assert lacking == ()  # without a rule for entries without an id, nothing is claimed

    asyncio.run(main())


def test_years_of_funding_are_no_obstacle() -> None:
    """A position that pays by the hour has a thousand payments in six weeks: only the last ones are wanted."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            for _ in range(1100):
                one.dydx.chain.move_funding({"BTC-USD": Decimal("0.0001"), "ETH-USD": Decimal("0.0001")})
                one.time.advance(3600)
            hour_at = one.time.clocks.utc_us() - 3_600_000_000
            assert len(await listed(one, hour_at)) == 2 * 3
            assert len([entry for entry in await listed(one) if entry.type is MovementType.FUNDING]) == 2200

    asyncio.run(main())


def test_what_a_builder_takes_is_part_of_the_fill() -> None:
    """It comes on top of the fee."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            fill = one.dydx.account.trade("BTC-USD", "buy", Decimal("0.1"), builder_fee=Decimal("1.5"))
            one.time.advance(3)
            [entry] = [entry for entry in await listed(one) if entry.id == fill.id]
            assert entry.effects[USDC] == fill.cash == -fill.size * fill.price - fill.fee - Decimal("1.5")

    asyncio.run(main())


def test_a_subaccount_that_was_never_used_has_no_history() -> None:
    """Where an empty account is allowed; else it is the failure that it is."""

    async def main() -> None:
        async with desk(allow_empty=True) as one:
            history = await one.gateway.history(0, timeout_seconds=5)
            assert list(history.movements) == []
            one.fund()
            assert isinstance(await one.gateway.read(timeout_seconds=5), Snapshot)
            assert len(await listed(one)) == 3
        async with desk() as one:
            with pytest.raises(ExchangeFailureError, match="no_subaccount"):
                await listed(one)

    asyncio.run(main())


def test_transfers_count_by_their_direction() -> None:
    """From and to wallets and other subaccounts."""

    async def main() -> None:
        async with desk() as one:
            account, other = one.dydx.account, one.dydx.add_account("other").address
            account.deposit(Decimal(100))
            account.withdraw(Decimal(1))
            account.transfer_in(Decimal(10), other)
            account.transfer_out(Decimal(2), other, 3)
            one.time.advance(3)
            entries = {entry.id: entry.effects[USDC] for entry in await listed(one)}
            assert entries == {moved.id: moved.cash for moved in account.transfers}
            assert sorted(entries.values()) == [Decimal(-2), Decimal(-1), Decimal(10), Decimal(100)]

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["LIQUIDATED", "DELEVERAGED"])
def test_whoever_made_the_fill_it_moves_as_much(kind: str) -> None:
    """A liquidation is a fill that nobody at home has ordered."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            fill = one.dydx.account.trade("BTC-USD", "buy", Decimal("0.1"), kind=kind)
            one.time.advance(3)
            [entry] = [entry for entry in await listed(one) if entry.id == fill.id]
            assert entry.type is MovementType.FILL
            assert entry.effects == {
                Leg("perp", "BTC/USDC:USDC", Field.POSITION): Decimal("0.1"),
                USDC: fill.cash,
            }

    asyncio.run(main())


@pytest.mark.parametrize("endpoint", ["fills", "transfers", "fundingPayments", "height"])
@pytest.mark.parametrize(
    "fault",
    [Fault.EMPTY_OBJECT, Fault.EMPTY_LIST, Fault.HTML, Fault.TRUNCATED, Fault.NULL_RESULT, Fault.HTTP_503, Fault.DROP],
    ids=lambda fault: fault.name,
)
def test_a_leg_that_fails_is_no_shorter_history(endpoint: str, fault: Fault) -> None:
    """Each leg is there whole, or there is none of it."""

    async def main() -> None:
        async with desk(retry_count=0) as one:
            one.fund()
            one.dydx.chain.move_funding()
            one.dydx.faults.always(endpoint, fault)
            with pytest.raises(ExchangeFailureError):
                await listed(one)

    asyncio.run(main())


@pytest.mark.parametrize("endpoint", ["fills", "transfers", "fundingPayments"])
@pytest.mark.parametrize(
    "fault", [Fault.NULL_LEGS, Fault.NON_FINITE, Fault.HUGE, Fault.FORTY_DECIMALS], ids=lambda fault: fault.name
)
def test_a_row_that_is_not_understood_fails_the_whole(endpoint: str, fault: Fault) -> None:
    """No row is dropped in silence."""

    async def main() -> None:
        async with desk(retry_count=0) as one:
            one.fund()
            one.dydx.chain.move_funding()
            one.dydx.faults.always(endpoint, fault)
            with pytest.raises(ExchangeFailureError) as caught:
                await listed(one)
            assert caught.value.failure is FailureClass.BAD_DATA

    asyncio.run(main())


def test_history_that_lags_is_made_up_for() -> None:
    """What an indexer lists late is found by the next look, which overlaps."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            fill = one.dydx.account.trade("BTC-USD", "buy", Decimal("0.1"))
            one.time.advance(3)
            one.dydx.faults.next("fills", Fault.LAGGING_HISTORY, options=FaultOptions(seconds=10))
            first = await one.gateway.history(0, timeout_seconds=60)
            assert fill.id not in {entry.id for entry in first.movements}
            assert fill.id in {entry.id for entry in await listed(one, first.through_at - 60_000_000)}

    asyncio.run(main())


def test_a_fill_needs_no_further_detail() -> None:
    """Market, side and order come with it."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            entries = await listed(one)
            asked = len(one.dydx.requests)
            assert await one.gateway.enrich(entries, timeout_seconds=5) == entries
            assert len(one.dydx.requests) == asked
            fills = [entry for entry in entries if entry.type is MovementType.FILL]
            assert all(entry.order_id and entry.side and entry.instrument for entry in fills)

    asyncio.run(main())


def test_the_indexer_never_has_to_refuse() -> None:
    """Polling, history and bursts of confirmations at their spacings stay within the limit that the indexer enforces."""

    async def main() -> None:
        async with desk(limit=100) as one:
            one.fund()
            for second in range(120):
                assert isinstance(await one.gateway.read(timeout_seconds=5), Snapshot)
                if second % 3 == 0:
                    await one.gateway.history(one.time.clocks.utc_us() - 60_000_000, timeout_seconds=5)
                for _ in range(4 if second % 20 == 0 else 0):
                    assert not isinstance(await one.gateway.read(timeout_seconds=5, confirming=True), Unreadable)
                one.time.advance(1)
            assert one.time.slept == []
            assert one.gateway.facts.poll_seconds == 1.0

    asyncio.run(main())


def test_a_refusal_is_waited_out_and_asked_less_after() -> None:
    """Somebody else behind the same address: the answer says when to come back, and the spacing doubles."""

    async def main() -> None:
        async with desk(limit=20, retry_count=0) as one:
            one.fund()
            for _ in range(20):
                await one.gateway.read(timeout_seconds=5)
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.read(timeout_seconds=5)
            assert (caught.value.failure, caught.value.http_status) == (FailureClass.RATE_LIMIT, 429)
            wait = caught.value.retry_after_seconds
            assert wait is not None
            assert 0 < wait <= 11
            assert one.gateway.facts.poll_seconds == 2.0
            sent = len(one.dydx.requests)
            with pytest.raises(ExchangeFailureError, match="own_limit"):
                await one.gateway.read(timeout_seconds=1)
            assert len(one.dydx.requests) == sent
            one.time.advance(wait)
            assert isinstance(await one.gateway.read(timeout_seconds=5), Snapshot)

    asyncio.run(main())


def test_who_stands_before_the_indexer_says_seconds() -> None:
    """Only the indexer's own refusal counts in milliseconds."""

    async def main() -> None:
        async with desk(retry_count=0) as one:
            one.fund()
            one.dydx.faults.next("subaccount", Fault.HTTP_429, options=FaultOptions(seconds=30))
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.read(timeout_seconds=5)
            assert caught.value.retry_after_seconds == 30

    asyncio.run(main())


def test_long_history_puts_off_no_balance() -> None:
    """Its pages leave room for the polls of the same ten seconds."""

    async def main() -> None:
        async with desk(limit=100) as one:
            one.dydx.account.deposit(Decimal(1_000_000))
            for _ in range(3800):
                one.dydx.account.trade("SOL-USD", "buy", Decimal("0.1"))
                one.time.advance(0.01)
            one.time.advance(3)
            assert len(await listed(one)) == 3801
            with pytest.raises(ExchangeFailureError, match="own_limit"):
                await one.gateway.history(0, timeout_seconds=1)
            slept = list(one.time.slept)
            assert isinstance(await one.gateway.read(timeout_seconds=5), Snapshot)
            assert one.time.slept == slept

    asyncio.run(main())


def test_an_indexer_that_lags_says_how_far_it_has_come() -> None:
    """All of its answers are of one past instant: nothing later is shown, and none of it is claimed to be complete."""

    async def main() -> None:
        async with desk() as one:
            one.fund()
            one.dydx.faults.always("*", Fault.STALE, options=FaultOptions(seconds=1.5))
            fill = one.dydx.account.trade("BTC-USD", "buy", Decimal("0.1"))
            one.time.advance(1)
            history = await one.gateway.history(0, timeout_seconds=60)
            assert fill.id not in {entry.id for entry in history.movements}
            assert history.through_at < int(fill.stamp.at * 1e6)
            before = await one.gateway.read(timeout_seconds=5)
            one.time.advance(1)
            after = await one.gateway.read(timeout_seconds=5)
            assert isinstance(before, Snapshot)
            assert isinstance(after, Snapshot)
            assert before.positions != after.positions
            assert fill.id in {entry.id for entry in await listed(one)}

    asyncio.run(main())
