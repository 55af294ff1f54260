"""The runner's log: constant messages, bound fields, and nothing that could hold an amount or a secret."""

import io
import json
import logging
import threading
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path

import pytest
from loguru import logger

from reconcile_actors.logs import configure_logging
from tests.unit.cli.cli_fakes import Cli


class Color(Enum):
    RED = "red"


@pytest.fixture
def log(cli: Cli) -> io.StringIO:
    """A stream that the log goes to; the fixture `cli` undoes what is configured."""
    return io.StringIO()


def test_amounts_and_texts_of_exceptions_are_dropped(log: io.StringIO) -> None:
    """A Decimal, a container that may hold one, and an exception's text never reach the log (I7)."""
    configure_logging("debug", stream=log)
    try:
        Decimal("balance 12345.678")
    except InvalidOperation:
        logger.bind(amount=Decimal("12345.678"), row={"total": Decimal("12345.678")}, pair=("12345.678",)).exception(
            "failed"
        )
    text = log.getvalue()
    assert "12345" not in text
    assert 'row="dict"' in text
    assert 'error="InvalidOperation"' in text
    assert len(text.splitlines()) == 1


def test_fields_are_plain_values(log: io.StringIO) -> None:
    """Text, numbers, paths, enums and types are shown; a value cannot forge a line of its own."""
    configure_logging("debug", stream=log)
    logger.bind(a="x\ny", b=1, c=Path("/p"), d=Color.RED, e=ValueError, f=None, g="z" * 999).info("told")
    (line,) = log.getvalue().splitlines()
    assert r'a="x\ny" b=1 c="/p" d="red" e="ValueError" g="zzz' in line
    assert "f=" not in line
    assert len(line) < 500


def test_json_lines(log: io.StringIO) -> None:
    """With json each line is an object."""
    configure_logging("info", json=True, stream=log)
    logger.bind(account="main").info("told {not a field}")
    logger.debug("not told")
    (line,) = log.getvalue().splitlines()
    record = json.loads(line)
    assert record["message"] == "told {not a field}"
    assert record["field.account"] == "main"
    assert record["level"] == "info"


def test_other_libraries_are_named_and_not_quoted(log: io.StringIO) -> None:
    """What another library wrote may hold a URL or a key: only its name and level come through."""
    configure_logging("debug", stream=log)
    logging.getLogger("elsewhere").warning("key=S3CRET")
    logging.getLogger("elsewhere").log(35, "S3CRET")
    try:
        int("S3CRET")
    except ValueError:
        logging.getLogger("elsewhere").exception("S3CRET")
    text = log.getvalue()
    assert "S3CRET" not in text
    assert text.count('library="elsewhere"') == 3
    assert 'error="ValueError"' in text


def test_exceptions_of_threads_are_named_by_type(log: io.StringIO) -> None:
    """A thread that dies does not print its exception's text."""
    configure_logging("debug", stream=log)

    def fail() -> None:
        raise ValueError("S3CRET")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    assert 'error="ValueError" thread="worker"' in log.getvalue()
    assert "S3CRET" not in log.getvalue()


def test_exceptions_that_nobody_can_raise_are_named_by_type(log: io.StringIO) -> None:
    """Nor does one in a finalizer."""
    configure_logging("debug", stream=log)

    class Bad:
        def __del__(self) -> None:
            raise ValueError("S3CRET")

    Bad()
    assert 'error="ValueError"' in log.getvalue()
    assert "S3CRET" not in log.getvalue()
