"""Money is Decimal from the wire to the page, under a context of our own (I2).

The default context is per thread and rounds at 28 digits in silence; this one traps every inexact result instead.
"""

import re
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    Inexact,
    InvalidOperation,
    Overflow,
)
from functools import lru_cache
from typing import Final

from reconcile_actors.errors import AmountError

# Amounts have at most 30 digits before and 36 after the point; products of two have twice that, sums a few more.
EXACT: Final = Context(
    prec=200,
    rounding=ROUND_HALF_EVEN,
    Emin=-999,
    Emax=999,
    traps=[InvalidOperation, DivisionByZero, Overflow, Inexact, FloatOperation],
)
ROUNDED: Final = Context(
    prec=28, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation]
)
ZERO: Final = Decimal(0)
INTEGER_DIGITS_MAX: Final = 30
DECIMALS_MAX: Final = 36

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(inf(inity)?|s?nan\d*)", re.IGNORECASE | re.ASCII)


def parse_amount(value: object) -> Decimal:
    """An amount of money from its decimal text (or a Decimal or int). Raises AmountError, whose text holds no amount.

    Floats are refused: what a float held is already lost (I2). |value| < 10^30 and at most 36 decimals, trailing zeros aside.
    """
    if isinstance(value, Decimal):
        amount = value
    elif isinstance(value, int) and not isinstance(value, bool):
        amount = Decimal(value)
    elif isinstance(value, str):
        return _parse_text(value)
    else:
        raise AmountError("not_a_number")
    return _bounded(amount)


def _parse_text(text: str) -> Decimal:
    if len(text) > 1000:
        raise AmountError("too_precise")
    number = _NUMBER.fullmatch(text)
    if number is None:
        raise AmountError("not_finite" if _NOT_FINITE.fullmatch(text) else "not_a_number")
    amount = Decimal(text)
    # nearly every amount is written in so few characters that it can pass no bound
    return amount if amount and len(text) <= INTEGER_DIGITS_MAX and number[3] is None else _bounded(amount)


def _bounded(amount: Decimal) -> Decimal:
    if not amount.is_finite():
        raise AmountError("not_finite")
    if not amount:
        return ZERO if amount.as_tuple().exponent == 0 or amount.is_signed() else amount
    if amount.adjusted() >= INTEGER_DIGITS_MAX:
        raise AmountError("too_large")
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)  # finite: the special exponents are gone
    if exponent < -DECIMALS_MAX:
        digits = "".join(map(str, amount.as_tuple().digits))
        if -exponent - (len(digits) - len(digits.rstrip("0"))) > DECIMALS_MAX:
            raise AmountError("too_precise")
    return amount


def add(left: Decimal, right: Decimal) -> Decimal:
    """The exact sum."""
    return EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """The exact difference."""
    return EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """The exact product."""
    return EXACT.multiply(left, right)


def negate(amount: Decimal) -> Decimal:
    """The exact opposite (unary minus would round in the thread's context)."""
    return EXACT.minus(amount)


def tidy(amount: Decimal) -> Decimal:
    """The same amount without trailing zeros: its text does not depend on the way to it."""
    short = EXACT.normalize(amount)
    exponent = short.as_tuple().exponent
    return EXACT.quantize(short, Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short


def plain(amount: Decimal) -> str:
    """The decimal text of an amount without exponent or trailing zeros: what JSON, pages and hashes show."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def step_of(amount: Decimal) -> Decimal | None:
    """The smallest step that an amount's own text can show: 0.0001 for `25.4350`; None for a whole number."""
    _, point, decimals = format(amount, "f").partition(".")
    return _step(len(decimals)) if point else None


@lru_cache(maxsize=256)
def _step(decimals: int) -> Decimal:
    return Decimal((0, (1,), -decimals))
