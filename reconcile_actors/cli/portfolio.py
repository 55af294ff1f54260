"""`portfolio show|record|import`: the local book."""

from pathlib import Path

import click

from reconcile_actors.cli import offline, output, tables
from reconcile_actors.cli.client import find_daemon
from reconcile_actors.cli.importing import import_openings
from reconcile_actors.cli.opening import start_logging
from reconcile_actors.cli.options import (
    config_option,
    exchange_option,
    exchanges_option,
    json_option,
    known_accounts,
    settings_of,
)
from reconcile_actors.cli.recording import record_lines
from reconcile_actors.cli.running import run_async
from reconcile_actors.errors import UsageError

_STDIN = 0


@click.group()
def portfolio() -> None:
    """The local book: show it, record into it, import an opening."""


@portfolio.command()
@config_option
@exchange_option
@json_option
def show(*, config: Path, exchange: str | None, as_json: bool) -> None:
    """What the service believes that each account holds."""
    settings = settings_of(config)
    known_accounts(settings, [exchange] if exchange else [])
    start_logging()
    daemon = find_daemon(settings.socket_path)
    if daemon:
        document = daemon.get("/api/v1/portfolio", {"exchange": exchange})
    else:
        document = run_async(lambda: offline.portfolio(settings, exchange))
    if as_json:
        output.print_json(document)
    else:
        tables.portfolio(document)


@portfolio.command()
@config_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
def record(config: Path, file: Path | None) -> int:
    """Record JSON lines from FILE or stdin: one message a line, as docs/messages.md says.

    For each line one JSON line comes out, {"line": N, "status": "recorded" | "duplicate" | "refused", "reason": ...}: what it
    says is on disk. A line that is wrong is refused with its reason and the others are kept. Exit code 0 where none was
    refused, 13 where the store refused one, else 2.
    """
    settings = settings_of(config)
    start_logging()
    if file is None:
        return run_async(lambda: record_lines(settings, _STDIN))
    with file.open("rb", buffering=0) as source:
        return run_async(lambda: record_lines(settings, source.fileno()))


@portfolio.command("import")
@config_option
@click.option("--from-exchange", is_flag=True, help="Where from; the only source of this version.")
@exchanges_option
@click.option("--replace", is_flag=True, help="Also where the wallet has an opening: states it anew.")
def import_(*, config: Path, from_exchange: bool, exchanges: tuple[str, ...], replace: bool) -> None:
    """State what the exchange holds as the opening of each wallet.

    The account must be quiet meanwhile: two reads must agree. Exit code 3 where they do not, or where the exchange cannot
    be read; then nothing is stated.
    """
    if not from_exchange:
        raise UsageError("name the source: --from-exchange")
    settings = settings_of(config)
    names = known_accounts(settings, exchanges)
    start_logging()
    run_async(lambda: import_openings(settings, names, replace=replace))
