"""The market: repeatable prices, and orders that trade when the price reaches them."""

from decimal import Decimal

import pytest
from simulation_client import Clock, funded

from reconcile_actors.simulation import Market, SimulatedKraken
from reconcile_actors.simulation.instruments import find_pair
from reconcile_actors.simulation.ledger import InsufficientFundsError
from reconcile_actors.simulation.market import spread
from reconcile_actors.simulation.money import fits
from reconcile_actors.simulation.records import OrderStatus, OrderType

D = Decimal


def new_exchange(seed: int = 0) -> SimulatedKraken:
    kraken = SimulatedKraken(seed=seed, clock=Clock())
    funded(kraken)
    return kraken


def test_the_same_seed_walks_the_same_way():
    """Prices depend on seed and steps alone, keep to the tick and stay within half and twice the opening."""
    first, again, other = Market(1), Market(1), Market(2)
    path = []
    for step in range(200):
        for market in (first, again, other):
            market.step(float(step))
        path.append((first.price("XBTUSD"), other.price("XBTUSD")))
        assert first.price("XBTUSD") == again.price("XBTUSD")
        assert fits(first.price("XBTUSD"), 1)
        assert D(30_000) <= first.price("XBTUSD") <= D(120_000)
    assert any(left != right for left, right in path)
    low, high = first.extremes("XBTUSD")
    assert low <= first.price("XBTUSD") <= high


def test_a_market_order_trades_at_once_as_taker():
    """It is closed when submit returns and locks nothing."""
    kraken = new_exchange()
    order = kraken.market.submit(kraken.account, "XBTUSD", "buy", D("0.1"))
    assert (order.status, order.order_type) == (OrderStatus.CLOSED, OrderType.MARKET)
    (fill,) = kraken.account.fills
    assert (fill.price, fill.maker, fill.fee) == (D(60_000), False, D("15.6"))
    kraken.account.verify()


def test_a_crossed_limit_order_trades_at_the_market_s_price():
    """A buy above the price pays the price, not its limit."""
    kraken = new_exchange()
    order = kraken.market.submit(kraken.account, "XBTUSD", "buy", D("0.1"), D(61_000))
    assert (order.status, kraken.account.fills[0].price) == (OrderStatus.CLOSED, D(60_000))


def test_a_post_only_order_that_would_trade_is_canceled():
    """It never becomes a taker; away from the price it rests."""
    kraken = new_exchange()
    crossing = kraken.market.submit(kraken.account, "XBTUSD", "buy", D("0.1"), D(61_000), post_only=True)
    resting = kraken.market.submit(kraken.account, "XBTUSD", "buy", D("0.1"), D(59_000), post_only=True)
    assert (crossing.status, crossing.reason) == (OrderStatus.CANCELED, "Post only order")
    assert resting.status is OrderStatus.OPEN
    assert kraken.account.fills == []


def test_a_market_order_that_cannot_be_paid_is_canceled():
    """The funds error reaches the caller and no order stays open."""
    kraken = new_exchange()
    with pytest.raises(InsufficientFundsError):
        kraken.market.submit(kraken.account, "XBTUSD", "buy", D(10))
    assert kraken.account.open_orders() == []
    assert next(reversed(kraken.account.orders.values())).status is OrderStatus.CANCELED


def test_resting_orders_fill_as_makers_when_the_price_comes():
    """Some whole, some in parts, always at their limit; in the end the books add up."""
    kraken = new_exchange(seed=5)
    for _ in range(20):
        price = kraken.market.price("XETHZUSD")
        kraken.market.submit(kraken.account, "XETHZUSD", "buy", D("0.10"), price - D("0.02"))
        kraken.market.submit(kraken.account, "XETHZUSD", "sell", D("0.10"), price + D("0.02"))
        for _ in range(10):
            kraken.market.step(kraken.clock())
    fills = kraken.account.fills
    assert fills
    assert all(fill.maker and fill.price == kraken.account.orders[fill.order_id].price for fill in fills)
    volumes = {fill.volume for fill in fills}
    assert D("0.1") in volumes
    assert min(volumes) < D("0.1")
    kraken.account.verify()


def test_an_order_whose_fee_is_gone_is_canceled_by_the_market():
    """The fee is not held, so a withdrawal can make a resting order unpayable."""
    kraken = new_exchange()
    order = kraken.market.submit(kraken.account, "XBTUSD", "buy", D("0.1"), D("59999.9"))
    kraken.account.withdraw("ZUSD", kraken.account.available("ZUSD"))
    while kraken.account.open_orders():
        kraken.market.step(0.0)
    assert kraken.account.orders[order.id].reason == "Insufficient funds"
    assert kraken.account.hold("ZUSD") == 0


def test_the_spread_is_one_tick_either_side():
    """Bid below, ask above."""
    assert spread(find_pair("XBTUSD"), D(60_000)) == (D("59999.9"), D("60000.1"))
