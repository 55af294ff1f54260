"""Reading Coinbase's answers with distrust: a surprise is a failure with a constant word, never a shorter list or a zero."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def distrusted(code: str) -> ExchangeFailureError:
    """The failure of an answer that is not what it should be; `code` is a constant word."""
    return ExchangeFailureError(FailureClass.BAD_DATA, code)


def answer_of(content: object) -> dict[str, object]:
    """An answer that is an object. Raises ExchangeFailureError."""
    if not isinstance(content, dict):
        raise distrusted("answer_not_an_object")
    return content


def rows_of(answer: dict[str, object], key: str) -> list[dict[str, object]]:
    """A list of objects. Raises ExchangeFailureError."""
    rows = answer.get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise distrusted(f"no_{key}")
    return rows


def part_of(row: dict[str, object], key: str) -> dict[str, object]:
    """An object within an object. Raises ExchangeFailureError."""
    part = row.get(key)
    if not isinstance(part, dict):
        raise distrusted(f"no_{key}")
    return part


def text_of(row: dict[str, object], key: str) -> str:
    """A text. Raises ExchangeFailureError."""
    value = row.get(key)
    if not isinstance(value, str):
        raise distrusted(f"no_{key}")
    return value


def id_of(row: dict[str, object], key: str) -> str:
    """An id of the exchange. Raises ExchangeFailureError."""
    value = text_of(row, key)
    if not _ID.fullmatch(value):
        raise distrusted(f"no_{key}")
    return value


def amount_of(row: dict[str, object], key: str) -> Decimal:
    """An amount. Raises ExchangeFailureError."""
    try:
        return money.parse_amount(row.get(key))
    except AmountError:
        raise distrusted(f"no_{key}") from None


def instant_of(row: dict[str, object], key: str) -> int:
    """A time (RFC 3339, up to nanoseconds) as UTC us: cut, and never through a float. Raises ExchangeFailureError."""
    parts = _INSTANT.fullmatch(text_of(row, key))
    try:
        whole = datetime.fromisoformat(parts[1] + parts[3]) if parts else None
    except ValueError:
        whole = None
    if parts is None or whole is None:
        raise distrusted(f"no_{key}")
    passed = whole - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + int((parts[2] or "").ljust(6, "0")[:6])


def timestamp(at: int) -> str:
    """UTC us as the exchange wants it."""
    seconds, micro = divmod(at, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, _EPOCH.tzinfo):%Y-%m-%dT%H:%M:%S}.{micro:06d}Z"
