"""`discrepancies list|show|approve|reject|override|ignore`: what differs, and what a person decides about it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import click

from reconcile_actors.cli import offline, output, tables
from reconcile_actors.cli.client import find_daemon
from reconcile_actors.cli.deciding import decide
from reconcile_actors.cli.options import config_option, exchange_option, json_option, known_accounts, settings_of
from reconcile_actors.cli.orders import account_of, as_option, order_of, reason_option, show_answer
from reconcile_actors.cli.running import run_async


@click.group()
def discrepancies() -> None:
    """What differs between local state and the exchange, and what is to be done about it."""


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


def _decision(command: Callable[..., None]) -> Callable[..., None]:
    """What every decision takes."""
    for decorate in (json_option, as_option, reason_option, config_option, click.argument("id_", metavar="ID")):
        command = decorate(command)
    return command


@discrepancies.command()
@_decision
def approve(*, id_: str, config: Path, reason: str, claimed_by: str | None, as_json: bool) -> None:
    """Do what was proposed for a discrepancy that waits for approval."""
    _decide(config, "ApproveResolution", "approved", as_json=as_json, id=id_, reason=reason, claimed_by=claimed_by)


@discrepancies.command()
@_decision
def reject(*, id_: str, config: Path, reason: str, claimed_by: str | None, as_json: bool) -> None:
    """Do not do what was proposed; it is not proposed again as long as the discrepancy is the same."""
    _decide(config, "RejectResolution", "rejected", as_json=as_json, id=id_, reason=reason, claimed_by=claimed_by)


@discrepancies.command()
@_decision
@click.option(
    "--action",
    type=click.Choice(["backfill", "adopt"]),
    required=True,
    help="Post what history names, or take the whole difference over.",
)
def override(*, id_: str, config: Path, reason: str, claimed_by: str | None, as_json: bool, action: str) -> None:
    """Do this instead of what was proposed."""
    what = {"id": id_, "reason": reason, "claimed_by": claimed_by, "action": action}
    _decide(config, "OverrideResolution", "overridden", as_json=as_json, **what)


@discrepancies.command()
@_decision
def ignore(*, id_: str, config: Path, reason: str, claimed_by: str | None, as_json: bool) -> None:
    """Expect this difference from now on; another amount is another discrepancy."""
    _decide(config, "IgnoreDiscrepancy", "ignored", as_json=as_json, id=id_, reason=reason, claimed_by=claimed_by)


def _decide(config: Path, kind: str, done: str, *, as_json: bool, **what: str | None) -> None:
    settings, id_ = settings_of(config), what["id"] or ""
    order = order_of(kind, exchange=account_of(settings, id_), **what)
    show_answer(id_, decide(settings, order), done, as_json=as_json)
