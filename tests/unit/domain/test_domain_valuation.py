"""What a difference is worth decides how severe it is; what has no price is never small."""

from decimal import Decimal

import pytest

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.discrepancy import Kind, Severity
from reconcile_actors.domain.valuation import USD_PRICE, Price, price_of, severity_of, value_usd

PRICES = {"BTC": Price(Decimal(60000), "ticker", 7), "USDT": Price(Decimal("0.998"), "static")}
THRESHOLD = Decimal(10)


def test_a_price_is_the_currencys_own() -> None:
    """A contract is priced as its base; only USD itself is 1, stablecoins are not."""
    assert price_of("BTC", PRICES) == PRICES["BTC"]
    assert price_of("BTC/USDC:USDC", PRICES) == PRICES["BTC"]
    assert price_of("USDT", PRICES) == PRICES["USDT"]
    assert price_of("USD", {}) == USD_PRICE
    assert price_of("USDC", {}) is None


def test_a_given_price_of_usd_wins() -> None:
    """Whoever counts in another USD may say so."""
    given = Price(Decimal("1.01"), "static")
    assert price_of("USD", {"USD": given}) == given


def test_a_value_has_no_sign_and_eight_decimals() -> None:
    """A loss and a gain of the same amount weigh the same; without a price there is no value, rather than 0."""
    assert value_usd(Decimal("-0.5"), PRICES["BTC"]) == Decimal(30000)
    assert value_usd(Decimal("0.123456789012"), USD_PRICE) == Decimal("0.12345679")
    assert value_usd(Decimal(1), None) is None


def test_an_enormous_value_is_kept_exact() -> None:
    """What is too large to be rounded at 28 digits stands as it is."""
    amount = Decimal("9" * 29 + ".123456789")
    assert value_usd(amount, USD_PRICE) == amount


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        ("0", Severity.INFO),
        ("9.99999999", Severity.INFO),
        ("10", Severity.WARNING),
        ("999.99999999", Severity.WARNING),
        ("1000", Severity.ERROR),
        ("1e20", Severity.ERROR),
        (None, Severity.WARNING),
    ],
)
def test_severity_goes_by_the_threshold(value: str | None, severity: Severity) -> None:
    """Info below it, error from a hundred times it; without a price it is a warning, never info (I1)."""
    amount = None if value is None else Decimal(value)
    assert severity_of(amount, Kind.MISMATCH, Field.TOTAL, THRESHOLD) is severity


@pytest.mark.parametrize("field", [Field.LOCKED, Field.AVAILABLE])
def test_what_is_locked_is_at_most_a_warning(field: Field) -> None:
    """Locks move no value by themselves."""
    assert severity_of(Decimal(10**9), Kind.MISMATCH, field, THRESHOLD) is Severity.WARNING
    assert severity_of(Decimal(1), Kind.MISMATCH, field, THRESHOLD) is Severity.INFO


@pytest.mark.parametrize("field", [Field.TOTAL, Field.BORROWED, Field.POSITION, Field.MOVEMENT])
def test_all_else_may_be_an_error(field: Field) -> None:
    """Debt, positions and movements count like balances."""
    assert severity_of(Decimal(10**9), Kind.MISMATCH, field, THRESHOLD) is Severity.ERROR


@pytest.mark.parametrize("value", [Decimal(10**9), None])
def test_precision_is_info(value: Decimal | None) -> None:
    """Rounding is no loss, whatever it is worth."""
    assert severity_of(value, Kind.PRECISION, Field.TOTAL, THRESHOLD) is Severity.INFO


def test_severities_are_ordered() -> None:
    """As strings they would not be."""
    assert Severity.ERROR.at_least(Severity.WARNING)
    assert Severity.WARNING.at_least(Severity.WARNING)
    assert not Severity.INFO.at_least(Severity.WARNING)
