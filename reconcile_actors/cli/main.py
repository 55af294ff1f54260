"""The command `reconcile-actors`: its commands, and how every one of them ends.

Nothing heavy is imported here: `--help` answers within 0.3 s.
"""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

import click

from reconcile_actors import __version__
from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.interrupts import Terminated
from reconcile_actors.cli.lazy import Entry, LazyGroup
from reconcile_actors.errors import ReconcileError

COMMANDS: Final = {
    "demo": Entry("demo", "demo", "See what goes wrong on four simulated exchanges, found, repaired or held."),
    "init": Entry("init", "init", "Write a commented configuration."),
    "run": Entry("run", "run", "The daemon: watch every account until a signal ends it."),
    "once": Entry("once", "once", "One full pass of every account; the exit code tells the result."),
    "status": Entry("status", "status", "How every account is doing."),
    "portfolio": Entry("portfolio", "portfolio", "The local book: show it, record into it, import an opening."),
    "discrepancies": Entry("discrepancies", "discrepancies", "What differs, and what is to be done about it."),
    "exchanges": Entry("exchanges", "exchanges", "Accounts: list, pause, resume."),
    "halt": Entry("halt", "halt", "Trading halts: list, release."),
    "alerts": Entry("alerts", "alerts", "Alerts: send a test through every sink."),
    "audit": Entry("audit", "audit", "The tamper-evident log: verify it, show its entries."),
    "config": Entry("config", "config", "The configuration: check, show with origins, JSON schema."),
}
_WIDTH: Final = {"max_content_width": 100, "help_option_names": ["-h", "--help"]}


_SIGNALLED: Final = (
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (click.Abort, ExitCode.INTERRUPTED),
    (Terminated, ExitCode.TERMINATED),
)


@click.group(cls=LazyGroup, entries=COMMANDS, context_settings=_WIDTH)
@click.version_option(__version__, prog_name="reconcile-actors", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Where an internal error happened: code locations, never values.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="What goes to stderr; default: info for run, else warning.",
)
@click.option("--log-json", is_flag=True, help="Log lines as JSON objects.")
def cli(**_: object) -> None:
    """Find, explain and prove differences between what a bot believes it owns and what the exchange says."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code. Every way to end is named here."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _terminate)
    code = _guarded(given)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _reader_gone()
    sys.exit(code)


def _guarded(arguments: list[str]) -> int:
    try:
        return _run(list(arguments))  # click consumes the list that it is given
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the last line of defence: an uncaught exception ends as 70, never as 1
        return _ended(error, debug="--debug" in arguments)


def _ended(error: BaseException, *, debug: bool) -> int:
    """The exit code of an exception, and its one line on stderr."""
    for kind, code in _SIGNALLED:
        if isinstance(error, kind):
            return code
    if isinstance(error, BrokenPipeError):
        return _reader_gone()
    if isinstance(error, click.ClickException):
        error.show()
        return ExitCode.USAGE
    if isinstance(error, ReconcileError):
        _say(str(error))
        return error.exit_code
    _say(f"internal error: {type(error).__name__}; `reconcile-actors --debug ...` shows where")
    if debug:
        # Frames alone: an exception's text or a local value may hold an amount or a secret (I7).
        _say("".join(traceback.format_tb(error.__traceback__)))
    return ExitCode.INTERNAL


def _run(arguments: list[str]) -> int:
    # click strips colours where stdout is no terminal; NO_COLOR is for those where it is one
    color = False if os.environ.get("NO_COLOR") else None
    # Not `cli.main`: it ends with 1 where the reader of the output has gone, and 1 means a discrepancy.
    try:
        with cli.make_context("reconcile-actors", arguments, color=color) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return code if isinstance(code, int) else ExitCode.BALANCED


def _say(text: str) -> None:
    click.echo(text, err=True)


def _reader_gone() -> int:
    # What reads our output has gone (`... | head`): end as the signal SIGPIPE would, and let the exit's flush find no pipe.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
