"""USD prices from Kraken's public tickers: the last trade of CURRENCY/USD."""

from collections.abc import Collection, Sequence
from decimal import Decimal

from reconcile_actors.domain import money
from reconcile_actors.domain.valuation import Price
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.kraken.codes import altname, is_pair_of
from reconcile_actors.exchanges.kraken.fields import result_of

QUOTE = "USD"


def pairs_of(currencies: Sequence[str]) -> str:
    """The tickers to ask for, as Kraken wants them: `XBTUSD,ETHUSD`."""
    return ",".join(f"{altname(currency)}{QUOTE}" for currency in currencies)


def read_prices(content: object, currencies: Collection[str], at: int) -> dict[str, Price]:
    """The prices that a Ticker answer holds for some of the currencies. Raises ExchangeFailureError.

    Kraken answers by pair id (`XXBTZUSD`) whatever name was asked for. A ticker that is not understood is left out: without
    a price a difference is never small, so nothing is hidden by it.
    """
    prices: dict[str, Price] = {}
    for pair, ticker in result_of(content).items():
        if not pair.endswith(QUOTE):
            continue
        currency = next((one for one in currencies if is_pair_of(pair, one, QUOTE)), None)
        price = _last(ticker)
        if currency is not None and price is not None:
            prices[currency] = Price(price, "ticker", at)
    return prices


def _last(ticker: object) -> Decimal | None:
    close = ticker.get("c") if isinstance(ticker, dict) else None
    if not isinstance(close, list) or not close:
        return None
    try:
        price = money.parse_amount(close[0])
    except AmountError:
        return None
    return price if price > 0 else None
