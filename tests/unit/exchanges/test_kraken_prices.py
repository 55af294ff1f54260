"""Tickers as prices."""

from decimal import Decimal

from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.kraken.prices import pairs_of, read_prices
from tests.unit.exchanges.exchange_fakes import result


def test_pairs_are_asked_for_by_kraken_s_names() -> None:
    """Unified codes become altnames."""
    assert pairs_of(["BTC", "DOGE", "ETH"]) == "XBTUSD,XDGUSD,ETHUSD"


def test_prices_are_read_by_pair_id() -> None:
    """Kraken answers by pair id; what nobody asked for is left aside."""
    tickers = {
        "XXBTZUSD": {"c": ["60000.10", "1"]},
        "DOTUSD": {"c": ["5"]},
        "XXBTZEUR": {"c": ["1"]},
        "SOLUSD": {"c": ["9"]},
    }
    assert read_prices(result(tickers), ["BTC", "DOT", "NOPE"], 7) == {
        "BTC": Price(Decimal("60000.10"), "ticker", 7),
        "DOT": Price(Decimal(5), "ticker", 7),
    }


def test_a_ticker_that_is_not_understood_gives_no_price() -> None:
    """Better no price than a wrong one."""
    for ticker in (None, [], {}, {"c": None}, {"c": []}, {"c": ["x"]}, {"c": ["0"]}, {"c": ["-1"]}, {"c": [None]}):
        assert read_prices(result({"XBTUSD": ticker}), ["BTC"], 7) == {}
