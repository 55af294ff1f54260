"""Logs of the runner: one sink on stderr, constant messages with bound fields, and nothing that could hold an amount (I7).

The package itself is silent from its import on (a library must not speak unasked) until `configure_logging` is called.
"""

import json
import logging
import sys
import threading
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from reconcile_actors.logger import logger

if TYPE_CHECKING:
    from loguru import Message, Record

PACKAGE: Final = "reconcile_actors"
_VALUE_CHARACTERS_MAX: Final = 300


def configure_logging(level: str = "info", *, json: bool = False, stream: TextIO | None = None) -> None:
    """Send the package's log to `stream` (default stderr) from `level` on, as text or JSON lines.

    For programs that own their process: it replaces every loguru handler, takes the standard library's log over and
    names uncaught exceptions of threads by type alone. Exception texts and values that are Decimal are dropped.
    """
    target = stream if stream is not None else sys.stderr
    render = _as_json if json else _as_text

    def sink(message: "Message") -> None:
        target.write(render(message.record) + "\n")
        target.flush()

    logger.remove()
    logger.configure(patcher=_clean)
    logger.add(sink, level=level.upper(), format="{message}", backtrace=False, diagnose=False)
    logger.enable(PACKAGE)
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)
    threading.excepthook = _thread_died
    sys.unraisablehook = _unraisable


def _clean(record: "Record") -> None:
    failure = record["exception"]
    fields = {key: _harmless(value) for key, value in record["extra"].items() if not isinstance(value, Decimal)}
    if failure is not None and failure.type is not None:
        fields["error"] = failure.type.__name__
        record["exception"] = None
    record["extra"].clear()
    record["extra"].update({key: value for key, value in fields.items() if value is not None})


def _harmless(value: object) -> str | int | float | None:
    """A bound value as it may stand in a log: containers and objects may hold amounts, so only their type is named."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str | Path):
        return str(value)[:_VALUE_CHARACTERS_MAX]
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _as_text(record: "Record") -> str:
    time = record["time"].strftime("%Y-%m-%dT%H:%M:%S.%f%z")
    # json.dumps quotes control characters: a value cannot forge a line of its own
    fields = "".join(f" {key}={json.dumps(value)}" for key, value in record["extra"].items())
    return f"{time} {record['level'].name:<7} {record['name']}: {record['message']}{fields}"


def _as_json(record: "Record") -> str:
    return json.dumps(
        {
            "time": record["time"].isoformat(),
            "level": record["level"].name.lower(),
            "logger": record["name"],
            "message": record["message"],
            **{f"field.{key}": value for key, value in record["extra"].items()},
        }
    )


class _Bridge(logging.Handler):
    """Other libraries' warnings, by library and level alone: what they wrote may hold a URL, a key or an amount."""

    def emit(self, record: logging.LogRecord) -> None:
        failure = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        level = record.levelname if record.levelname in {"WARNING", "ERROR", "CRITICAL"} else "WARNING"
        logger.bind(library=record.name, error=failure).log(level, "a library reported something")


def _thread_died(arguments: threading.ExceptHookArgs) -> None:
    thread = arguments.thread.name if arguments.thread else None
    logger.bind(error=arguments.exc_type, thread=thread).error("a thread ended with an exception")


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    logger.bind(error=unraisable.exc_type).error("an exception could not be raised")
