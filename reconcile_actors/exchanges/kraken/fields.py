"""Reading lists out of Kraken's answers with the same distrust as balances: a surprise is a failure, never a shorter list."""

from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.errors import AmountError
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass

_SECONDS_MAX: Final = 10**11  # the year 5138: more is another unit of time


def distrusted(code: str) -> ExchangeFailureError:
    """The failure of an answer that is not what it should be; `code` is a constant word."""
    return ExchangeFailureError(FailureClass.BAD_DATA, code)


def result_of(content: object) -> dict[str, object]:
    """`result` of an answer whose `error` is an empty list. Raises ExchangeFailureError."""
    if isinstance(content, dict) and content.get("error") == []:
        result = content.get("result")
        if isinstance(result, dict):
            return result
    raise distrusted("no_result")


def table_of(result: dict[str, object], key: str) -> dict[str, dict[str, object]]:
    """An object of objects by id. Raises ExchangeFailureError."""
    table = result.get(key)
    if not isinstance(table, dict) or not all(isinstance(entry, dict) for entry in table.values()):
        raise distrusted(f"no_{key}")
    return table


def text_of(entry: dict[str, object], key: str) -> str:
    """A text field. Raises ExchangeFailureError."""
    value = entry.get(key)
    if not isinstance(value, str):
        raise distrusted(f"no_{key}")
    return value


def microseconds_of(value: object) -> int:
    """A Unix time in seconds with a fraction, as text or a whole number, in whole microseconds: cut, and never through a float."""
    try:
        seconds = money.parse_amount(value)
    except AmountError:
        raise distrusted("no_time") from None
    if not 0 < seconds < _SECONDS_MAX:
        raise distrusted("no_time")
    return int(seconds.scaleb(6, money.EXACT))
