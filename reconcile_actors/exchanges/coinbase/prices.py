"""USD prices from Coinbase's public list of products: the last price of CURRENCY-USD."""

from collections.abc import Collection

from reconcile_actors.domain import money
from reconcile_actors.domain.valuation import Price
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.coinbase.codes import native_code
from reconcile_actors.exchanges.coinbase.fields import answer_of, rows_of

QUOTE = "USD"


def products_of(currencies: Collection[str]) -> list[str]:
    """The products to ask for: `BTC-USD`."""
    return [f"{native_code(currency)}-{QUOTE}" for currency in currencies]


def read_prices(content: object, currencies: Collection[str], at: int) -> dict[str, Price]:
    """The prices that a list of products holds for some of the currencies. Raises ExchangeFailureError.

    A price that is not understood is left out: without one a difference is never small, so nothing is hidden by it.
    """
    wanted = dict(zip(products_of(currencies), currencies, strict=True))
    prices: dict[str, Price] = {}
    for row in rows_of(answer_of(content), "products"):
        currency = wanted.get(str(row.get("product_id")))
        try:
            price = money.parse_amount(row.get("price"))
        except AmountError:
            continue
        if currency is not None and price > 0:
            prices[currency] = Price(price, "ticker", at)
    return prices
