"""Decimals and JSON as the exact text that rows hold. Raises EncodingError, whose text holds no value."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import orjson

Readable: TypeAlias = "str | int | bool | Sequence[Readable] | Mapping[str, Readable] | None"


class EncodingError(ValueError):
    """A value that the store cannot hold exactly: the unit that carries it is refused."""


def amount_text(amount: Decimal) -> str:
    """The exact text of an amount, trailing zeros and exponent included: `Decimal(text)` gives back the same digits."""
    if not amount.is_finite():
        raise EncodingError("an amount that is not finite")
    return str(amount)


def optional_text(amount: Decimal | None) -> str | None:
    """`amount_text`, or None for what nobody stated (I1)."""
    return None if amount is None else amount_text(amount)


def optional_amount(text: str | None) -> Decimal | None:
    """The inverse of `optional_text`."""
    return None if text is None else Decimal(text)


def json_text(value: Readable) -> str:
    """Canonical JSON text: sorted keys, no spaces. Floats are refused, since money must not pass through one (I2)."""
    _refuse_floats(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        # orjson names what it met, never its value; whole numbers above 64 bits are left to the slower encoder
        try:
            return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        except (TypeError, ValueError):
            raise EncodingError("a value that JSON cannot hold") from None


def json_value(text: str | bytes) -> Any:
    """What a row's JSON text says; the caller knows its shape, because `json_text` of that shape wrote it."""
    return json.loads(text)


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise EncodingError("a float")
    if isinstance(value, Mapping):
        for one in value.values():
            _refuse_floats(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _refuse_floats(one)
