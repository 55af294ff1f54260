"""`demo`: a missed fill found, with no key and no network."""

import tempfile
from pathlib import Path

import click

from reconcile_actors.audit.verdict import VerifyResult
from reconcile_actors.cli import output
from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.opening import start_logging
from reconcile_actors.cli.options import json_option
from reconcile_actors.cli.running import run_async
from reconcile_actors.cli.scene import Outcome, make_settings, play
from reconcile_actors.cli.verification import trust_from, verify
from reconcile_actors.console.views import Document, schema
from reconcile_actors.messages.wire import to_json

_SECONDS = 30.0
_CI_SECONDS = 12.0


@click.command()
@click.option("--ci", is_flag=True, help="Shorter, for unattended runs.")
@click.option("--seconds", type=click.FloatRange(min=5, max=600), help="How long; default 30, with --ci 12.")
@json_option
def demo(*, ci: bool, seconds: float | None, as_json: bool) -> int:
    """See a missed fill found: a simulated exchange, a market, and a trading process that forgets to report one fill.

    Needs no key and no network, ends by itself, and verifies its own audit log. Exit code 0 where the fill was found and
    nothing else was reported, else 1.
    """
    start_logging("error")
    length = seconds if seconds is not None else _CI_SECONDS if ci else _SECONDS
    tell = output.progress if as_json else click.echo
    with tempfile.TemporaryDirectory(prefix="reconcile-demo-") as directory:
        outcome = run_async(lambda: play(Path(directory), length, tell))
        settings = make_settings(Path(directory))
        log = verify(trust_from(settings, db=None, trusted_head=None, vkey=None))
    if as_json:
        output.print_json(_document(outcome, log))
    else:
        _print(outcome, log)
    return ExitCode.BALANCED if outcome.as_wished and log.exit_code == 0 else ExitCode.DISCREPANT


def _document(outcome: Outcome, log: VerifyResult) -> Document:
    return {
        "schema": schema("demo"),
        "found": outcome.found,
        "latency_seconds": outcome.latency_seconds,
        "omitted": outcome.omitted,
        "discrepancies": [to_json(one) for one in outcome.explained],
        "false_alarms": [to_json(one) for one in outcome.false_alarms],
        "reported_messages": outcome.reported,
        "refused_messages": outcome.refused,
        "audit": {"verdict": log.verdict.name.lower(), "size": log.size, "unanchored_tail": log.unanchored_tail},
    }


def _print(outcome: Outcome, log: VerifyResult) -> None:
    click.echo()
    rows = [(one.id, one.kind, one.severity, one.cause, ", ".join(one.evidence)) for one in outcome.confirmed]
    output.print_table(("found", "kind", "severity", "cause", "evidence"), rows, empty="nothing was found")
    latency = outcome.latency_seconds
    found = f"found {latency:.1f} s after it happened" if latency is not None else "not found"
    click.echo(f"\nthe forgotten fill: {found}; false alarms: {len(outcome.false_alarms)}")
    click.echo(f"audit log: {log.size} entries, {output.styled(log.verdict.name.lower())}")
