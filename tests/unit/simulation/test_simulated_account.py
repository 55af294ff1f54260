"""The account: what each kind of change does to rows, balances, holds and events."""

from decimal import Decimal

import pytest
from simulation_client import Clock

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.ledger import InsufficientFundsError, InvalidAmountError, LedgerBrokenError
from reconcile_actors.simulation.orders import InvalidOrderError, UnknownOrderError
from reconcile_actors.simulation.records import (
    FundingStatus,
    FundsMoved,
    OrderEnded,
    OrderFilled,
    OrderOpened,
    OrderStatus,
)
from reconcile_actors.simulation.seeding import seeded

D = Decimal


def new_account(clock=None) -> Account:
    account = Account("main", clock=clock or Clock(), mint=IdMint(seeded("account test")))
    account.deposit("ZUSD", D(10_000))
    account.deposit("XBT", D(2))
    return account


def types_of(account: Account, refid: str) -> list[tuple[str, str, str, Decimal, Decimal]]:
    rows = [row for row in account.ledger.rows() if row.refid == refid]
    return [(row.type, row.subtype, row.asset, row.amount, row.fee) for row in rows]


def test_a_deposit_is_credited_less_its_fee():
    """An ordinary deposit is one row and Success at once."""
    account = new_account()
    refid = account.deposit("XXBT", D("0.5"), fee=D("0.1"))
    assert account.balance("XBT") == D("2.4")
    assert account.fundings[refid].status is FundingStatus.SUCCESS
    assert types_of(account, refid) == [("deposit", "", "XXBT", D("0.5"), D("0.1"))]


def test_a_pending_deposit_is_listed_but_not_credited():
    """Only its confirmation books it, and only once."""
    account = new_account()
    refid = account.deposit("XXBT", D(1), pending=True)
    assert (account.balance("XXBT"), account.fundings[refid].status) == (D(2), FundingStatus.PENDING)
    account.confirm_deposit(refid)
    assert (account.balance("XXBT"), account.fundings[refid].status) == (D(3), FundingStatus.SUCCESS)
    with pytest.raises(LookupError):
        account.confirm_deposit(refid)
    with pytest.raises(LookupError):
        account.settle_withdrawal(refid)


def test_a_withdrawal_costs_amount_and_fee_at_once():
    """Settling a pending withdrawal changes its status and no balance."""
    account = new_account()
    refid = account.withdraw("XXBT", D("0.5"), fee=D("0.0002"), pending=True)
    assert account.balance("XXBT") == D("1.4998")
    account.settle_withdrawal(refid)
    assert (account.balance("XXBT"), account.fundings[refid].status) == (D("1.4998"), FundingStatus.SUCCESS)
    assert types_of(account, refid) == [("withdrawal", "", "XXBT", D("-0.5"), D("0.0002"))]


def test_a_failed_withdrawal_comes_back_whole():
    """The reversal is a second row under the same refid and gives the fee back."""
    account = new_account()
    refid = account.withdraw("XXBT", D("0.5"), fee=D("0.0002"), pending=True)
    account.fail_withdrawal(refid)
    assert (account.balance("XXBT"), account.fundings[refid].status) == (D(2), FundingStatus.FAILURE)
    assert len(types_of(account, refid)) == 2


def test_a_withdrawal_beyond_the_balance_leaves_nothing_behind():
    """Neither a row nor a listing."""
    account = new_account()
    listed = dict(account.fundings)
    with pytest.raises(InsufficientFundsError):
        account.withdraw("XXBT", D(2), fee=D("0.0001"))
    assert account.fundings == listed


@pytest.mark.parametrize("amount", [D(0), D(-1), D("NaN"), D("Infinity")])
def test_only_positive_amounts_move(amount):
    """Deposits, withdrawals, rewards and transfers of nothing, or of less, are refused."""
    account = new_account()
    for move in (
        lambda: account.deposit("XXBT", amount),
        lambda: account.withdraw("XXBT", amount),
        lambda: account.reward("DOT.S", amount),
        lambda: account.transfer("XXBT", "XBT.F", amount),
        lambda: account.convert("XXBT", amount, "ZUSD", D(1)),
        lambda: account.send_to_futures("XXBT", amount),
    ):
        with pytest.raises(InvalidAmountError):
            move()


def test_other_moves_book_the_exchange_s_types():
    """Rewards, moves to wallets that earn and back, futures, instant exchanges and glitches."""
    account = new_account()
    assert types_of(account, account.reward("DOT.S", D("0.5"))) == [("staking", "", "DOT.S", D("0.5"), D(0))]
    assert types_of(account, account.transfer("XXBT", "XBT.F", D(1))) == [
        ("transfer", "spottostaking", "XXBT", D(-1), D(0)),
        ("transfer", "stakingfromspot", "XBT.F", D(1), D(0)),
    ]
    assert types_of(account, account.transfer("XBT.F", "XXBT", D(1))) == [
        ("transfer", "stakingtospot", "XBT.F", D(-1), D(0)),
        ("transfer", "spotfromstaking", "XXBT", D(1), D(0)),
    ]
    assert types_of(account, account.send_to_futures("XXBT", D("0.5"))) == [
        ("transfer", "spottofutures", "XXBT", D("-0.5"), D(0))
    ]
    assert types_of(account, account.convert("ZUSD", D(100), "USDT", D(99), fee=D(1))) == [
        ("spend", "", "ZUSD", D(-100), D(1)),
        ("receive", "", "USDT", D(99), D(0)),
    ]
    assert types_of(account, account.adjust("ZUSD", D("-0.5"))) == [("adjustment", "", "ZUSD", D("-0.5"), D(0))]
    assert account.holdings()["XBT.F"].balance == D(0)
    account.verify()


def test_a_resting_buy_holds_quote_and_a_fill_releases_its_part():
    """Partial fills move both assets, charge the fee in quote, and free the hold of what was filled."""
    account = new_account()
    order = account.place("XBTUSD", "buy", D("0.1"), D(50_000))
    assert (account.hold("ZUSD"), account.available("ZUSD")) == (D(5000), D(5000))
    fill = account.fill(order.id, D("0.04"), D(50_000))
    assert (fill.cost, fill.fee, fill.fee_asset, fill.fee_charged) == (D(2000), D("3.2"), "ZUSD", D("3.2"))
    assert account.hold("ZUSD") == D(3000)
    assert account.balance("ZUSD") == D("7996.8")
    assert account.balance("XXBT") == D("2.04")
    assert [row.refid for row in account.ledger.rows()[-2:]] == [fill.id, fill.id]
    assert fill.ledger_ids == tuple(row.id for row in account.ledger.rows()[-2:])
    account.verify()


def test_a_resting_sell_holds_base_and_closes_when_filled_whole():
    """The last fill ends the order; its events tell the story in order."""
    account = new_account()
    before = len(account.events)
    order = account.place("XXBTZUSD", "sell", D("0.5"), D(60_000))
    assert account.hold("XXBT") == D("0.5")
    account.fill(order.id, D("0.5"), D(60_000), maker=False)
    ended = account.orders[order.id]
    assert (ended.status, ended.hold, ended.remaining) == (OrderStatus.CLOSED, D(0), D(0))
    assert account.open_orders() == []
    assert [type(event) for event in account.events[before:]] == [OrderOpened, OrderFilled, OrderEnded]
    assert isinstance(account.events[0], FundsMoved)


def test_a_fee_can_be_charged_in_base():
    """Then the base row bears it; the trade still states it in quote."""
    account = new_account()
    order = account.place("XXBTZUSD", "buy", D("0.1"), D(50_000), fee_in_base=True)
    fill = account.fill(order.id, D("0.1"), D(50_000))
    assert (fill.fee, fill.fee_asset, fill.fee_charged) == (D(8), "XXBT", D("0.00016"))
    assert account.balance("ZUSD") == D(5000)
    assert account.balance("XXBT") == D("2.09984")


def test_cancel_frees_the_hold():
    """A canceled order locks nothing and cannot be canceled or filled again."""
    account = new_account()
    order = account.place("XXBTZUSD", "buy", D("0.1"), D(50_000))
    canceled = account.cancel(order.id)
    assert (canceled.status, canceled.reason, account.hold("ZUSD")) == (OrderStatus.CANCELED, "User requested", D(0))
    with pytest.raises(UnknownOrderError):
        account.cancel(order.id)
    with pytest.raises(UnknownOrderError):
        account.fill(order.id, D("0.1"), D(50_000))


def test_orders_that_cannot_be_paid_or_break_a_rule_are_refused():
    """Nothing is held for them."""
    account = new_account()
    with pytest.raises(InsufficientFundsError):
        account.place("XXBTZUSD", "buy", D("0.2"), D(50_000))  # the fee would not be covered
    with pytest.raises(InsufficientFundsError):
        account.place("XXBTZUSD", "sell", D("2.1"), D(50_000))
    for volume, price, names in (
        (D(0), None, "volume"),
        (D("0.000000001"), None, "volume"),
        (D("0.00001"), None, "minimum"),
        (D(1), D(0), "price"),
        (D(1), D("1.23"), "price"),
    ):
        with pytest.raises(InvalidOrderError, match=names):
            account.place("XXBTZUSD", "buy", volume, price)
    assert account.open_orders() == []
    account.verify()


@pytest.mark.parametrize("volume", [D(0), D("0.2"), D("0.000000001")])
def test_a_fill_stays_within_what_remains(volume):
    """Nothing, more than remains, and less than a lot are refused."""
    account = new_account()
    order = account.place("XXBTZUSD", "buy", D("0.1"), D(50_000))
    with pytest.raises(InvalidOrderError, match="volume"):
        account.fill(order.id, volume, D(50_000))


def test_time_stands_still_when_the_clock_steps_back():
    """Rows stay in order whatever the clock does."""
    clock = Clock()
    account = new_account(clock)
    clock.advance(-100)
    account.deposit("XXBT", D(1))
    times = [row.at for row in account.ledger.rows()]
    assert times == sorted(times)


def test_verify_sees_a_hold_that_no_order_explains():
    """Holds are recomputed from open orders."""
    account = new_account()
    account.ledger.apply(account.now(), "O", holds={"XXBT": D(1)})
    with pytest.raises(LedgerBrokenError, match="open orders"):
        account.verify()


def test_fills_are_cut_by_time_or_id():
    """Start is exclusive, end inclusive; an unknown id is a KeyError."""
    clock = Clock()
    account = new_account(clock)
    fills = []
    for _ in range(3):
        clock.advance(1)
        order = account.place("XXBTZUSD", "sell", D("0.1"))
        fills.append(account.fill(order.id, D("0.1"), D(50_000)))
    assert account.fills_between() == fills
    assert account.fills_between(fills[0].at) == account.fills_between(fills[0].id) == fills[1:]
    assert account.fills_between(until=fills[1].at) == account.fills_between(until=fills[1].id) == fills[:2]
    assert account.fill_by_id(fills[2].id) is fills[2]
    assert account.fill_by_id("T") is None
    with pytest.raises(KeyError):
        account.fills_between("T")
