"""`demo`: what goes wrong on four exchanges, seen, repaired or held, with no key and no network."""

import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from reconcile_actors.audit.verdict import VerifyResult
from reconcile_actors.cli import output
from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.opening import start_logging
from reconcile_actors.cli.options import json_option
from reconcile_actors.cli.play.script import US
from reconcile_actors.cli.play.sightings import ALL, Line, Mood
from reconcile_actors.cli.play.stage import Outcome, make_settings, play
from reconcile_actors.cli.running import run_async
from reconcile_actors.cli.verification import trust_from, verify
from reconcile_actors.console.views import Document, schema
from reconcile_actors.messages.wire import to_json

_SECONDS: Final = 10.0  # that the market trades at least
_COLORS: Final = {Mood.PLAIN: None, Mood.TROUBLE: "red", Mood.FOUND: "yellow", Mood.GOOD: "green"}
_ACCOUNT_WIDTH: Final = 13


@click.command()
@click.option("--ci", is_flag=True, help="All at once, for unattended runs.")
@click.option("--seconds", type=click.FloatRange(min=5, max=600), help="How long at least; default 10.")
@json_option
def demo(*, ci: bool, seconds: float | None, as_json: bool) -> int:
    """See what goes wrong on four exchanges: a missed fill, a theft, rounding, garbage, an outage, a crash.

    Simulated exchanges on loopback, a market, and trading processes that report as real ones do; the service is armed to
    repair. Needs no key and no network, ends by itself, and verifies its own audit log. Exit code 0 where each of these was
    seen, and nothing else; otherwise 1.
    """
    start_logging("critical")  # what its alerts and crashes say, the play tells itself
    say = _say_to_terminal if as_json else _say
    with tempfile.TemporaryDirectory(prefix="reconcile-demo-") as directory:
        length = seconds if seconds is not None else _SECONDS
        outcome = run_async(lambda: play(Path(directory), length, say, paced=not ci and sys.stdout.isatty()))
        log = verify(trust_from(make_settings(Path(directory)), db=None, trusted_head=None, vkey=None))
    if as_json:
        output.print_json(_document(outcome, log))
    else:
        _print(outcome, log)
    return ExitCode.BALANCED if outcome.as_wished and log.exit_code == 0 else ExitCode.DISCREPANT


def _document(outcome: Outcome, log: VerifyResult) -> Document:
    seen = outcome.sightings.seen
    return {
        "schema": schema("demo"),
        "as_wished": outcome.as_wished and log.exit_code == 0,
        "observations": {one.value: {"seen": one in seen, "seconds": _rounded(seen.get(one))} for one in ALL},
        "accounts": [
            {
                "exchange": name,
                "passes": one.passes,
                "matched": one.matched,
                "unknown": one.unknown,
                "discrepancies": sorted(one.discrepancies),
                "detection_seconds": None if one.latency_us is None else one.latency_us / US,
            }
            for name, one in outcome.accounts.items()
        ],
        "false_alarms": [to_json(one) for one in outcome.false_alarms],
        "reported_messages": outcome.reported,
        "refused_messages": outcome.refused,
        "audit": {"verdict": log.verdict.name.lower(), "size": log.size, "unanchored_tail": log.unanchored_tail},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _text(line: Line) -> str:
    account = click.style(line.account.ljust(_ACCOUNT_WIDTH), bold=True)
    return f"[{line.seconds:5.1f} s] {account} {click.style(line.text, fg=_COLORS[line.mood])}"


def _say(line: Line) -> None:
    click.echo(_text(line))


def _say_to_terminal(line: Line) -> None:
    output.progress(_text(line))


def _print(outcome: Outcome, log: VerifyResult) -> None:
    click.echo()
    rows = [
        (
            name,
            one.passes,
            one.matched,
            one.unknown,
            len(one.discrepancies),
            None if one.latency_us is None else f"{one.latency_us / US:.1f} s",
        )
        for name, one in outcome.accounts.items()
    ]
    header = ("exchange", "passes", "matched", "unknown", "discrepancies", "detected after")
    output.print_table(header, rows, empty="no account was compared")
    for one in outcome.sightings.missing:
        click.echo(f"not seen: {click.style(one.value, fg='red')}")
    click.echo(f"\nfalse alarms: {len(outcome.false_alarms)}; reports refused: {outcome.refused}")
    click.echo(f"audit log: {log.size} entries, {output.styled(log.verdict.name.lower())}")
