"""Reading rows out of Binance's answers with the same distrust as balances: a surprise is a failure, never a shorter list."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from reconcile_actors.domain import money
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.binance.codes import currency_code
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

Raw: TypeAlias = Mapping[str, object]

_ID: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_MS_MAX: Final = 10**14  # the year 5138: more is another unit of time


def distrusted(code: str) -> ExchangeFailureError:
    """The failure of an answer that is not what it should be; `code` is a constant word."""
    return ExchangeFailureError(FailureClass.BAD_DATA, code)


def rows_of(content: object, key: str | None = None) -> list[Raw]:
    """The rows of an answer: itself, or what stands under `key`. Raises ExchangeFailureError."""
    rows = content if key is None else content.get(key) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise distrusted("no_rows")
    return rows


def whole_of(content: object, key: str) -> int:
    """A whole number, as such or as text, that is not negative. Raises ExchangeFailureError."""
    value = content.get(key) if isinstance(content, dict) else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise distrusted(f"no_{key}")


def text_of(row: Raw, key: str) -> str:
    """A text field. Raises ExchangeFailureError."""
    value = row.get(key)
    if not isinstance(value, str):
        raise distrusted(f"no_{key}")
    return value


def flag_of(row: Raw, key: str) -> bool:
    """A true or false. Raises ExchangeFailureError."""
    value = row.get(key)
    if not isinstance(value, bool):
        raise distrusted(f"no_{key}")
    return value


def id_of(row: Raw, key: str) -> str:
    """An id, a number or printable text without spaces. Raises ExchangeFailureError."""
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    raise distrusted(f"no_{key}")


def currency_of(row: Raw, key: str) -> str:
    """The unified code of an asset. Raises ExchangeFailureError."""
    code = currency_code(text_of(row, key))
    if code is None:
        raise distrusted(f"no_{key}")
    return code


def amount_of(row: Raw, key: str) -> Decimal:
    """An amount that is not negative: directions are told in words. Raises ExchangeFailureError."""
    amount = signed_of(row, key)
    if amount < 0:
        raise distrusted(f"negative_{key}")
    return amount


def signed_of(row: Raw, key: str) -> Decimal:
    """An amount of either sign. Raises ExchangeFailureError."""
    try:
        return money.parse_amount(row.get(key))
    except AmountError:
        raise distrusted(f"no_{key}") from None


def at_of(row: Raw, key: str) -> int:
    """A time: milliseconds since 1970, or `2021-04-15 12:09:16` in UTC, as UTC microseconds. Raises ExchangeFailureError."""
    value = row.get(key)
    if isinstance(value, str) and not value.isdigit():
        try:
            date = datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            raise distrusted(f"no_{key}") from None
        return int(date.timestamp()) * 1_000_000
    milliseconds = whole_of(row, key)
    if not 0 < milliseconds < _MS_MAX:
        raise distrusted(f"no_{key}")
    return milliseconds * 1000
