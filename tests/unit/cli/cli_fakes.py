"""Runs commands in this process, and puts a fake system where they open the real one."""

import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconcile_actors.cli import deciding, importing, offline, once, orders, recording, run
from reconcile_actors.cli.main import main
from reconcile_actors.config import Settings
from tests.unit.console.console_fakes import CONFIG, FakeSystem

FILL = (
    '{"type":"RecordFill","exchange":"main","id":"%s","symbol":"BTC/USD","side":"buy","quantity":"0.5","price":"60000"}'
)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document: anything else on it fails here."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class Cli:
    """`cli("status", "-c", config)`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ended:
        before = signal.getsignal(signal.SIGTERM)
        try:
            with pytest.raises(SystemExit) as ended:
                main([str(one) for one in arguments])
        finally:
            signal.signal(signal.SIGTERM, before)
        captured = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)


def write_config(directory: Path, extra: str = "") -> Path:
    """A configuration with two accounts, whose files stand beside it."""
    path = directory / "config.toml"
    path.write_text(CONFIG + extra)
    return path


class Opened:
    """Where commands open the system: what they asked for, and the fake that they got."""

    def __init__(self, system: FakeSystem) -> None:
        self.system = system
        self.options: list[dict[str, object]] = []

    def __call__(self, settings: Settings, **options: object) -> FakeSystem:
        self.options.append(options)
        self.system.settings = settings
        return self.system


def put_fake_system(monkeypatch: pytest.MonkeyPatch, system: FakeSystem) -> Opened:
    """Every command opens this system from now on."""
    opened = Opened(system)
    for module in (deciding, importing, offline, once, orders, recording, run):
        monkeypatch.setattr(module, "open_system", opened)
    return opened


@contextmanager
def piped(data: bytes) -> Iterator[int]:
    """A file descriptor that gives these bytes and then ends."""
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as target:
            target.write(data)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)
        thread.join(10)


def names(rows: Sequence[Any]) -> list[str]:
    """The `status` of each."""
    return [row["status"] for row in rows]
