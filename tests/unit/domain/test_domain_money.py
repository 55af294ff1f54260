"""Amounts are exact decimals, or they are refused."""

from decimal import Decimal, DivisionByZero, FloatOperation, Inexact

import pytest

from reconcile_actors.domain import money
from reconcile_actors.errors import AmountError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1.50", "1.50"),
        ("-0.1", "-0.1"),
        ("+.5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("2.5E-7", "0.00000025"),
        (7, "7"),
        (Decimal("0.1"), "0.1"),
        ("0.00", "0"),
        ("-0", "0"),
        (Decimal("-0.00"), "0"),
        ("9" * 30, "9" * 30),
        ("0." + "1" * 36, "0." + "1" * 36),
        ("0." + "1" * 36 + "000", "0." + "1" * 36),
        ("0" * 900 + "1", "1"),
    ],
)
def test_an_amount_is_what_its_text_says(given: object, expected: str) -> None:
    """Decimal text, whole numbers and Decimals become the same exact value."""
    assert money.parse_amount(given) == Decimal(expected)


@pytest.mark.parametrize("zero", ["-0", "-0.00", Decimal("-0"), Decimal("-0.0")])
def test_zero_has_no_sign(zero: object) -> None:
    """A negative zero would show as `-0` and hash differently."""
    assert not money.parse_amount(zero).is_signed()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (0.1, "not_a_number"),
        (True, "not_a_number"),
        (None, "not_a_number"),
        ("", "not_a_number"),
        ("1,5", "not_a_number"),
        (" 1", "not_a_number"),
        ("1_000", "not_a_number"),
        ("٣", "not_a_number"),
        ("0x10", "not_a_number"),
        ("NaN", "not_finite"),
        ("-Infinity", "not_finite"),
        ("sNaN12", "not_finite"),
        (Decimal("NaN"), "not_finite"),
        (Decimal("Infinity"), "not_finite"),
        ("1" + "0" * 30, "too_large"),
        ("1e30", "too_large"),
        (10**30, "too_large"),
        ("1e9999", "too_large"),
        ("0." + "0" * 36 + "1", "too_precise"),
        ("1e-37", "too_precise"),
        ("0" * 1001, "too_precise"),
    ],
)
def test_what_is_no_amount_is_refused_by_a_constant_word(given: object, word: str) -> None:
    """Floats, what is not finite and what is out of bounds are refused, and the refusal holds no amount (I2)."""
    with pytest.raises(AmountError) as caught:
        money.parse_amount(given)
    assert str(caught.value) == word


def test_arithmetic_is_exact_at_the_bounds() -> None:
    """The largest and the finest amount add, subtract and multiply without loss."""
    large, fine = Decimal("9" * 30), Decimal("1e-36")
    assert money.subtract(money.add(large, fine), large) == fine
    assert money.multiply(large, fine) == Decimal("9" * 30 + "e-36")
    assert money.negate(large) == Decimal("-" + "9" * 30)


def test_what_cannot_be_exact_raises() -> None:
    """The context traps what would round, divide by zero or let a float in."""
    with pytest.raises(Inexact):
        money.EXACT.divide(Decimal(1), Decimal(3))
    with pytest.raises(DivisionByZero):
        money.EXACT.divide(Decimal(1), Decimal(0))
    with pytest.raises(FloatOperation):
        money.EXACT.create_decimal(0.1)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1.500", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("0.00", "0"),
        ("-0", "0"),
        ("-2.50", "-2.5"),
        ("1E-8", "0.00000001"),
    ],
)
def test_the_text_of_an_amount_is_plain(amount: str, text: str) -> None:
    """Neither exponent nor trailing zeros nor a signed zero is ever shown."""
    assert money.plain(Decimal(amount)) == text


@pytest.mark.parametrize(("amount", "text"), [("1.500", "1.5"), ("1E+3", "1000"), ("0.000", "0"), ("100.0", "100")])
def test_a_tidy_amount_has_one_text(amount: str, text: str) -> None:
    """The text of an amount does not depend on the way to it."""
    assert str(money.tidy(Decimal(amount))) == text


@pytest.mark.parametrize(
    ("amount", "step"), [("25.4350", "0.0001"), ("1E-8", "1E-8"), ("100", None), ("1E+3", None), ("0.0", "0.1")]
)
def test_a_step_is_what_the_text_can_show(amount: str, step: str | None) -> None:
    """Trailing zeros tell how finely an exchange writes; a whole number tells nothing."""
    assert money.step_of(Decimal(amount)) == (None if step is None else Decimal(step))
