"""How every command starts and ends."""

import subprocess
import sys

import click
import pytest

from reconcile_actors import __version__, errors
from reconcile_actors.cli import main as main_module
from reconcile_actors.cli.interrupts import Terminated
from tests.unit.cli.cli_fakes import Cli

HEAVY = ("ccxt", "aiohttp", "starlette", "uvicorn", "pykka", "pydantic", "aiosqlite", "cryptography")


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    """The first thing a person types is quick: help needs no library but click."""
    code = (
        "import sys; from reconcile_actors.cli.main import main\n"
        "try: main(['--help'])\n"
        f"finally: print([one for one in {HEAVY!r} if one in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0
    assert ended.stderr.strip() == "[]"
    for name, entry in main_module.COMMANDS.items():
        assert name in ended.stdout
        assert entry.help.split()[0] in ended.stdout


@pytest.mark.parametrize("name", main_module.COMMANDS)
def test_every_command_explains_itself(cli: Cli, name: str) -> None:
    """`COMMAND --help` works for each entry of the table, so that none of them is a stub."""
    ended = cli(name, "--help")
    assert ended.code == 0
    assert "Usage: reconcile-actors" in ended.out


def test_version(cli: Cli) -> None:
    """The version is the package's."""
    assert cli("--version") == (0, f"reconcile-actors {__version__}\n", "")


def test_wrong_usage_is_2(cli: Cli) -> None:
    """A command that does not exist, an option that is missing."""
    assert cli("approve").code == 2
    ended = cli("status")
    assert ended.code == 2
    assert "--config" in ended.err


def _failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(main_module.cli, "invoke", fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.ConfigError("x"), 10),
        (errors.AlreadyRunningError("x"), 11),
        (errors.CredentialsError("x"), 12),
        (errors.StoreError("x"), 13),
        (errors.NoDaemonError("x"), 14),
        (click.FileError("x"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (Terminated(), 143),
        (ValueError("balance 12345.678"), 70),
        (ExceptionGroup("g", [ValueError("balance 12345.678")]), 70),
        (GeneratorExit(), 70),
    ],
)
def test_each_way_to_end_has_its_code(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    """The table of exit codes; an uncaught exception is 70 and never 1, and its text stays inside."""
    _failing(monkeypatch, error)
    ended = cli("status")
    assert ended.code == code
    assert ended.out == ""
    assert "12345" not in ended.err
    assert len(ended.err.splitlines()) <= 1


def test_debug_shows_where_and_no_value(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--debug` names the place of an internal error without the exception's text."""
    _failing(monkeypatch, ValueError("balance 12345.678"))
    ended = cli("--debug", "status")
    assert ended.code == 70
    assert "raise error" in ended.err
    assert "12345" not in ended.err


def test_a_command_may_end_the_process_itself(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """SystemExit passes as it is."""
    _failing(monkeypatch, SystemExit(7))
    assert cli("status").code == 7


def test_a_reader_that_goes_is_no_error() -> None:
    """`... | head` ends as it would by the signal, without a traceback."""
    code = "import sys; from reconcile_actors.cli.main import main; main(['config', 'schema'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors_text = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert errors_text == b""


def test_the_module_runs_as_a_program() -> None:
    """`python -m reconcile_actors` is the command."""
    ended = subprocess.run(
        [sys.executable, "-m", "reconcile_actors", "--version"], capture_output=True, text=True, check=False
    )
    assert ended.stdout == f"reconcile-actors {__version__}\n"
