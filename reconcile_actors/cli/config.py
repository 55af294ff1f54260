"""`config check|show|schema`: whether a configuration is right, what it amounts to, and its JSON schema."""

import json
from pathlib import Path

import click

from reconcile_actors.cli import output
from reconcile_actors.cli.options import config_option, json_option, parsed, set_option, settings_of
from reconcile_actors.config import Settings
from reconcile_actors.config.origins import effective_values


@click.group()
def config() -> None:
    """The configuration: check it, show it with the origin of each value, print its JSON schema."""


@config.command()
@config_option
def check(config: Path) -> None:
    """Say "ok", or name every error with what would be right (exit code 10). No exchange is contacted."""
    from reconcile_actors.exchanges.certificates import check_ca_files  # noqa: PLC0415 - only this command needs them
    from reconcile_actors.exchanges.registry import check_exchanges  # noqa: PLC0415 - the same

    settings = settings_of(config)
    check_exchanges(settings.exchanges)
    check_ca_files(settings.exchanges)
    click.echo(f"ok: {len(settings.exchanges)} account(s): {', '.join(settings.exchanges)}")


@config.command()
@config_option
@set_option
@json_option
def show(*, config: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Every effective value and where it comes from: default, file, env or command line. Secrets are never resolved."""
    values = effective_values(config, overrides=parsed(overrides))
    if as_json:
        rows = [{"key": one.key, "value": one.value, "origin": one.origin} for one in values]
        output.print_json({"schema": "reconcile-actors/config/1", "values": rows})
        return
    shown = [(one.key, json.dumps(one.value, ensure_ascii=False), one.origin) for one in values]
    output.print_table(("key", "value", "origin"), shown, empty="no values")


@config.command()
def schema() -> None:
    """The JSON schema of a configuration, for editors and checkers."""

    output.print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()})
