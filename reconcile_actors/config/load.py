"""From a TOML file, the environment and overrides to Settings, in that rising order.

Numbers are read as Decimal, never through a float. Relative paths are relative to the file's own directory, so that a
command means the same from everywhere. Errors name the file, the key and what would be right, and no value of a secret.
"""

import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from reconcile_actors.config.models import AlertSinkConfig, Section, Settings
from reconcile_actors.errors import ConfigError

ENVIRONMENT: Final = {
    "RECONCILIATION_ENABLED": "enabled",
    "RECONCILIATION_INTERVAL_SECONDS": "interval_seconds",
    "RECONCILIATION_THRESHOLD_USD": "threshold_usd",
    "RECONCILIATION_RETRY_COUNT": "retry_count",
    "RECONCILIATION_TIMEOUT_SECONDS": "timeout_seconds",
}
_AMOUNT_REASONS: Final = {
    "not_a_number": 'not a number: write decimal text, as in "10.0"',
    "not_finite": "not finite: write a number",
    "too_large": "too large: fewer than 31 digits before the point",
    "too_precise": "too precise: at most 36 decimals",
}
_PATHS: Final = (("store", "path"), ("audit", "key_file"), ("audit", "trusted_head_file"), ("socket", "path"))
_EXCHANGE_PATHS: Final = ("api_key_file", "secret_file", "password_file", "ca_file")

Table = dict[str, Any]  # what tomllib gives: tables of tables, lists, text, numbers


def load(
    path: Path | str, *, environ: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> Settings:
    """The settings of a file. `overrides` are values of `[reconciliation]` from the command line. Raises ConfigError."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; `reconcile-actors init {file}` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: cannot be read ({type(error).__name__}); it must be a UTF-8 file this user may read"
        ) from None
    return load_text(text, name=str(file), directory=file.resolve().parent, environ=environ, overrides=overrides)


def load_text(
    text: str,
    *,
    name: str = "configuration",
    directory: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """The settings of a TOML text; `name` stands in errors, `directory` is where relative paths start."""
    try:
        table: Table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{name}: not valid TOML: nested too deeply") from None
    origins = _apply_environment(table, os.environ if environ is None else environ)
    if overrides:
        _section(table, "reconciliation").update(overrides)
        origins |= {f"reconciliation.{key}": "command line" for key in overrides}
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        raise ConfigError(_explain(error, name, origins)) from None
    try:
        return _absolute(settings, directory or Path.cwd())
    except RuntimeError:  # what expanduser raises
        raise ConfigError(f"{name}: a path begins with the home of a user whom this machine does not know") from None


def _section(table: Table, key: str) -> Table:
    section = table.setdefault(key, {})
    return section if isinstance(section, dict) else {}


def _apply_environment(table: Table, environ: Mapping[str, str]) -> dict[str, str]:
    origins: dict[str, str] = {}
    for variable, key in ENVIRONMENT.items():
        value = environ.get(variable)
        if value is not None:
            _section(table, "reconciliation")[key] = value.strip()
            origins[f"reconciliation.{key}"] = f"environment variable {variable}"
    return origins


def _explain(error: ValidationError, name: str, origins: Mapping[str, str]) -> str:
    # include_input=False: only so does pydantic keep values, which may be secrets, out of its report.
    lines = []
    for one in error.errors(include_input=False, include_url=False, include_context=False):
        key = ".".join(str(part) for part in one["loc"])
        lines.append(f"{origins.get(key, name)}: {key}: {_right_form(one['type'], one['msg'], one['loc'])}")
    return "\n".join(lines)


def _right_form(kind: str, message: str, location: tuple[int | str, ...]) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; known here: {', '.join(_known(location)) or 'none'}"
    if kind == "missing" and location == ("exchanges",):
        return "missing; name at least one account, as in [exchanges.kraken-main]"
    text = message.removeprefix("Value error, ")
    return _AMOUNT_REASONS.get(text, text)


def _known(location: tuple[int | str, ...]) -> list[str]:
    fields = Settings.model_fields
    if len(location) == 1:
        return sorted(fields)
    section = fields.get(str(location[0]))
    annotation: Any = section.annotation if section else None
    if location[0] == "exchanges":
        annotation = annotation.__args__[1]
    elif location[:2] == ("alerts", "sinks"):
        annotation = AlertSinkConfig
    return sorted(getattr(annotation, "model_fields", {}))


def _absolute(settings: Settings, directory: Path) -> Settings:
    updates: dict[str, Any] = {}
    for section, key in _PATHS:
        model: Section = updates.get(section) or getattr(settings, section)
        value = getattr(model, key)
        if value is not None:
            updates[section] = model.model_copy(update={key: directory / value.expanduser()})
    exchanges = {}
    for name, exchange in settings.exchanges.items():
        paths = {key: getattr(exchange, key) for key in _EXCHANGE_PATHS}
        changed = {key: directory / path.expanduser() for key, path in paths.items() if path is not None}
        exchanges[name] = exchange.model_copy(update=changed)
    sinks = []
    for sink in settings.alerts.sinks:
        file = None if sink.secret_file is None else directory / sink.secret_file.expanduser()
        sinks.append(sink.model_copy(update={"secret_file": file}))
    updates["alerts"] = settings.alerts.model_copy(update={"sinks": tuple(sinks)})
    return settings.model_copy(update={**updates, "exchanges": exchanges})
