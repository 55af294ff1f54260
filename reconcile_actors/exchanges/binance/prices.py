"""USD prices from Binance's public tickers. It trades against USDT and not against dollars, so a USDT is taken for a dollar."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.binance.fields import rows_of, signed_of, text_of
from reconcile_actors.exchanges.binance.markets import Markets

QUOTE: Final = "USDT"
AT_PAR: Final = "par"


def tickers_of(currencies: Iterable[str], markets: Markets) -> dict[str, str]:
    """Binance's name of the market that prices each currency, of those that have one."""
    wanted = {currency: markets.natives.get(f"{currency}/{QUOTE}") for currency in currencies}
    return {native: currency for currency, native in wanted.items() if native is not None}


def read_prices(content: object, wanted: Mapping[str, str], at: int) -> dict[str, Price]:
    """The prices of a ticker/price answer; `wanted` gives currencies by market. Raises ExchangeFailureError.

    A price of nothing is left out: without a price a difference is never small, so nothing is hidden by it.
    """
    prices: dict[str, Price] = {}
    for row in rows_of(content):
        currency, price = wanted.get(text_of(row, "symbol")), signed_of(row, "price")
        if currency is not None and price > Decimal(0):
            prices[currency] = Price(price, "ticker", at)
    return prices
