"""What a difference is worth in USD, and how severe that makes it. A currency without a price is never small."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.discrepancy import Kind, Severity

ERROR_FACTOR: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Price:
    """USD for one unit of a currency, where it came from (`static`, `ticker`, `identity`) and when (UTC us; None when static)."""

    usd: Decimal
    source: str
    at: int | None = None


Prices = Mapping[str, Price]
USD_PRICE: Final = Price(Decimal(1), "identity")


def price_of(currency: str, prices: Prices) -> Price | None:
    """The price of a currency; of a contract, its base's. Only USD itself is 1: stablecoins are priced like anything else."""
    base = currency.split("/", 1)[0]
    return prices.get(base) or (USD_PRICE if base == "USD" else None)


def value_usd(amount: Decimal, price: Price | None) -> Decimal | None:
    """|amount| in USD, rounded to 8 decimals; None without a price."""
    if price is None:
        return None
    exact = money.EXACT.abs(money.multiply(amount, price.usd))
    return money.ROUNDED.quantize(exact, Decimal("1e-8")) if exact.adjusted() < 18 else exact


def severity_of(value: Decimal | None, kind: Kind, field: Field, threshold_usd: Decimal) -> Severity:
    """`info` below the threshold and for precision, `error` from a hundred times it, else `warning` (also without a price).

    What is locked moves no value by itself: at most a warning.
    """
    if kind is Kind.PRECISION:
        return Severity.INFO
    if value is None:
        return Severity.WARNING
    if value < threshold_usd:
        return Severity.INFO
    if field in {Field.LOCKED, Field.AVAILABLE} or value < money.multiply(threshold_usd, ERROR_FACTOR):
        return Severity.WARNING
    return Severity.ERROR
