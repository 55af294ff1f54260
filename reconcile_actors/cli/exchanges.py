"""`exchanges list|pause|resume`: which accounts there are, and whether they are read."""

from pathlib import Path

import click

from reconcile_actors.cli import offline, output
from reconcile_actors.cli.client import Document, find_daemon
from reconcile_actors.cli.opening import open_system, start_logging
from reconcile_actors.cli.options import config_option, json_option, known_accounts, settings_of
from reconcile_actors.cli.running import run_async
from reconcile_actors.config import Settings
from reconcile_actors.console.peer import this_user
from reconcile_actors.console.views import schema
from reconcile_actors.errors import StoreError
from reconcile_actors.messages import PauseExchange, Recorded, ResumeExchange
from reconcile_actors.messages.wire import to_json

_reason_option = click.option("--reason", default="", help="Why; it stands in the audit log.")
_as_option = click.option(
    "--as", "claimed_by", metavar="NAME", help="A name to record as claimed, beside the Unix user."
)


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
@_as_option
def pause(name: str, config: Path, reason: str, claimed_by: str | None) -> None:
    """Stop reading an account until it is resumed; meanwhile it is unknown (paused)."""
    _order(settings_of(config), PauseExchange(exchange=name, reason=reason, claimed_by=claimed_by))
    output.note(f"{name}: paused")


@exchanges.command()
@click.argument("name")
@config_option
@_reason_option
@_as_option
def resume(name: str, config: Path, reason: str, claimed_by: str | None) -> None:
    """Read a paused, parked or broken-off account again."""
    _order(settings_of(config), ResumeExchange(exchange=name, reason=reason, claimed_by=claimed_by))
    output.note(f"{name}: resumed")


def _order(settings: Settings, command: PauseExchange | ResumeExchange) -> None:
    known_accounts(settings, [command.exchange])
    start_logging()
    daemon = find_daemon(settings.socket_path)
    answer = daemon.tell(_wire_form(command)) if daemon else run_async(lambda: _order_alone(settings, command))
    if answer["status"] == "refused":
        raise StoreError(f"{command.exchange}: refused: {answer['reason']}")


def _wire_form(command: PauseExchange | ResumeExchange) -> Document:
    # who sends is for the socket to say, so the field is not even accepted there
    return {key: value for key, value in to_json(command).items() if key != "actor"}


async def _order_alone(settings: Settings, command: PauseExchange | ResumeExchange) -> Document:
    async with open_system(settings, standalone=True, contact_exchanges=False) as system:
        reply = await system.ask(command.model_copy(update={"actor": this_user()}), timeout=offline.ASK_SECONDS)
    assert isinstance(reply, Recorded)
    return {"status": reply.status, "reason": reply.reason}
