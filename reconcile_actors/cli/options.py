"""Options that several commands share, and the settings that they lead to."""

from collections.abc import Iterable
from pathlib import Path

import click

from reconcile_actors.cli import output
from reconcile_actors.config import Settings, load
from reconcile_actors.errors import UsageError

config_option = click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(path_type=Path),
    required=True,
    metavar="CONFIG",
    help="The configuration file (TOML).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, with a schema field.")
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A value of [reconciliation] for this run, above environment and file; may be repeated.",
)
arm_option = click.option("--arm", is_flag=True, help='With mode = "recover": do what [recovery] and [halt] allow.')
exchange_option = click.option("--exchange", metavar="NAME", help="This account only.")
exchanges_option = click.option(
    "--exchange", "exchanges", multiple=True, metavar="NAME", help="This account only; may be repeated."
)


def settings_of(config: Path, overrides: Iterable[str] = ()) -> Settings:
    """The settings of a file and of `--set KEY=VALUE`. Raises ConfigError or UsageError."""
    return load(config, overrides=parsed(overrides))


def note_arming(settings: Settings, *, arm: bool) -> None:
    """Says where `--arm` does nothing: repairs need both it and the mode."""
    if arm and settings.reconciliation.mode != "recover":
        output.note('--arm does nothing: mode is "observe", and only mode = "recover" repairs')


def parsed(overrides: Iterable[str]) -> dict[str, object]:
    """`KEY=VALUE` texts as a mapping. Raises UsageError."""
    values: dict[str, object] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError("--set wants KEY=VALUE, as in --set timeout_seconds=10")
        values[key.strip()] = value.strip()
    return values


def known_accounts(settings: Settings, names: Iterable[str]) -> tuple[str, ...]:
    """The names, or every account where none is given; raises UsageError for one that the configuration lacks."""
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if name not in settings.exchanges:
            raise UsageError(f"no account of that name; known: {', '.join(settings.exchanges)}")
    return wanted or tuple(settings.exchanges)
