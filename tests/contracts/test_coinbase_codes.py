"""Coinbase's names and amounts as ccxt reads them: our tables agree with the installed client."""

from decimal import Decimal

import ccxt.async_support
import pytest
from ccxt.base.precise import Precise

from reconcile_actors.exchanges.coinbase.codes import currency_code, is_derivative, native_code, symbol_of
from reconcile_actors.exchanges.coinbase.errors import explain
from reconcile_actors.exchanges.coinbase.fills import read_fills
from reconcile_actors.exchanges.port import FailureClass
from tests.unit.exchanges.test_coinbase_history_rows import fill, fills

CLIENT = ccxt.async_support.coinbase()
CLASSES = {
    "AuthenticationError": FailureClass.CREDENTIALS,
    "PermissionDenied": FailureClass.CREDENTIALS,
    "RateLimitExceeded": FailureClass.RATE_LIMIT,
    "BadRequest": FailureClass.CONFIGURATION,
}
ORDERS_ONLY = {"UNSUPPORTED_ORDER_CONFIGURATION"}


def test_every_renamed_currency() -> None:
    """What ccxt renames we rename, and nothing else; where a name goes both ways it comes back."""
    for native, unified in CLIENT.commonCurrencies.items():
        assert currency_code(native) == unified == CLIENT.safe_currency_code(native)
    for code in ("BTC", "USD", "00", "1INCH", "wETH"):
        assert currency_code(code) == code
    assert native_code("CELO") == "CGLD"
    assert native_code("BTC") == "BTC"
    assert currency_code("") is None
    assert currency_code("B.C") is None


def test_products() -> None:
    """Two codes with a dash are a spot market; futures and perpetuals are known as such, anything else is not."""
    assert symbol_of("CGLD-EUR") == "CELO/EUR"
    for product in ("BTC", "-USD", "BTC-", "BIT-28JUL23-CDE"):
        assert symbol_of(product) is None
    assert is_derivative("BIT-28JUL23-CDE")
    assert is_derivative("ETH-PERP-INTX")
    assert not is_derivative("BTC-USD")


@pytest.mark.parametrize(("size", "price"), [("0.0046830664333996", "21220.64"), ("10", "3"), ("100", "0.00000007")])
def test_the_base_of_a_size_in_quote_is_ccxts(size: str, price: str) -> None:
    """The same digits as ccxt's unified trade has, cut at the same place."""
    (one,) = read_fills(
        "main", fills(fill(size=size, price=price, size_in_quote=True, commission="0"))
    ).movements.values()
    (base,) = [amount for leg, amount in one.effects.items() if leg.currency == "BTC"]
    assert base == Decimal(Precise.string_div(size, price))


@pytest.mark.parametrize("code", sorted(CLIENT.exceptions["exact"]))
def test_every_error_that_ccxt_knows(code: str) -> None:
    """Each error word of ccxt's table has the class that its exception stands for."""
    kind = CLIENT.exceptions["exact"][code].__name__
    verdict = explain({"error": code})
    if kind in CLASSES and code not in ORDERS_ONLY:
        assert verdict is not None
        assert verdict.failure is CLASSES[kind]
        assert explain({"errors": [{"id": code, "message": "secret"}]}) == verdict


def test_what_names_no_error() -> None:
    """Lists, answers, and words that nobody knows are left to the status and to the gate."""
    for content in ([], {}, {"error": None}, {"error": "odd"}, {"errors": []}, {"errors": ["x"]}, {"accounts": []}):
        assert explain(content) is None
