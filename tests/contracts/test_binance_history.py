"""Binance's history against the true ledger of a simulated Binance over real HTTP."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.movements import Movement, MovementType, fill_effects
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.exchanges.binance.traded import SYMBOLS_A_READ
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass, History
from reconcile_actors.simulation import Fault, FaultOptions
from reconcile_actors.simulation.binance import BINANCE
from tests.contracts.binance_desk import Desk, desk, plain_binance

SECOND = 1_000_000
OPENING = {"BTC": "5", "ETH": "50", "SOL": "100", "USDT": "100000", "LDBTC": "1", "BNB": "3"}
LISTS = [
    "capital/deposit/hisrec",
    "capital/withdraw/history",
    "asset/assetDividend",
    "asset/dribblet",
    "asset/transfer",
    "convert/tradeFlow",
    "simple-earn/flexible/history/subscriptionRecord",
    "simple-earn/flexible/history/redemptionRecord",
    "simple-earn/locked/history/subscriptionRecord",
    "simple-earn/locked/history/redemptionRecord",
    "myTrades",
]


async def totals(one: Desk) -> dict[str, Decimal]:
    got = await one.gateway.read(timeout_seconds=30)
    assert isinstance(got, Snapshot)
    return {currency: row.total for (_, currency), row in got.balances.items() if row.total}


async def history(one: Desk, since_at: int) -> History:
    return await one.gateway.history(since_at, timeout_seconds=600)


def after(opening: dict[str, Decimal], movements: Iterable[Movement]) -> dict[str, Decimal]:
    """What an account holds after some movements."""
    held = dict(opening)
    for movement in movements:
        for leg, amount in movement.effects.items():
            assert (leg.wallet, leg.field) == ("spot", Field.TOTAL)
            held[leg.currency] = money.add(held.get(leg.currency, money.ZERO), amount)
    return {currency: amount for currency, amount in held.items() if amount}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("burns_bnb", [False, True])
def test_opening_and_movements_give_the_closing(seed: int, burns_bnb: bool) -> None:
    """Of an account that trades, moves funds and earns while it is watched, history explains every balance exactly."""
    print(f"seed {seed}")  # noqa: T201 - told where the test fails

    async def main() -> None:
        async with desk(seed=seed) as one:
            one.fund(**OPENING)
            binance, account = one.binance, one.binance.account
            account.pays_fees_in_bnb = burns_bnb
            opened_at, opening = one.now_at, await totals(one)
            trader = binance.trader(exchange="main", seed=seed, actions_per_second=2.0)
            trader.step(binance.clock())
            found: dict[str, Movement] = {}
            since_at = opened_at
            for step in range(200):
                one.time.advance(1)
                trader.step(binance.clock())
                await totals(one)
                if step % 10 == 9:
                    got = await history(one, max(opened_at, since_at - 60 * SECOND))
                    assert got.fills_of is not None
                    assert got.through_at >= since_at
                    found |= {movement.key_text(): movement for movement in got.movements}
                    since_at = got.through_at
            account.verify()
            one.time.advance(30)
            closing = await totals(one)
            last = await history(one, since_at)
            found |= {movement.key_text(): movement for movement in last.movements}
            assert after(opening, found.values()) == closing
            fills = [one for one in found.values() if one.order_id is not None]
            assert len(fills) == len(account.fills) > 50

    asyncio.run(main())


def test_every_kind_of_movement_is_listed() -> None:
    """Whatever moves the wallet for a reason that Binance tells is a movement under its own id; a glitch is told by nobody."""

    async def main() -> None:
        async with desk() as one:
            one.fund(**OPENING)
            account = one.binance.account
            since_at, opening = one.now_at, await totals(one)
            ids = {
                account.deposit("BTC", Decimal("0.1")): MovementType.TRANSFER,
                account.withdraw("ETH", Decimal(1), fee=Decimal("0.0012")): MovementType.TRANSFER,
                account.reward("SOL", Decimal("0.01")): MovementType.REWARD,
                account.transfer("BTC", "LDBTC", Decimal("0.5")): MovementType.FILL,
                account.transfer("LDBTC", "BTC", Decimal("0.25")): MovementType.FILL,
                account.lock_earn("ETH", Decimal(2)): MovementType.TRANSFER,
                account.unlock_earn("ETH", Decimal(1)): MovementType.TRANSFER,
                account.move_wallet("MAIN_FUNDING", "USDT", Decimal(5)): MovementType.TRANSFER,
                account.move_wallet("UMFUTURE_MAIN", "USDT", Decimal(7)): MovementType.TRANSFER,
                account.convert("USDT", Decimal(20), "BNB", Decimal("0.03")): MovementType.FILL,
                account.sweep_dust({"SOL": Decimal("0.5")}): MovementType.FILL,
            }
            one.time.advance(10)
            got = await history(one, since_at)
            assert {movement.id: movement.type for movement in got.movements} == ids
            assert after(opening, got.movements) == await totals(one)
            assert not any(movement.pending for movement in got.movements)
            account.adjust("BTC", Decimal("0.1"))
            one.time.advance(10)
            assert (await history(one, since_at)).movements == got.movements

    asyncio.run(main())


def test_a_market_that_is_taken_away_holds_history_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A symbol that is refused is one that is gone: the next look begins with the markets that are left."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1", USDT="1000", SOL="5")
            await totals(one)
            one.time.advance(10)
            await history(one, one.now_at)
            one.binance.market.submit(one.binance.account, "BTCUSDT", "sell", Decimal("0.1"))
            one.binance.market.submit(one.binance.account, "SOLUSDT", "sell", Decimal(1))
            one.time.advance(10)
            await totals(one)
            monkeypatch.delitem(BINANCE.pairs, "SOLUSDT")
            one.time.advance(10)
            with pytest.raises(ExchangeFailureError, match="unknown_symbol"):
                await history(one, one.now_at - 30_000_000)
            got = await history(one, one.now_at - 30_000_000)
            assert [movement.instrument for movement in got.movements] == ["BTC/USDT"]

    asyncio.run(main())


def test_dust_becomes_whatever_it_is_swept_into() -> None:
    """BNB, or the asset that the list names."""

    async def main() -> None:
        async with desk() as one:
            one.fund(SOL="0.01", ADA="1")
            since_at, opening = one.now_at, await totals(one)
            sweep = one.binance.account.sweep_dust({"SOL": Decimal("1.5")}, into="USDT")
            one.time.advance(10)
            [movement] = (await history(one, since_at)).movements
            assert movement.id == sweep
            assert after(opening, [movement]) == await totals(one) == {"ADA": Decimal(1), "USDT": Decimal("1.47")}

    asyncio.run(main())


def test_a_year_away_is_read_in_windows() -> None:
    """No list is asked for longer than it allows at once."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1")
            since_at, opening = one.now_at, await totals(one)
            for _ in range(5):
                one.time.advance(70 * 86_400)
                one.binance.account.transfer("BTC", "LDBTC", Decimal("0.1"))
            one.time.advance(10)
            now = await totals(one)
            assert after(opening, (await history(one, since_at)).movements) == now

    asyncio.run(main())


def test_a_coin_with_a_name_in_another_script_is_a_currency() -> None:
    """It has a name in ASCII, in balances and in history alike."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1")
            since_at, opening = one.now_at, await totals(one)
            one.binance.account.deposit("币安人生", Decimal(3))
            one.time.advance(60)
            now = await totals(one)
            assert now == {"BTC": Decimal(1), "xn--gmq052af0bo42b": Decimal(3)}
            assert after(opening, (await history(one, since_at)).movements) == now

    asyncio.run(main())


def test_simple_earn_moves_and_does_not_take() -> None:
    """A subscription turns BTC into LDBTC, a currency of its own: one movement, and no withdrawal."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1")
            await totals(one)
            since_at = one.now_at
            purchase = one.binance.account.transfer("BTC", "LDBTC", Decimal(1))
            one.time.advance(10)
            assert await totals(one) == {"LDBTC": Decimal(1)}
            [movement] = (await history(one, since_at)).movements
            assert (movement.id, movement.type) == (purchase, MovementType.FILL)
            assert {leg.currency: amount for leg, amount in movement.effects.items()} == {"BTC": -1, "LDBTC": 1}

    asyncio.run(main())


def test_fills_are_those_of_ccxt_and_of_an_honest_report() -> None:
    """Ids, orders, sides and symbols are ccxt's, and effects are those that RecordFill has for the same fill."""

    async def main() -> None:
        async with desk() as one:
            one.fund(**OPENING)
            await totals(one)
            since_at, account, market = one.now_at, one.binance.account, one.binance.market
            for pair, side in (("BTCUSDT", "buy"), ("BTCUSDT", "sell"), ("ETHBTC", "sell"), ("ETHUSDT", "buy")):
                account.pays_fees_in_bnb = side == "sell"
                market.submit(account, pair, side, Decimal("0.5"))
            one.time.advance(10)
            await totals(one)
            fills = (await history(one, since_at)).movements
            async with plain_binance(one.binance) as plain:
                plain.number = str
                trades = [
                    trade
                    for symbol in ("BTC/USDT", "ETH/BTC", "ETH/USDT")
                    for trade in await plain.fetch_my_trades(symbol)
                ]
                assert {(m.id, m.instrument, m.side, m.order_id) for m in fills} == {
                    (t["id"], t["symbol"], t["side"], t["order"]) for t in trades
                }
                funds = [*await plain.fetch_deposits()]
            by_key = {(m.id, m.instrument): m for m in fills}
            for trade in trades:
                assert dict(by_key[trade["id"], trade["symbol"]].effects) == fill_effects(
                    "spot",
                    trade["symbol"],
                    trade["side"],
                    Decimal(trade["amount"]),
                    Decimal(trade["price"]),
                    fee_currency=trade["fee"]["currency"],
                    fee=Decimal(trade["fee"]["cost"]),
                )
            assert len({m.id for m in fills}) < len(fills), "ids are numbers of a symbol, and so the same in two"
            older = await history(one, since_at - 3600 * SECOND)
            transfers = {m.id for m in older.movements if m.type is MovementType.TRANSFER}
            assert transfers == {fund["id"] for fund in funds}

    asyncio.run(main())


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault.HTML, FailureClass.BAD_DATA),
        (Fault.EMPTY_OBJECT, FailureClass.BAD_DATA),
        (Fault.TRUNCATED, FailureClass.BAD_DATA),
        (Fault.NULL_RESULT, FailureClass.BAD_DATA),
        (Fault.NON_FINITE, FailureClass.BAD_DATA),
        (Fault.HTTP_503, FailureClass.TRANSIENT),
        (Fault.DROP, FailureClass.TRANSIENT),
        (Fault.BAD_KEY, FailureClass.CREDENTIALS),
        (Fault.RATE_LIMIT, FailureClass.RATE_LIMIT),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_history_is_whole_or_a_failure(path: str, fault: Fault, failure: FailureClass) -> None:
    """No fault of any list gives a shorter history."""

    async def main() -> None:
        async with desk(retry_count=1) as one:
            one.fund(**OPENING)
            account = one.binance.account
            account.withdraw("ETH", Decimal(1))
            account.reward("SOL", Decimal("0.01"))
            account.transfer("BTC", "LDBTC", Decimal("0.5"))
            account.transfer("LDBTC", "BTC", Decimal("0.25"))
            account.lock_earn("ETH", Decimal(2))
            account.unlock_earn("ETH", Decimal(1))
            account.move_wallet("MAIN_FUNDING", "USDT", Decimal(5))
            account.convert("USDT", Decimal(20), "BNB", Decimal("0.03"))
            account.sweep_dust({"SOL": Decimal("0.5")})
            one.binance.market.submit(account, "ETHUSDT", "buy", Decimal(1))
            one.time.advance(10)
            await totals(one)
            one.binance.faults.always(path, fault)
            if fault is Fault.NON_FINITE and path == "asset/dribblet":
                return  # its amounts stand deeper than this fault reaches
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.history(one.now_at - 3600 * SECOND, timeout_seconds=30)
            assert caught.value.failure is failure

    asyncio.run(main())


@pytest.mark.parametrize("path", ["asset/assetDividend", "asset/transfer"])
def test_a_total_that_rows_do_not_reach_is_no_whole_list(path: str) -> None:
    """Where Binance says how many rows there are, one that is absent is missed."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1")
            one.binance.account.reward("SOL", Decimal(1))
            one.binance.account.move_wallet("MAIN_FUNDING", "BTC", Decimal("0.1"))
            one.binance.faults.always(path, Fault.MISSING_ROW)
            with pytest.raises(ExchangeFailureError) as caught:
                await history(one, one.now_at - 3600 * SECOND)
            assert caught.value.code == "history_too_dense"

    asyncio.run(main())


def test_more_fills_than_an_answer_holds() -> None:
    """Days with thousands of fills are read whole, windows of a day and halves of them, and each fill once."""

    async def main() -> None:
        async with desk() as one:
            one.fund(**OPENING)
            await totals(one)
            since_at, account = one.now_at, one.binance.account
            for number in range(2500):
                side = "sell" if number % 2 else "buy"
                one.binance.market.submit(account, "BTCUSDT", side, Decimal("0.001"))
                one.time.advance(1 if number % 500 else 86_400)
            one.time.advance(10)
            await totals(one)
            got = await history(one, since_at)
            assert [m.id for m in got.movements] == [fill.id for fill in account.fills]
            assert got.fills_of is not None
            assert "BTC/USDT" in got.fills_of

    asyncio.run(main())


def test_late_rows_are_not_lost() -> None:
    """What a list shows late is found by the next read."""

    async def main() -> None:
        async with desk() as one:
            one.fund(**OPENING)
            await totals(one)
            since_at = one.now_at
            one.binance.market.submit(one.binance.account, "BTCUSDT", "buy", Decimal("0.1"))
            one.binance.account.reward("SOL", Decimal(1))
            await totals(one)
            one.binance.faults.during("*", Fault.LAGGING_HISTORY, 2.0, options=FaultOptions(seconds=0.5))
            first = await history(one, since_at)
            assert (list(first.movements), first.through_at) == ([], since_at)
            one.time.advance(3)
            second = await history(one, first.through_at)
            assert {m.type for m in second.movements} == {MovementType.FILL, MovementType.REWARD}

    asyncio.run(main())


def test_what_is_on_its_way_is_pending() -> None:
    """A deposit counts once it is credited, at that time; a withdrawal has left the balance when it was asked for."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1")
            since_at, account = one.now_at, one.binance.account
            coming = account.deposit("ETH", Decimal(2), pending=True)
            leaving = account.withdraw("BTC", Decimal("0.5"), fee=Decimal("0.001"), pending=True)
            failing = account.withdraw("BTC", Decimal("0.1"), pending=True)
            one.time.advance(10)
            got = {m.id: m for m in (await history(one, since_at)).movements}
            assert {id_: m.pending for id_, m in got.items()} == {coming: True, leaving: True, failing: True}
            assert list(got[leaving].effects.values()) == [Decimal("-0.501")]
            one.time.advance(7200)
            account.confirm_deposit(coming)
            account.settle_withdrawal(leaving)
            account.fail_withdrawal(failing)
            credited_at = one.now_at
            one.time.advance(10)
            got = {m.id: m for m in (await history(one, credited_at - 60 * SECOND)).movements}
            assert set(got) == {coming}, "the withdrawal's own time is long past, and what failed moved nothing"
            assert (got[coming].pending, got[coming].occurred_at) == (False, credited_at)
            assert not any(m.pending for m in (await history(one, since_at)).movements)

    asyncio.run(main())


def test_only_symbols_that_may_have_traded_are_asked() -> None:
    """What changed together may have traded; what was not asked is not claimed, and what traded stays asked."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1", USDT="100000")
            first = await history(one, one.now_at - SECOND)
            assert first.fills_of == frozenset(), "before a balance was read nothing is known of what may have traded"
            await totals(one)
            assert (await history(one, one.now_at - SECOND)).fills_of == {"BTC/USDT"}, "what is held at the start"
            one.time.advance(30)
            assert (await history(one, one.now_at - SECOND)).fills_of == frozenset()
            one.binance.market.submit(one.binance.account, "ETHUSDT", "buy", Decimal(1))
            await totals(one)
            one.time.advance(10)
            for _ in range(5):
                got = await history(one, one.now_at - 60 * SECOND)
                assert got.fills_of == {"ETH/USDT"}
                assert [m.instrument for m in got.movements] == ["ETH/USDT"]
                one.time.advance(10)

    asyncio.run(main())


def test_what_traded_before_the_first_read_is_found() -> None:
    """At the start the markets among what is held are asked as far back as the first history was asked for."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1", USDT="100000")
            one.binance.market.submit(one.binance.account, "BTCUSDT", "buy", Decimal("0.1"))
            one.time.advance(3600)
            await history(one, one.now_at - 7200 * SECOND)
            await totals(one)
            got = await history(one, one.now_at - 60 * SECOND)
            assert [m.instrument for m in got.movements if m.order_id] == ["BTC/USDT"]

    asyncio.run(main())


def test_a_market_that_was_listed_meanwhile_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no known market explains makes the markets be asked anew, once a minute at most."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1", USDT="100000")
            await totals(one)
            with monkeypatch.context() as before:
                before.delitem(BINANCE.pairs, "SOLUSDT")
                await history(one, one.now_at - SECOND)
            one.time.advance(61)
            await totals(one)
            one.binance.market.submit(one.binance.account, "SOLUSDT", "buy", Decimal(1))
            one.binance.account.transfer("BTC", "LDBTC", Decimal("0.1"))
            await totals(one)
            one.time.advance(5)
            got = await history(one, one.now_at - 60 * SECOND)
            assert "SOL/USDT" in {m.instrument for m in got.movements}
            for _ in range(5):
                one.binance.account.transfer("BTC", "LDBTC", Decimal("0.1"))
                await totals(one)
                await history(one, one.now_at - 60 * SECOND)
            assert len(one.binance.requests.of("exchangeInfo")) == 2

    asyncio.run(main())


def test_a_fill_of_a_symbol_that_waits_is_found_however_late() -> None:
    """With more symbols due than one read asks, each is asked in its turn, from before its change on."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="5", ETH="50", BNB="50", USDT="100000", SOL="9", DOT="9", ADA="9", USDC="9", YOYO="9")
            await totals(one)
            account, since_at = one.binance.account, one.now_at
            pairs = ("BTCUSDT", "ETHUSDT", "ETHBTC", "BNBUSDT", "BNBBTC", "SOLUSDT", "DOTUSDT", "ADAUSDT")
            for pair in pairs:
                one.binance.market.submit(account, pair, "buy", Decimal(1))
            await totals(one)
            found: set[str] = set()
            for _ in range(10):
                one.time.advance(3600)
                got = await one.gateway.history(one.now_at - 60 * SECOND, timeout_seconds=30)
                found |= {m.instrument or "" for m in got.movements}
            assert len(found) == len(pairs) < SYMBOLS_A_READ
            assert since_at < one.now_at - 9 * 3600 * SECOND

    asyncio.run(main())


def test_what_was_listed_is_listed_again() -> None:
    """A movement that is not in the book stays named as long as somebody asks so far back, whatever is asked of Binance."""

    async def main() -> None:
        async with desk() as one:
            one.fund(**OPENING)
            await totals(one)
            since_at = one.now_at
            one.binance.market.submit(one.binance.account, "ETHUSDT", "buy", Decimal(1))
            one.binance.account.withdraw("BTC", Decimal(1))
            await totals(one)
            one.time.advance(10)
            named = (await history(one, since_at)).movements
            assert len(named) == 2
            for _ in range(20):
                one.time.advance(300)
                again = (await history(one, since_at)).movements
                assert [replace(m, pending=False) for m in again] == list(named)

    asyncio.run(main())


def test_history_claims_no_more_than_reads_have_shown() -> None:
    """A fill of a symbol that never traded shows in totals first: until they were read, nobody can know of it."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1", USDT="100000")
            since_at = one.now_at
            assert (await history(one, since_at)).through_at == since_at, "no read yet"
            await totals(one)
            read_at = one.now_at
            one.time.advance(30)
            one.binance.market.submit(one.binance.account, "SOLUSDT", "buy", Decimal(1))
            one.time.advance(30)
            unseen = await history(one, since_at)
            assert (list(unseen.movements), unseen.through_at) == ([], max(since_at, read_at - SECOND))
            await totals(one)
            seen = await history(one, unseen.through_at)
            assert [m.instrument for m in seen.movements] == ["SOL/USDT"]
            assert seen.through_at == one.now_at - SECOND
            one.time.advance(30)
            await totals(one)
            assert (await history(one, seen.through_at)).through_at == one.now_at - SECOND, (
                "nothing changed, and that is known"
            )

    asyncio.run(main())


def test_a_symbol_that_waits_holds_history_back() -> None:
    """Without room for the symbol that changed, history is complete up to its change and no further."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1", USDT="100000")
            await totals(one)
            await history(one, one.now_at - SECOND)
            one.time.advance(30)
            await totals(one)
            before_at = one.now_at
            one.binance.market.submit(one.binance.account, "BTCUSDT", "buy", Decimal("0.1"))
            one.time.advance(1)
            await totals(one)
            for _ in range(40):  # watching takes all the room that there is
                await one.gateway.read(timeout_seconds=30)
            waiting = await history(one, before_at - 60 * SECOND)
            assert waiting.through_at < before_at
            assert len(one.binance.requests.of("myTrades")) == 1
            one.time.advance(30)
            await totals(one)
            found = await history(one, waiting.through_at)
            assert [m.instrument for m in found.movements] == ["BTC/USDT"]

    asyncio.run(main())


def test_lists_without_room_hold_history_back() -> None:
    """Asked too often, dear lists are left out in their turn, and history says how far it really reaches."""

    async def main() -> None:
        async with desk() as one:
            one.fund(BTC="1")
            await totals(one)
            since_at = one.now_at
            for _ in range(20):
                one.time.advance(1)
                got = await one.gateway.history(since_at, timeout_seconds=60)
                assert got.through_at <= one.now_at - SECOND
            asked = {path: len(one.binance.requests.of(path)) for path in LISTS if path != "myTrades"}
            assert min(asked.values()) >= 3, "none is kept out by the others"
            assert max(asked.values()) <= 20 * 10  # the transfers of ten kinds
            assert asked["capital/withdraw/history"] < 20
            assert one.time.slept == [], "nothing waits"
            one.time.advance(20)
            await totals(one)
            got = await one.gateway.history(since_at, timeout_seconds=60)
            assert got.through_at == one.now_at - SECOND

    asyncio.run(main())
