"""`POST /api/v1/messages`: a body of messages, and one answer for each line once it is durable (I8).

Lines are taken in order. Records in a row travel together, so that they share a commit; a command waits until the
records before it are durable.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Final

from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.console.views import Document
from reconcile_actors.errors import ReconcileError, UsageError
from reconcile_actors.messages import (
    ExchangeMessage,
    Message,
    ReconcileAll,
    ReconcileNow,
    Recorded,
)
from reconcile_actors.messages.records import RECORDS
from reconcile_actors.messages.wire import MessageError, parse_message, to_json

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
LINE_BYTES_MAX: Final = 1024 * 1024
LINES_MAX: Final = 10_000
IN_FLIGHT_MAX: Final = 256  # below a mailbox's bound: a batch must not fill it for others
QUERY_SECONDS: Final = 5.0
_MARGIN_SECONDS: Final = 2.0


def split_lines(body: bytes) -> list[bytes]:
    """The messages of a body: one JSON object however it is laid out, or one a line. Raises UsageError past the bounds."""
    text = body.strip()
    if not text:
        raise UsageError("the body is empty: send one JSON object, or one a line")
    if b"\n" not in text or _is_one_value(text):
        return [text]
    lines = text.split(b"\n")
    if len(lines) > LINES_MAX:
        raise UsageError(f"more than {LINES_MAX} lines: send them in parts")
    return lines


def parse_record(line: bytes) -> ExchangeMessage:
    """A line that must be a record. Raises MessageError."""
    message = parse_line(line)
    if not isinstance(message, RECORDS):
        raise MessageError(f"{message.type} is no record; known: {', '.join(one.__name__ for one in RECORDS)}")
    return message


def parse_line(line: bytes) -> Message:
    """One line as a message. Raises MessageError."""
    if len(line) > LINE_BYTES_MAX:
        raise MessageError(f"the line is longer than {LINE_BYTES_MAX} bytes")
    if not line.strip():
        raise MessageError("the line is empty")
    return parse_message(line)


async def answer_lines(system: ConsoleSystem, lines: Sequence[bytes], *, actor: str | None) -> list[Document]:
    """An answer for each line, in order; every one holds by the time this returns.

    Raises TimeoutError where it cannot be known whether a record was taken: then no line is answered
    and the sender sends them all again, which is safe because the same record counts once.
    """
    parsed = [_parsed(line) for line in lines]
    answers: list[Document] = []
    for kind, group in groupby(parsed, key=_kind):
        members = list(group)
        for start in range(0, len(members), IN_FLIGHT_MAX):
            part = members[start : start + IN_FLIGHT_MAX]
            answers += await asyncio.gather(*(_ANSWERERS[kind](system, one, actor) for one in part))
    return [{"line": number, **answer} for number, answer in enumerate(answers, start=1)]


async def answer_records(system: ConsoleSystem, records: Sequence[ExchangeMessage]) -> list[Document]:
    """An answer for each record, in order and durable. Raises as `answer_lines` does."""
    answers: list[Document] = []
    for start in range(0, len(records), IN_FLIGHT_MAX):
        answers += await asyncio.gather(
            *(_answer_record(system, one, None) for one in records[start : start + IN_FLIGHT_MAX])
        )
    return answers


async def ask(system: ConsoleSystem, command: Message) -> object:
    """The reply to a command, with the time that such a command may take."""
    passes = system.settings.reconciliation.timeout_seconds
    long = isinstance(command, ReconcileNow | ReconcileAll)
    return await system.ask(command, timeout=passes + _MARGIN_SECONDS if long else QUERY_SECONDS)


_Parsed = Message | MessageError


def _parsed(line: bytes) -> _Parsed:
    try:
        return parse_line(line)
    except MessageError as error:
        return error


def _kind(one: _Parsed) -> str:
    if isinstance(one, MessageError):
        return "error"
    return "record" if isinstance(one, RECORDS) else "command"


async def _answer_error(_system: ConsoleSystem, one: _Parsed, _actor: str | None) -> Document:
    return _refused(str(one))


async def _answer_record(system: ConsoleSystem, one: _Parsed, _actor: str | None) -> Document:
    assert isinstance(one, ExchangeMessage)
    if one.exchange not in system.settings.exchanges:
        return _refused(_no_account(system))
    try:
        return _outcome(await system.record(one))
    except ReconcileError as error:  # the store said no: nothing was changed
        return _refused(str(error))


async def _answer_command(system: ConsoleSystem, one: _Parsed, actor: str | None) -> Document:
    assert isinstance(one, Message)
    named = getattr(one, "exchange", None)
    if named is not None and named not in system.settings.exchanges:
        return _refused(_no_account(system))
    command = one.model_copy(update={"actor": actor}) if "actor" in type(one).model_fields else one
    try:
        reply = await ask(system, command)
    except ReconcileError as error:
        return _refused(str(error))
    except TimeoutError as error:  # asked again, a command does no harm
        return _refused(f"unanswered: {type(error).__name__}")
    if isinstance(reply, Recorded):
        return _outcome(reply)
    return {"status": "answered", "reason": None, "reply": to_json(reply)}


_Answerer = Callable[[ConsoleSystem, _Parsed, str | None], Awaitable[Document]]
_ANSWERERS: Final[dict[str, _Answerer]] = {
    "error": _answer_error,
    "record": _answer_record,
    "command": _answer_command,
}


def _outcome(recorded: Recorded) -> Document:
    return {"status": recorded.status, "reason": recorded.reason}


def _refused(reason: str) -> Document:
    return {"status": "refused", "reason": reason}


def _no_account(system: ConsoleSystem) -> str:
    return f"exchange: no account of that name; known: {', '.join(system.settings.exchanges)}"


def _is_one_value(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
