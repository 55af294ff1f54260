"""The JSON form of messages and values: amounts as strings, times as ISO 8601 UTC with microseconds."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from reconcile_actors.domain.money import plain
from reconcile_actors.messages import commands, records
from reconcile_actors.messages.base import Message

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED: Final[Mapping[str, type[Message]]] = {
    **{one.__name__: one for one in records.RECORDS},
    **{
        one.__name__: one
        for one in (
            commands.ReconcileNow,
            commands.ReconcileAll,
            commands.PauseExchange,
            commands.ResumeExchange,
            commands.GetPortfolio,
            commands.GetStatus,
            commands.GetDiscrepancies,
            commands.GetHalts,
            commands.GetProposals,
            commands.ApproveResolution,
            commands.RejectResolution,
            commands.OverrideResolution,
            commands.IgnoreDiscrepancy,
            commands.AcknowledgeAdjustment,
            commands.AcknowledgeHalt,
            commands.ReleaseHalt,
        )
    },
}


class MessageError(ValueError):
    """A line that is no message: the text says what is wrong with it and echoes no value."""


def to_datetime(at_us: int) -> datetime:
    """UTC microseconds since 1970 as a datetime."""
    return _EPOCH + timedelta(microseconds=at_us)


def to_us(at: datetime) -> int:
    """A datetime as UTC microseconds since 1970, exactly."""
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def iso(at_us: int) -> str:
    """UTC microseconds as ISO 8601 with six decimals and a Z."""
    return to_datetime(at_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_json(value: object) -> Any:
    """Any value of the public surface as JSON-ready data. Integer fields called `timestamp`, `at` or `..._at` are UTC microseconds."""
    if isinstance(value, BaseModel):
        fields = {name: to_json(getattr(value, name)) for name in type(value).model_fields}
        return {"type": type(value).__name__, **fields} if isinstance(value, Message) else fields
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _field(one.name, getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(one) for key, one in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [to_json(one) for one in value]
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return iso(to_us(value))
    return value.value if isinstance(value, Enum) else value


def _field(name: str, value: object) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and (name in {"timestamp", "at"} or name.endswith("_at")):
        return iso(value)
    return to_json(value)


def parse_message(text: str | bytes) -> Message:
    """One JSON object with `type` as a message. Raises MessageError."""
    try:
        data = json.loads(
            text, parse_float=_refuse_float, parse_constant=_refuse_float, object_pairs_hook=_each_key_once
        )
    except MessageError:
        raise
    except (ValueError, RecursionError):
        raise MessageError("not valid JSON: write one JSON object a line") from None
    return message_of(data)


def message_of(data: object) -> Message:
    """A decoded JSON object as a message. Raises MessageError."""
    if not isinstance(data, dict):
        raise MessageError('not a JSON object: write {"type": ...}')
    fields = dict(data)
    kind = fields.pop("type", None)
    model = _NAMED.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise MessageError(f"unknown type; known: {', '.join(sorted(_NAMED))}")
    if "actor" in fields:
        raise MessageError("actor: who sends is not for the message to say; claimed_by holds a name as claimed")
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        # include_input=False: an amount or a key must not come back in an error (I7)
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise MessageError("; ".join(_one(each["loc"], each["msg"]) for each in found)) from None


def _one(location: tuple[int | str, ...], message: str) -> str:
    name = ".".join(str(part) for part in location)
    text = message.removeprefix("Value error, ")
    return f"{name}: {text}" if name else text


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MessageError("a key stands twice in one object: which of them is meant?")
    return fields


def _refuse_float(_: str) -> object:
    raise MessageError("write amounts as strings: a JSON number has a float's digits")
