"""`discrepancies list|show`: what differs between local state and the exchange."""

from pathlib import Path
from urllib.parse import quote

import click

from reconcile_actors.cli import offline, output, tables
from reconcile_actors.cli.client import find_daemon
from reconcile_actors.cli.options import config_option, exchange_option, json_option, known_accounts, settings_of
from reconcile_actors.cli.running import run_async


@click.group()
def discrepancies() -> None:
    """What differs between local state and the exchange."""


@discrepancies.command("list")
@config_option
@exchange_option
@click.option("--all", "closed", is_flag=True, help="Resolved and ignored ones too.")
@json_option
def list_(*, config: Path, exchange: str | None, closed: bool, as_json: bool) -> None:
    """Open discrepancies, newest first."""
    settings = settings_of(config)
    known_accounts(settings, [exchange] if exchange else [])
    daemon = find_daemon(settings.socket_path)
    if daemon:
        parameters = {"exchange": exchange, "closed": "true" if closed else None}
        document = daemon.get("/api/v1/discrepancies", parameters)
    else:
        document = run_async(lambda: offline.discrepancies(settings, exchange, closed=closed))
    if as_json:
        output.print_json(document)
    else:
        tables.discrepancies(document["discrepancies"])


@discrepancies.command()
@click.argument("id_", metavar="ID")
@config_option
@json_option
def show(*, id_: str, config: Path, as_json: bool) -> None:
    """One discrepancy with all its fields, whatever its state."""
    settings = settings_of(config)
    daemon = find_daemon(settings.socket_path)
    if daemon:
        document = daemon.get(f"/api/v1/discrepancies/{quote(id_, safe='')}")
    else:
        document = run_async(lambda: offline.discrepancy(settings, id_))
    if as_json:
        output.print_json(document)
    else:
        tables.discrepancy(document["discrepancy"])
