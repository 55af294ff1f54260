"""`status`: how every account is doing, from the daemon or, without one, from the store."""

from pathlib import Path

import click

from reconcile_actors.cli import offline, output, tables
from reconcile_actors.cli.client import Document, find_daemon
from reconcile_actors.cli.options import config_option, json_option, settings_of
from reconcile_actors.cli.running import run_async


@click.command()
@config_option
@json_option
def status(*, config: Path, as_json: bool) -> None:
    """How every account is doing. Without a daemon: the last that the store knows, and `daemon` is null.

    Exit code 0 says that the question was answered; ask `once` for a verdict.
    """
    settings = settings_of(config)
    daemon = find_daemon(settings.socket_path)
    document = daemon.get("/api/v1/status") if daemon else run_async(lambda: offline.status(settings))
    if as_json:
        output.print_json(document)
        return
    if document["daemon"] is None:
        click.echo("daemon: none (what follows is the last that the store knows)")
    else:
        click.echo(
            f"daemon: pid {document['daemon']['pid']} at {document['socket']}, mode {document['mode']}{_armed(document)}"
        )
    for account in document["accounts"]:
        _what_waits(account)
    click.echo(f"status: {output.styled(document['status'])}; audit log: {document['audit_size']} entries\n")
    tables.accounts(document)
    tables.sinks(document["alerts"])


def _armed(document: Document) -> str:
    return " (armed)" if document["armed"] else ""


def _what_waits(account: Document) -> None:
    """What somebody has to do about an account, a line each."""
    for id_ in account["halts"]:
        click.echo(f"{output.styled('halted')}: {id_} (reconcile-actors halt list)")
    if account["awaiting_approval"]:
        click.echo(
            f"{account['exchange']}: {account['awaiting_approval']} wait for approval (reconcile-actors discrepancies list)"
        )
    if account["unacknowledged"]:
        click.echo(
            f"{account['exchange']}: {account['unacknowledged']} adjustments that the trading process has not acknowledged"
        )
