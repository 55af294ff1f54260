"""Reading the indexer's answers with distrust: a surprise is a failure, never a shorter list or a zero."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

USDC: Final = "USDC"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICKER: Final = re.compile(r"([A-Za-z0-9$._]{1,32})-USD", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
# As ccxt names currencies on every exchange.
_RENAMED: Final = {"XBT": "BTC", "BCC": "BCH", "BCHSV": "BSV"}


def distrusted(code: str) -> ExchangeFailureError:
    """The failure of an answer that is not what it should be; `code` is a constant word."""
    return ExchangeFailureError(FailureClass.BAD_DATA, code)


def symbol_of(ticker: object) -> str | None:
    """The unified symbol of a perpetual market, `BTC/USDC:USDC` of `BTC-USD`; None for what cannot be one."""
    match = _TICKER.fullmatch(ticker) if isinstance(ticker, str) else None
    if match is None:
        return None
    base = match[1].upper()
    return f"{_RENAMED.get(base, base)}/{USDC}:{USDC}"


def text_of(row: dict[str, object], key: str) -> str:
    """A text field. Raises ExchangeFailureError."""
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise distrusted(f"no_{key}")
    return value


def amount_of(row: dict[str, object], key: str) -> Decimal:
    """An amount. Raises ExchangeFailureError."""
    try:
        return money.parse_amount(row.get(key))
    except AmountError:
        raise distrusted(f"bad_{key}") from None


def instant_of(row: dict[str, object], key: str = "createdAt") -> int:
    """A time in ISO 8601, UTC, as microseconds. Raises ExchangeFailureError."""
    text = row.get(key)
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise distrusted(f"no_{key}")
    try:
        passed = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        raise distrusted(f"no_{key}") from None
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def iso(at: int) -> str:
    """UTC microseconds as the indexer writes a time, cut to milliseconds."""
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at // 1000 % 1000:03d}Z"


def rows_of(content: object, key: str) -> list[dict[str, object]]:
    """A list of objects. Raises ExchangeFailureError."""
    rows = content.get(key) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise distrusted(f"no_{key}")
    return rows
