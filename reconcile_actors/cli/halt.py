"""`halt list|release`: where trading should stand still, and letting it go on."""

from pathlib import Path

import click

from reconcile_actors.cli import offline, output, tables
from reconcile_actors.cli.client import Document, find_daemon
from reconcile_actors.cli.options import config_option, exchange_option, json_option, known_accounts, settings_of
from reconcile_actors.cli.orders import account_of, as_option, give, order_of, reason_option, show_answer
from reconcile_actors.cli.running import run_async
from reconcile_actors.config import Settings
from reconcile_actors.console import views
from reconcile_actors.errors import StoreError


@click.group()
def halt() -> None:
    """Trading halts: list, release."""


@halt.command("list")
@config_option
@exchange_option
@json_option
def list_(*, config: Path, exchange: str | None, as_json: bool) -> None:
    """The halts that stand, oldest first."""
    settings = settings_of(config)
    known_accounts(settings, [exchange] if exchange else [])
    document = _standing(settings, exchange)
    if as_json:
        output.print_json(document)
    else:
        tables.halts(document["halts"])


@halt.command()
@click.argument("id_", metavar="ID")
@config_option
@reason_option
@as_option
@json_option
def release(*, id_: str, config: Path, reason: str, claimed_by: str | None, as_json: bool) -> None:
    """Trading may go on: the reason of a halt is dealt with."""
    settings = settings_of(config)
    name = account_of(settings, id_)
    order = order_of("ReleaseHalt", exchange=name, id=id_, reason=reason, claimed_by=claimed_by)
    show_answer(id_, give(settings, order), "released", as_json=as_json)


def _standing(settings: Settings, exchange: str | None) -> Document:
    daemon = find_daemon(settings.socket_path)
    if daemon is None:
        return run_async(lambda: offline.halts(settings, exchange))
    answer = daemon.tell({"type": "GetHalts", "exchange": exchange})
    if answer["status"] != "answered":
        raise StoreError(str(answer["reason"]))
    return views.halts(answer["reply"])
