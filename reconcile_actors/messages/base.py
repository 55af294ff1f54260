"""What every message shares: frozen, no unknown field, money as Decimal text, times as UTC."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from reconcile_actors.domain.money import parse_amount

_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", re.ASCII)


def _amount(value: object) -> Decimal:
    if isinstance(value, float):
        raise ValueError("write amounts as strings: a float has already lost digits")  # noqa: TRY004 - pydantic reports ValueError only
    return parse_amount(value)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("the time needs a zone: write it in UTC, as in 2026-01-31T12:00:00Z")
    return value.astimezone(UTC)


def _time_text(value: object) -> object:
    # pydantic would take numbers, and text that holds one, for seconds or milliseconds since 1970, by their size.
    if isinstance(value, datetime) or (isinstance(value, str) and _TIME.match(value)):
        return value
    raise ValueError("write the time as text, in UTC, as in 2026-01-31T12:00:00Z")


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be greater than zero")
    return value


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise ValueError("must not be negative")
    return value


Amount = Annotated[Decimal, BeforeValidator(_amount)]
PositiveAmount = Annotated[Amount, AfterValidator(_positive)]
UnsignedAmount = Annotated[Amount, AfterValidator(_not_negative)]
Utc = Annotated[datetime, BeforeValidator(_time_text), AfterValidator(_utc)]
# A name travels into file names, logs and ids: one word, no control characters.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9$][A-Za-z0-9._$-]{0,31}$")]
Symbol = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9$._-]{1,32}/[A-Za-z0-9$._-]{1,32}(:[A-Za-z0-9$._-]{1,48})?$")
]
ExchangeId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]


class Part(BaseModel):
    """A value inside a message. Shared between threads, so frozen; its JSON form bears no `type`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Message(Part):
    """Base of all messages."""

    @property
    def type(self) -> str:
        """The name that stands as `type` in the JSON form."""
        return self.__class__.__name__


class ExchangeMessage(Message):
    """A message about one account; `exchange` is the account's name in the configuration."""

    exchange: Name


class Record(ExchangeMessage):
    """What a trading process reports. `wallet` defaults to the account's first."""

    wallet: Name | None = None


class Event(Message):
    """What the system says."""

    at: Utc
    correlation_id: str | None = None
