"""The simulated subaccount: notional settlement, funding that is owed and settled, and a trader that tells of it."""

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile_actors.simulation.dydx import DydxTrader, SimulatedDydx, Subaccount
from reconcile_actors.simulation.dydx.exchange import address_of
from reconcile_actors.simulation.dydx.markets import MARKETS, UnknownMarketError, find_market
from reconcile_actors.simulation.ledger import InsufficientFundsError, InvalidAmountError, LedgerBrokenError
from reconcile_actors.simulation.orders import InvalidOrderError
from reconcile_actors.simulation.reports import Misreporting
from tests.unit.simulation.simulation_client import Clock

D = Decimal
START = 1_700_000_000.0


def funded(usdc: str = "100000", clock: Clock | None = None) -> SimulatedDydx:
    dydx = SimulatedDydx(seed=1, clock=clock or Clock(START))
    dydx.account.deposit(D(usdc))
    return dydx


def account_of(usdc: str = "100000") -> Subaccount:
    return funded(usdc).account


def test_a_fill_exchanges_the_position_for_its_notional() -> None:
    """Cash moves by the whole notional and the fee; closing brings it back, and a flat position is gone."""
    account = account_of()
    opened = account.trade("BTC-USD", "buy", D("0.5"), D(60_000))
    assert (account.positions(), account.usdc()) == ({"BTC-USD": D("0.5")}, D(100_000) - 30_000 - 15)
    assert opened.fee == 15
    rebate = account.trade("BTC-USD", "sell", D("0.5"), D(61_000), maker=True)
    assert rebate.fee == D("-3.355")
    assert (account.positions(), account.usdc()) == ({}, D("100488.355"))
    account.verify()


def test_a_position_turns_through_zero() -> None:
    """What goes beyond closing opens the other side, with an entry price of its own."""
    account = account_of()
    account.trade("BTC-USD", "buy", D("0.2"), D(60_000))
    account.trade("BTC-USD", "buy", D("0.2"), D(62_000))
    account.trade("BTC-USD", "sell", D("0.1"), D(63_000))
    held = account.holdings().positions["BTC-USD"]
    assert (held.size, held.entry_price, held.exit_price, held.max_size) == (D("0.3"), 61_000, 63_000, D("0.4"))
    account.trade("BTC-USD", "sell", D("0.5"), D(64_000))
    turned = account.holdings().positions["BTC-USD"]
    assert (turned.size, turned.entry_price, turned.exit_price) == (D("-0.2"), 64_000, None)
    account.verify()


def test_funding_is_owed_first_and_settled_by_the_next_touch() -> None:
    """Longs pay a positive rate to shorts; settling rounds down to six decimals."""
    dydx = funded()
    account = dydx.account
    account.trade("BTC-USD", "sell", D("0.5"), D(60_000))
    before, rows = account.usdc(), len(account.rows)
    dydx.chain.move_funding({"BTC-USD": D("0.00000012345")})
    [paid] = account.payments
    assert paid.payment == D("0.5") * 60_000 * D("0.00000012345") == account.unsettled()
    assert account.usdc() == before + paid.payment
    assert len(account.rows) == rows
    account.deposit(D(1))
    assert account.usdc() == before + 1 + D("0.003703")
    assert account.unsettled() == 0
    account.verify()


def test_an_hour_moves_funding_once() -> None:
    """The first step after a full hour, and no other."""
    clock = Clock(START)
    dydx = funded(clock=clock)
    dydx.account.trade("BTC-USD", "buy", D("0.1"))
    for seconds in (0, 60, 3600, 3601, 7200):
        clock.now = START + seconds
        dydx.chain.step(clock.now)
    assert [payment.stamp.at - START for payment in dydx.account.payments] == [3600, 7200]


def test_the_past_is_kept() -> None:
    """Cash, positions and funding as they stood at an instant."""
    clock = Clock(START)
    dydx = funded(clock=clock)
    clock.advance(10)
    dydx.account.trade("BTC-USD", "buy", D("0.1"), D(60_000))
    clock.advance(10)
    dydx.chain.move_funding({"BTC-USD": D("0.001")})
    assert (dydx.account.usdc(START + 5), dydx.account.positions(START + 5)) == (100_000, {})
    assert dydx.account.usdc(START + 15) == dydx.account.usdc() + 6
    assert dydx.account.usdc(START - 1) == 0


def test_what_cannot_be_paid_for_is_refused() -> None:
    """Margin for what grows, cash for what leaves; closing is always allowed."""
    account = account_of("1000")
    with pytest.raises(InsufficientFundsError):
        account.trade("BTC-USD", "buy", D("0.4"), D(60_000))
    account.trade("BTC-USD", "buy", D("0.3"), D(60_000))
    with pytest.raises(InsufficientFundsError):
        account.withdraw(D(500))
    account.trade("BTC-USD", "sell", D("0.3"), D(57_000))
    account.verify()


@pytest.mark.parametrize(
    ("size", "price"), [("0", "60000"), ("0.00005", "60000"), ("NaN", "60000"), ("0.1", "60000.5"), ("0.1", "-1")]
)
def test_an_order_off_its_steps_is_refused(size: str, price: str) -> None:
    """Sizes in steps, prices in ticks, both above zero."""
    with pytest.raises(InvalidOrderError):
        account_of().trade("BTC-USD", "buy", D(size), D(price))


@pytest.mark.parametrize("amount", ["0", "-1", "0.0000001", "NaN"])
def test_an_amount_that_usdc_cannot_carry_is_refused(amount: str) -> None:
    """Positive, with six decimals."""
    with pytest.raises(InvalidAmountError):
        account_of().deposit(D(amount))


def test_a_market_that_does_not_exist_is_refused() -> None:
    """By its ticker."""
    with pytest.raises(UnknownMarketError):
        find_market("DOGE-USD")


def test_the_books_notice_what_does_not_add_up() -> None:
    """Each of the three statements of `verify` can fail."""
    for spoil in ("rows", "fills", "payments"):
        dydx = funded()
        dydx.account.trade("BTC-USD", "buy", D("0.1"))
        dydx.chain.move_funding({"BTC-USD": D("0.001")})
        dydx.account.verify()
        getattr(dydx.account, spoil).clear()
        with pytest.raises(LedgerBrokenError):
            dydx.account.verify()


def test_an_owner_has_an_address_and_each_number_once() -> None:
    """The address follows from seed and name; a second account of one number is refused."""
    dydx = SimulatedDydx(seed=4)
    assert re.fullmatch(r"dydx1[02-9ac-hj-np-z]{38}", dydx.address)
    assert dydx.address == address_of(4, "main") != address_of(5, "main")
    assert dydx.add_account("main", number=3).address == dydx.address
    with pytest.raises(ValueError, match="exists"):
        dydx.add_account("main")


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["buy", "sell", "deposit", "withdraw", "funding"]), st.integers(1, 400)), max_size=40
)


@settings(max_examples=80, deadline=None, print_blob=True)
@given(ACTIONS)
def test_whatever_happens_the_books_add_up(actions: list[tuple[str, int]]) -> None:
    """Cash is its rows, positions are their fills, and funding is settled within rounding."""
    dydx = funded("5000")
    account, tickers = dydx.account, sorted(MARKETS)
    for kind, number in actions:
        try:
            if kind == "funding":
                dydx.chain.move_funding({one: D(number - 200) / 10**7 for one in MARKETS})
            elif kind in {"buy", "sell"}:
                ticker = tickers[number % 3]
                account.trade(ticker, kind, MARKETS[ticker].step * number)
            elif kind == "deposit":
                account.deposit(D(number) / 10**6)
            else:
                account.withdraw(D(number) / 10**6)
        except InsufficientFundsError:
            continue
        account.verify()


def test_the_same_seed_gives_the_same_history() -> None:
    """Reports and all; another seed gives another."""
    stories = []
    for seed in (1, 1, 2):
        clock = Clock(START)
        dydx = funded(clock=clock)
        trader = DydxTrader(dydx.account, dydx.chain, exchange="x", seed=seed, actions_per_second=1.0)
        story = [trader.opening()]
        for _ in range(40):
            clock.advance(1)
            story.append(trader.step(clock.now))
        stories.append(story)
    assert stories[0] == stories[1] != stories[2]


def test_a_trader_tells_what_it_did_and_nothing_else() -> None:
    """What others did to the account is not its to tell; funding of its positions is, under ids of its own."""
    clock = Clock(START)
    dydx = funded(clock=clock)
    trader = DydxTrader(dydx.account, dydx.chain, exchange="x", seed=2, actions_per_second=1.0)
    balances, positions = trader.opening()
    assert balances["balances"] == [{"currency": "USDC", "total": "100000"}]
    assert positions["positions"] == []
    trader.step(clock.now)
    theft = dydx.account.transfer_out(D(50), "dydx1thief")
    dydx.chain.move_funding()
    clock.advance(30)
    told = trader.step(clock.now)
    dydx.chain.move_funding()
    told += trader.step(clock.now)
    ids = {str(report["id"]) for report in told}
    assert theft.id not in ids
    assert {fill.id for fill in dydx.account.fills} <= ids
    kinds = {report["type"] for report in told}
    assert kinds == {"RecordFill", "RecordTransfer", "RecordFunding"}
    assert {one.partition("-")[0] for one in ids if "funding" in one} == {"funding"}
    assert trader.watermark(clock.now)["type"] == "LocalWatermark"


def test_a_trader_misreports_on_demand() -> None:
    """As on any simulated exchange: what was never told is kept as the truth to judge by."""
    clock = Clock(START)
    dydx = funded(clock=clock)
    trader = DydxTrader(
        dydx.account,
        dydx.chain,
        exchange="x",
        actions_per_second=1.0,
        moves_funds=False,
        misreporting=Misreporting(drop_fills=frozenset({2}), drop_types=frozenset({"RecordFunding"})),
    )
    trader.step(clock.now)
    clock.advance(5)
    told = trader.step(clock.now)
    dydx.chain.move_funding({ticker: D("0.0001") for ticker in MARKETS})
    told += trader.step(clock.now)
    assert trader.reporter.omitted[0]["type"] == "RecordFill"
    assert {one["type"] for one in trader.reporter.omitted[1:]} == {"RecordFunding"}
    assert trader.reporter.omitted[0]["id"] == dydx.account.fills[1].id not in {one["id"] for one in told}


def test_a_trader_without_margin_does_nothing() -> None:
    """No money, no trade."""
    clock = Clock(START)
    dydx = SimulatedDydx(clock=clock)
    trader = DydxTrader(dydx.account, dydx.chain, exchange="x", actions_per_second=5.0, drives_chain=False)
    trader.step(clock.now)
    clock.advance(1)
    assert [report for report in trader.step(clock.now) if report["type"] == "RecordFill"] == []
