"""Which markets there are: from exchangeInfo, asked for rarely, because a fill says only `BTCUSDT`."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from reconcile_actors.exchanges.binance.fields import currency_of, distrusted, rows_of, text_of


@dataclass(frozen=True, slots=True)
class Markets:
    """Binance's name of each market by unified symbol: `BTC/USDT` is `BTCUSDT`."""

    natives: dict[str, str] = field(default_factory=dict)
    _quotes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def among(self, currencies: AbstractSet[str]) -> Iterable[str]:
        """The unified symbols of all markets whose both sides are among these currencies."""
        for base in currencies:
            for quote in self._quotes.get(base, ()):
                if quote in currencies:
                    yield f"{base}/{quote}"


def read_markets(content: object) -> Markets:
    """All markets, those that do not trade now included: they may have traded before. Raises ExchangeFailureError."""
    natives: dict[str, str] = {}
    quotes: dict[str, list[str]] = {}
    for row in rows_of(content, "symbols"):
        base, quote = currency_of(row, "baseAsset"), currency_of(row, "quoteAsset")
        symbol = f"{base}/{quote}"
        if symbol in natives:
            raise distrusted("two_markets_one_symbol")
        natives[symbol] = text_of(row, "symbol")
        quotes.setdefault(base, []).append(quote)
    if not natives:
        raise distrusted("no_markets")
    return Markets(natives, {base: tuple(many) for base, many in quotes.items()})
