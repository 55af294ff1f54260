"""Fixtures of the command line's tests."""

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from tests.unit.cli.cli_fakes import Cli, write_config


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Runs a command; what it does to the process's logs is undone."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    hooks = threading.excepthook, sys.unraisablehook
    yield Cli(capsys)
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    threading.excepthook, sys.unraisablehook = hooks
    logger.remove()
    logger.configure(patcher=lambda record: None)
    logger.disable("reconcile_actors")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with the accounts main and second."""
    return write_config(tmp_path)
