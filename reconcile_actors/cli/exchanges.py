"""`exchanges list|pause|resume`: which accounts there are, and whether they are read."""

from pathlib import Path

import click

from reconcile_actors.cli import offline, output
from reconcile_actors.cli.client import find_daemon
from reconcile_actors.cli.options import config_option, json_option, settings_of
from reconcile_actors.cli.orders import Order, as_option, give, order_of
from reconcile_actors.cli.running import run_async
from reconcile_actors.config import Settings
from reconcile_actors.console.views import schema
from reconcile_actors.errors import StoreError

_reason_option = click.option("--reason", default="", help="Why; it stands in the audit log.")


@click.group()
def exchanges() -> None:
    """Accounts: list, pause, resume."""


@exchanges.command("list")
@config_option
@json_option
def list_(*, config: Path, as_json: bool) -> None:
    """Every account of the configuration and how it is read."""
    settings = settings_of(config)
    daemon = find_daemon(settings.socket_path)
    document = daemon.get("/api/v1/status") if daemon else run_async(lambda: offline.status(settings))
    if as_json:
        output.print_json({"schema": schema("exchanges"), "exchanges": document["accounts"]})
        return
    rows = [
        (one["exchange"], one["id"], one["actor"], one["breaker"], one["paused"], one["tier"], one["poll_seconds"])
        for one in document["accounts"]
    ]
    output.print_table(
        ("account", "exchange", "actor", "breaker", "paused", "tier", "poll s"), rows, empty="no account"
    )


@exchanges.command()
@click.argument("name")
@config_option
@_reason_option
@as_option
def pause(name: str, config: Path, reason: str, claimed_by: str | None) -> None:
    """Stop reading an account until it is resumed; meanwhile it is unknown (paused)."""
    order = order_of("PauseExchange", exchange=name, reason=reason, claimed_by=claimed_by)
    _give(settings_of(config), order)
    output.note(f"{name}: paused")


@exchanges.command()
@click.argument("name")
@config_option
@_reason_option
@as_option
def resume(name: str, config: Path, reason: str, claimed_by: str | None) -> None:
    """Read a paused, parked or broken-off account again."""
    order = order_of("ResumeExchange", exchange=name, reason=reason, claimed_by=claimed_by)
    _give(settings_of(config), order)
    output.note(f"{name}: resumed")


def _give(settings: Settings, order: Order) -> None:
    answer = give(settings, order)
    if answer["status"] == "refused":
        raise StoreError(f"{order.exchange}: refused: {answer['reason']}")
