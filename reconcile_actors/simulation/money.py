"""Exact money: Decimal under contexts of its own, because the default context is per thread and rounds at 28 digits (I2)."""

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

ZERO = Decimal(0)

_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])


def plus(left: Decimal, right: Decimal) -> Decimal:
    """The exact sum; raises `decimal.Inexact` rather than round."""
    return _EXACT.add(left, right)


def minus(left: Decimal, right: Decimal) -> Decimal:
    """The exact difference."""
    return _EXACT.subtract(left, right)


def times(left: Decimal, right: Decimal) -> Decimal:
    """The exact product."""
    return _EXACT.multiply(left, right)


def over(left: Decimal, right: Decimal) -> Decimal:
    """The quotient to 80 digits; callers round it to places at once."""
    return _ROUNDING.divide(left, right)


def total(amounts: list[Decimal]) -> Decimal:
    """The exact sum of a list."""
    result = ZERO
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def rounded(amount: Decimal, places: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """`amount` with exactly `places` decimals; a zero never carries a sign, since no exchange prints "-0.00"."""
    result = amount.quantize(Decimal((0, (1,), -places)), rounding=rounding, context=_ROUNDING)
    return result.copy_abs() if result.is_zero() else result


def text(amount: Decimal, places: int) -> str:
    """`amount` as a plain string with exactly `places` decimals, as the wire shows it."""
    return f"{rounded(amount, places):f}"


def fits(amount: Decimal, places: int) -> bool:
    """Whether `amount` is finite and has no digit beyond `places` decimals."""
    return amount.is_finite() and rounded(amount, places) == amount
