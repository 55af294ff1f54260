"""The command line as a person or a script starts it: processes, a configuration, and a simulated exchange."""

import http.client
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from reconcile_actors.console.address import connect
from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.born_programs import Program, nursery

PATIENCE_SECONDS = 60  # for whatever must happen at all; no test asserts on time


class Ended(NamedTuple):
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one document."""
        return json.loads(self.out)


def write_config(directory: Path, kraken: SimulatedKraken, extra: str = "") -> Path:
    """A configuration of one account, `main`, at the simulated exchange, with keys in files of mode 0600."""
    for name, text in (("key", kraken.keys.api_key), ("secret", kraken.keys.secret)):
        file = directory / name
        file.touch(mode=0o600)
        file.write_text(text)
    config = directory / "config.toml"
    config.write_text(
        f"""
[exchanges.main]
id = "kraken"
base_url = "{kraken.base_url}"
api_key_file = "key"
secret_file = "secret"
{extra}
[store]
path = "store.db"

[audit]
key_file = "audit.key"
trusted_head_file = "head"
"""
    )
    return config


def command(*arguments: object) -> list[str]:
    """The command line of a command."""
    return [sys.executable, "-m", "reconcile_actors", *(str(one) for one in arguments)]


def run(*arguments: object, given: str | None = None, **environ: str) -> Ended:
    """A command run to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _stdin(given) as stdin:
            program = nursery().start(
                [str(one) for one in arguments], {**os.environ, **environ}, stdin, out.fileno(), err.fileno()
            )
        try:
            code = program.wait(PATIENCE_SECONDS)
        finally:
            program.kill()
        return Ended(code, _text(out), _text(err))


@contextmanager
def _stdin(given: str | None) -> Iterator[int]:
    with tempfile.TemporaryFile() as file:
        file.write((given or "").encode())
        file.seek(0)
        yield file.fileno()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@contextmanager
def daemon(config: Path, *options: str) -> Iterator[Program]:
    """`run`, from the moment that it says so; killed at the end, if it lives."""
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as stderr, open(os.devnull, "r+b") as nothing:
        program = nursery().start(
            ["run", "-c", str(config), *options], dict(os.environ), nothing.fileno(), nothing.fileno(), writing
        )
        os.close(writing)
        try:
            for line in stderr:
                if ": running" in line:
                    break
            else:
                raise AssertionError("the daemon ended before it ran")
            yield program
        finally:
            program.kill()
            program.wait(PATIENCE_SECONDS)


class _Stream(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = connect(self._path, timeout_seconds=PATIENCE_SECONDS)


@contextmanager
def events(socket: Path, *types: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Events of a daemon as they come; entered, the subscription stands."""
    connection = _Stream(socket)
    try:
        connection.request("GET", f"/api/v1/events?types={','.join(types)}")
        response = connection.getresponse()
        assert response.readline() == b": listening\n"
        yield (json.loads(line[6:]) for line in response if line.startswith(b"data: "))
    finally:
        connection.close()
