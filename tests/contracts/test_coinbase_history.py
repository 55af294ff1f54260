"""The history that the Coinbase gateway reads, against the true ledger of a simulated Coinbase."""

import asyncio
from collections.abc import Iterable
from decimal import Decimal

import ccxt.async_support
import pytest

from reconcile_actors.actors.translation import to_change
from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.changes import Record
from reconcile_actors.domain.movements import Movement, MovementType, same_content, same_key
from reconcile_actors.domain.snapshot import Snapshot
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass, History
from reconcile_actors.exchanges.transport import redirected
from reconcile_actors.messages.records import RECORDS
from reconcile_actors.simulation import Fault, FaultOptions, Trader
from reconcile_actors.simulation.coinbase import COINBASE_FUNDS, COINBASE_PAIRS, SimulatedCoinbase, place_of
from tests.contracts.coinbase_desk import Desk, desk

D = Decimal
BOTH = ("spot", "vault")
BY_NAME = {record.__name__: record for record in RECORDS}


def funded(one: Desk) -> None:
    for asset, amount in (("BTC", 5), ("ETH", 50), ("USD", 100_000), ("USDT", 50_000), ("DOT.S", 10)):
        one.coinbase.account.deposit(asset, D(amount))
    one.time.advance(30)


async def read(one: Desk) -> Snapshot:
    got = await one.gateway.read(timeout_seconds=60)
    assert isinstance(got, Snapshot)
    return got


def totals(snapshot: Snapshot) -> dict[tuple[str, str], Decimal]:
    return {place: balance.total for place, balance in snapshot.balances.items() if balance.total}


def added(start: dict[tuple[str, str], Decimal], movements: Iterable[Movement]) -> dict[tuple[str, str], Decimal]:
    sums = dict(start)
    for movement in movements:
        for leg, amount in movement.effects.items():
            assert leg.field is Field.TOTAL
            sums[leg.wallet, leg.currency] = money.add(sums.get((leg.wallet, leg.currency), money.ZERO), amount)
    return {place: amount for place, amount in sums.items() if amount}


def trader_of(one: Desk, seed: int) -> Trader:
    return Trader(
        one.coinbase.account,
        one.coinbase.market,
        exchange="main",
        seed=seed,
        actions_per_second=3.0,
        pairs=COINBASE_PAIRS,
        funds=COINBASE_FUNDS,
        places=place_of,
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_opening_and_movements_give_the_closing(seed: int) -> None:
    """History, read every five seconds, explains every balance exactly; each movement is what an honest report of it says."""

    async def main() -> None:
        async with desk(seed=seed, page_rows=40, wallets=BOTH) as one:
            funded(one)
            opening, since_at = await read(one), one.time.clocks.utc_us()
            opened_at = since_at
            trader, found = trader_of(one, seed), {}
            reports = trader.step(one.coinbase.clock())
            for second in range(150):
                one.time.advance(1)
                reports += trader.step(one.coinbase.clock())
                if second % 5 == 0:
                    history = await one.gateway.history(since_at, timeout_seconds=60)
                    found.update((each.key_text(), each) for each in history.movements)
                    since_at = max(opened_at, history.through_at - 60_000_000)
            one.time.advance(30)
            history = await one.gateway.history(since_at, timeout_seconds=60)
            found.update((each.key_text(), each) for each in history.movements)
            since_opening = [each for each in found.values() if (each.occurred_at or 0) >= opened_at]
            assert added(totals(opening), since_opening) == totals(await read(one))
            fills = [each for each in since_opening if each.type is MovementType.FILL]
            assert len(fills) == len(one.coinbase.account.fills) > 100
            told = list(reported(reports))
            assert {one.id for one in told} == {one.id for one in since_opening}
            for ours in since_opening:
                (theirs,) = [each for each in told if same_key(each, ours)]
                assert same_content(theirs.effects, ours.effects)
            one.coinbase.account.verify()

    asyncio.run(main())


def reported(reports: Iterable[dict[str, object]]) -> Iterable[Movement]:
    """The movements that a trading process reports."""
    for report in reports:
        fields = {name: value for name, value in report.items() if name != "type"}
        change = to_change(BY_NAME[str(report["type"])].model_validate(fields), "spot", 0)  # type: ignore[arg-type] # of RECORDS
        if isinstance(change, Record):
            yield change.movement


def test_ids_are_those_of_ccxt() -> None:
    """Fills carry what ccxt's trades give as id, market, side, order and time; funds what its transactions give as id."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            account = one.coinbase.account
            account.withdraw("BTC", D("0.1"), fee=D("0.0005"))
            account.withdraw("USD", D(100))
            for side, price in (("buy", 50_000), ("sell", 70_000)):
                order = account.place("BTC-USD", side, D("0.5"), D(price))
                account.fill(order.id, D("0.2"), D(price))
                account.fill(order.id, D("0.3"), D(price))
            one.coinbase.market.submit(account, "ETH-BTC", "buy", D("0.37"))
            account.convert("USD", D(100), "ETH", D("0.03"), fee=D(1))
            one.time.advance(60)
            movements = (await one.gateway.history(0, timeout_seconds=60)).movements
            async with plain_ccxt(one.coinbase) as plain:
                trades = await plain.fetch_my_trades()
                ledger = await plain.fetch_ledger("BTC")
                dollars = await plain.fetch_ledger("USD")
            ours = {
                (m.id, m.instrument, m.side, m.order_id, (m.occurred_at or 0) // 1000) for m in movements if m.order_id
            }
            assert ours == {(t["id"], t["symbol"], t["side"], t["order"], t["timestamp"]) for t in trades}
            for currency, rows in (("BTC", ledger), ("USD", dollars)):
                ids = {m.id for m in movements if m.instrument == currency}
                assert ids == {row["id"] for row in rows if row["type"] not in {"advanced_trade_fill", "trade"}}
            conversions = [m for m in movements if m.type is MovementType.FILL and m.order_id is None]
            legs = {leg.currency: amount for one in conversions for leg, amount in one.effects.items()}
            assert legs == {"USD": -101, "ETH": D("0.03")}
            assert len({m.id for m in conversions}) == 2

    asyncio.run(main())


class plain_ccxt:  # noqa: N801 - reads like the function that it could be
    """A ccxt client as anybody would use it, on the simulated exchange; its clock is the simulation's."""

    def __init__(self, coinbase: SimulatedCoinbase) -> None:
        client = ccxt.async_support.coinbase(
            {"apiKey": coinbase.keys.api_key, "secret": coinbase.keys.secret, "enableRateLimit": False}
        )
        client.seconds = lambda: int(coinbase.clock())
        client.markets = client.set_markets(
            [{**client.safe_market_structure(), "id": f"{base}-{quote}", "symbol": f"{base}/{quote}", "base": base, "quote": quote}
             for base, quote in (("BTC", "USD"), ("ETH", "BTC"), ("ETH", "USD"))],
            {code: {"id": code, "code": code, "precision": None} for code in ("BTC", "ETH", "USD")},
        )  # fmt: skip
        fetch = client.fetch

        async def fetch_here(url: str, *rest: object, **options: object) -> object:
            return await fetch(redirected(url, coinbase.base_url), *rest, **options)

        client.fetch = fetch_here
        self._client = client

    async def __aenter__(self) -> "ccxt.async_support.coinbase":
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


def test_what_is_pending_is_marked_until_it_is_done_or_undone() -> None:
    """What is on its way is pending; done it is the same movement, failed it is none, and the account adds up."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            account, since_at = one.coinbase.account, one.time.clocks.utc_us()
            opening = await read(one)
            gone = account.withdraw("BTC", D(1), fee=D("0.0005"), pending=True)
            undone = account.withdraw("ETH", D(2), pending=True)
            coming = account.deposit("USD", D(500), pending=True)
            one.time.advance(5)
            first = await one.gateway.history(since_at, timeout_seconds=30)
            assert {each.id for each in first.movements} == {gone, undone, coming}
            assert all(each.pending for each in first.movements)
            one.time.advance(600)
            account.settle_withdrawal(gone)
            account.fail_withdrawal(undone)
            account.confirm_deposit(coming)
            one.time.advance(5)
            later = await one.gateway.history(first.through_at, timeout_seconds=30)
            assert {each.id: each.pending for each in later.movements} == {gone: False, coming: False}
            assert added(totals(opening), later.movements) == totals(await read(one))

    asyncio.run(main())


def test_late_history_is_not_lost() -> None:
    """Rows that the exchange lists late are found by the next read that asks from before them."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            await one.gateway.history(one.time.clocks.utc_us(), timeout_seconds=60)
            since_at = one.time.clocks.utc_us()
            refid = one.coinbase.account.deposit("BTC", D(1))
            one.coinbase.faults.during("transactions", Fault.LAGGING_HISTORY, 2.0, options=FaultOptions(seconds=0.5))
            first = await one.gateway.history(since_at, timeout_seconds=60)
            assert first.movements == []
            assert first.through_at == since_at
            one.time.advance(3)
            second = await one.gateway.history(first.through_at, timeout_seconds=60)
            assert [each.id for each in second.movements] == [refid]

    asyncio.run(main())


def test_a_fill_that_only_the_transactions_show_holds_history_back() -> None:
    """A fill known to one of its two lists is waited for; when the other never shows it, there is no history."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            since_at = one.time.clocks.utc_us()
            one.time.advance(2)
            one.coinbase.market.submit(one.coinbase.account, "BTC-USD", "sell", D("0.1"))
            one.time.advance(3)
            one.coinbase.faults.always("fills", Fault.LAGGING_HISTORY, options=FaultOptions(seconds=60))
            young = await one.gateway.history(since_at, timeout_seconds=60)
            assert young.movements == []
            assert young.through_at == since_at + 1_999_999
            one.time.advance(20)
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.history(since_at, timeout_seconds=60)
            assert caught.value.code == "fill_not_listed"
            one.coinbase.faults.clear()
            whole = await one.gateway.history(since_at, timeout_seconds=60)
            assert [each.type for each in whole.movements] == [MovementType.FILL]

    asyncio.run(main())


def test_accounts_are_asked_where_something_moved() -> None:
    """After the first looks only what changed, one in turn and what changed lately is asked; history says which."""

    async def main() -> None:
        async with desk() as one:
            funded(one)

            async def look() -> History:
                one.coinbase.requests.clear()
                return await one.gateway.history(one.time.clocks.utc_us() - 60_000_000, timeout_seconds=60)

            first = await look()
            assert first.transfers_of == {"BTC", "ETH", "USD", "USDT", "DOT"}
            one.time.advance(120)
            await look()
            assert len(one.coinbase.requests.of("transactions")) == 1
            one.coinbase.account.deposit("ETH", D(1))
            one.time.advance(2)
            third = await look()
            assert third.transfers_of is not None
            assert "ETH" in third.transfers_of
            assert len(one.coinbase.requests.of("transactions")) == 2
            assert [each.instrument for each in third.movements] == ["ETH"]

    asyncio.run(main())


@pytest.mark.parametrize("endpoint", ["accounts", "fills", "transactions"])
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
        (Fault.HTTP_503, FailureClass.TRANSIENT),
        (Fault.DROP, FailureClass.TRANSIENT),
        (Fault.BAD_KEY, FailureClass.CREDENTIALS),
        (Fault.PERMISSION_DENIED, FailureClass.CREDENTIALS),
        (Fault.RATE_LIMIT, FailureClass.RATE_LIMIT),
        (Fault.UNAVAILABLE, FailureClass.MAINTENANCE),
    ],
    ids=lambda value: value.name,
)
def test_history_is_whole_or_a_failure(endpoint: str, fault: Fault, failure: FailureClass) -> None:
    """No fault of any list gives a shorter history, and after it nothing has been forgotten."""

    async def main() -> None:
        async with desk(retry_count=1) as one:
            funded(one)
            one.coinbase.market.submit(one.coinbase.account, "BTC-USD", "sell", D("0.1"))
            one.time.advance(30)
            one.coinbase.faults.always(endpoint, fault)
            with pytest.raises(ExchangeFailureError) as caught:
                await one.gateway.history(0, timeout_seconds=30)
            assert caught.value.failure is failure
            one.coinbase.faults.clear()
            one.time.advance(120)
            assert len((await one.gateway.history(0, timeout_seconds=30)).movements) == 6

    asyncio.run(main())


def test_a_missing_fill_or_wallet_is_noticed() -> None:
    """A fill that its list lacks shows in the transactions; a wallet that the list lacks was there in the last believed read."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            one.coinbase.market.submit(one.coinbase.account, "BTC-USD", "sell", D("0.1"))
            one.time.advance(30)
            await read(one)
            for endpoint, code in (("fills", "fill_not_listed"), ("accounts", "account_gone")):
                one.coinbase.faults.next(endpoint, Fault.MISSING_ROW)
                with pytest.raises(ExchangeFailureError) as caught:
                    await one.gateway.history(0, timeout_seconds=30)
                assert (caught.value.failure, caught.value.code) == (FailureClass.BAD_DATA, code)
            one.coinbase.faults.next("accounts", Fault.HUGE)
            with pytest.raises(ExchangeFailureError, match="too_large"):
                await one.gateway.history(0, timeout_seconds=30)

    asyncio.run(main())


def test_a_vault_alone() -> None:
    """Where only the vault is compared, fills are not asked for and what moves in spot is left out."""

    async def main() -> None:
        async with desk(wallets=["vault"]) as one:
            funded(one)
            account = one.coinbase.account
            account.transfer("BTC", "BTC.V", D(2))
            account.transfer("BTC.V", "BTC", D("0.5"))
            one.coinbase.market.submit(account, "BTC-USD", "sell", D("0.1"))
            one.time.advance(30)
            history = await one.gateway.history(0, timeout_seconds=30)
            assert added({}, history.movements) == {("vault", "BTC"): D("1.5")} == totals(await read(one))
            assert one.coinbase.requests.of("fills") == []

    asyncio.run(main())


def test_what_was_listed_is_listed_again() -> None:
    """A transfer is told by every look that asks from before it, also once its account is no longer asked."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            await one.gateway.history(one.time.clocks.utc_us(), timeout_seconds=60)
            since_at = one.time.clocks.utc_us()
            refid = one.coinbase.account.deposit("ETH", D(1))
            for seconds in (5, 200, 10, 10, 10, 10, 10):
                one.time.advance(seconds)
                history = await one.gateway.history(since_at, timeout_seconds=60)
                assert [each.id for each in history.movements] == [refid]
                assert history.transfers_of == {"BTC", "ETH", "USD", "USDT", "DOT"}
            earlier = await one.gateway.history(0, timeout_seconds=60)
            assert len(earlier.movements) == 6

    asyncio.run(main())


def test_a_busy_account_is_not_read_again_from_the_start() -> None:
    """Behind a page that holds nothing new a look goes only now and then; a row that is listed late is found then."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            account, since_at = one.coinbase.account, one.time.clocks.utc_us()
            pages = []
            for look in range(9):
                for number in range(100):
                    one.coinbase.market.submit(account, "BTC-USD", ("buy", "sell")[number % 2], D("0.001"))
                    one.time.advance(0.05)
                one.time.advance(1)
                one.coinbase.requests.clear()
                history = await one.gateway.history(since_at, timeout_seconds=60)
                assert len(history.movements) == 100 * (look + 1)
                pages.append(len(one.coinbase.requests.of("transactions")))
            assert max(pages[1:6]) < max(pages[6:])
            assert sum(pages) < 9 * 18

    asyncio.run(main())


def test_an_account_that_v2_does_not_know() -> None:
    """Accounts of another portfolio have no list of transactions: the fills are read all the same, and the gap is told."""

    async def main() -> None:
        async with desk() as one:
            funded(one)
            one.coinbase.market.submit(one.coinbase.account, "BTC-USD", "sell", D("0.1"))
            one.time.advance(30)
            one.coinbase.user.hidden.add("BTC")
            history = await one.gateway.history(0, timeout_seconds=60)
            assert [each.type for each in history.movements if each.order_id] == [MovementType.FILL]
            assert history.transfers_of == {"ETH", "USD", "USDT", "DOT"}
            assert history.through_at == one.time.clocks.utc_us() - 1_000_000

    asyncio.run(main())


def test_many_rows_are_read_in_windows() -> None:
    """More fills than one read asks for come in several reads, each of which says how far it reaches; none is lost."""

    async def main() -> None:
        async with desk(page_rows=8) as one:
            funded(one)
            opened_at = one.time.clocks.utc_us()
            opening = await read(one)
            for number in range(230):
                one.coinbase.market.submit(one.coinbase.account, "BTC-USD", ("buy", "sell")[number % 2], D("0.001"))
                one.time.advance(1)
            one.time.advance(30)
            found, since_at = {}, opened_at
            reads = 0
            while since_at < one.time.clocks.utc_us() - 10_000_000:
                history = await one.gateway.history(since_at, timeout_seconds=600)
                assert history.through_at > since_at
                since_at = history.through_at
                found.update((each.key_text(), each) for each in history.movements)
                reads += 1
            assert reads > 2
            assert len(found) == 230
            assert added(totals(opening), found.values()) == totals(await read(one))

    asyncio.run(main())
