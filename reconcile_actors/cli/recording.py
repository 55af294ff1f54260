"""`portfolio record`: JSON lines in, one answer each out, in order, once it is durable.

Lines that have arrived together travel together, so that they share a commit; a line that comes alone is not kept waiting.
"""

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Final

from reconcile_actors.cli import output
from reconcile_actors.cli.client import DaemonClient, find_daemon
from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.opening import open_system
from reconcile_actors.config import Settings
from reconcile_actors.console import intake
from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.console.views import Document
from reconcile_actors.messages import ExchangeMessage
from reconcile_actors.messages.wire import MessageError, to_json

Sender = Callable[[Sequence[ExchangeMessage]], Awaitable[list[Document]]]

_ANSWER_SECONDS: Final = 30.0
_BATCH_BYTES_MAX: Final = intake.BODY_BYTES_MAX // 2
_READ_BYTES: Final = 1 << 16
_KEPT_BYTES_MAX: Final = intake.LINE_BYTES_MAX + 1
_LINES_AHEAD_MAX: Final = 4 * intake.IN_FLIGHT_MAX


async def record_lines(settings: Settings, descriptor: int) -> ExitCode:
    """Record every line that a file descriptor gives, through the daemon, or where none runs into the store."""
    daemon = find_daemon(settings.socket_path)
    if daemon:
        return await _record(descriptor, daemon_sender(daemon))
    async with open_system(settings, standalone=True, contact_exchanges=False) as system:
        return await _record(descriptor, system_sender(system))


def daemon_sender(daemon: DaemonClient) -> Sender:
    """Records through a daemon. A record whose answer is lost raises NoDaemonError: send it again, it counts once."""

    async def send(records: Sequence[ExchangeMessage]) -> list[Document]:
        lines = [json.dumps(_wire_form(record)).encode() for record in records]
        answers: list[Document] = []
        for part in _parts(lines):
            answers += await asyncio.to_thread(daemon.post, part, timeout_seconds=_ANSWER_SECONDS)
        return answers

    return send


def system_sender(system: ConsoleSystem) -> Sender:
    """Records into a system of this process."""

    async def send(records: Sequence[ExchangeMessage]) -> list[Document]:
        return await intake.answer_records(system, records)

    return send


async def _record(descriptor: int, send: Sender) -> ExitCode:
    number, refusals = 0, set[str]()
    async for lines in _batches(descriptor):
        parsed = [_parsed(line) for line in lines]
        answers = iter(await send([one for one in parsed if isinstance(one, ExchangeMessage)]))
        for one in parsed:
            number += 1
            answer = {"status": "refused", "reason": one} if isinstance(one, str) else next(answers)
            if answer["status"] == "refused":
                refusals.add(str(answer["reason"]))
            output.print_line({"line": number, "status": answer["status"], "reason": answer["reason"]})
    if any(reason.startswith("store_") for reason in refusals):
        return ExitCode.STORE  # nothing is wrong with such a line: it may be sent again
    return ExitCode.USAGE if refusals else ExitCode.BALANCED


def _parsed(line: bytes) -> ExchangeMessage | str:
    try:
        return intake.parse_record(line)
    except MessageError as error:
        return str(error)


def _wire_form(record: ExchangeMessage) -> Document:
    document = to_json(record)
    assert isinstance(document, dict)
    return document


def _parts(lines: Sequence[bytes]) -> list[list[bytes]]:
    parts: list[list[bytes]] = []
    size = _BATCH_BYTES_MAX
    for line in lines:
        if size + len(line) >= _BATCH_BYTES_MAX:
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += len(line) + 1
    return parts


async def _batches(descriptor: int) -> AsyncIterator[list[bytes]]:
    """Lines as they arrive: all that are there already, at most IN_FLIGHT_MAX at a time."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
    room = threading.Semaphore(_LINES_AHEAD_MAX)

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # a signal closed the loop while a line was awaited
            for line in split_lines(lambda: os.read(descriptor, _READ_BYTES)):
                room.acquire()
                loop.call_soon_threadsafe(arrived.put_nowait, line)
            loop.call_soon_threadsafe(arrived.put_nowait, None)

    # A daemon thread: a read from a silent terminal cannot be cancelled, and must not hold up the end. It reads the
    # descriptor itself, because an interpreter that ends while a thread holds the lock of sys.stdin aborts.
    threading.Thread(target=read, name="lines", daemon=True).start()
    ended = False
    while not ended:
        batch = [await arrived.get()]
        while len(batch) < intake.IN_FLIGHT_MAX and not arrived.empty():
            batch.append(arrived.get_nowait())
        lines = [line for line in batch if line is not None]
        ended = len(lines) < len(batch)
        room.release(len(lines) or 1)
        if lines:
            yield lines


def split_lines(read: Callable[[], bytes]) -> Iterator[bytes]:
    """Lines without their ends, from pieces of any size. A line past the bound is cut, yet stays too long to be taken."""
    held = b""
    while piece := read():
        *ended, rest = piece.split(b"\n")
        for part in ended:
            yield (held + part)[:_KEPT_BYTES_MAX].removesuffix(b"\r")
            held = b""
        held = (held + rest)[:_KEPT_BYTES_MAX]
    if held:
        yield held
