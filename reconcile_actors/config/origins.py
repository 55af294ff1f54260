"""Which values a configuration amounts to and where each comes from. Secrets are never resolved, and never shown."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from reconcile_actors.config.load import ENVIRONMENT, load
from reconcile_actors.domain.money import plain

Plain = str | int | float | bool | None | list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """One value: `key` is dotted (`store.path`), `value` is JSON-ready, `origin` is `default`, `file`, `env NAME` or `command line`."""

    key: str
    value: Plain
    origin: str


def effective_values(
    path: Path | str, *, environ: Mapping[str, str] | None = None, overrides: Mapping[str, object] | None = None
) -> list[EffectiveValue]:
    """Every value of a file's settings, in the order of the models. Raises ConfigError as `load` does."""
    environment = os.environ if environ is None else environ
    settings = load(path, environ=environment, overrides=overrides)
    table = tomllib.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal)
    above = {f"reconciliation.{key}": f"env {name}" for name, key in ENVIRONMENT.items() if name in environment}
    above |= {f"reconciliation.{key}": "command line" for key in overrides or {}}
    return [
        EffectiveValue(key, _shown(value), above.get(key) or ("file" if _stands(table, key) else "default"))
        for key, value in _leaves("", settings)
    ]


def _leaves(prefix: str, model: BaseModel) -> Iterator[tuple[str, object]]:
    for name in type(model).model_fields:
        key, value = f"{prefix}{name}", getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(f"{key}.", value)
        elif isinstance(value, dict) and value and all(isinstance(one, BaseModel) for one in value.values()):
            for account, one in value.items():
                yield from _leaves(f"{key}.{account}.", one)
        elif isinstance(value, tuple) and value and all(isinstance(one, BaseModel) for one in value):
            for number, one in enumerate(value):
                yield from _leaves(f"{key}.{number}.", one)
        else:
            yield key, value


def _stands(table: object, key: str) -> bool:
    if isinstance(table, list):
        table = {str(number): one for number, one in enumerate(table)}
    if not isinstance(table, Mapping):
        return False
    # an account's name may hold dots, so the longest part that is a key of the table is taken at each level
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        head, rest = ".".join(parts[:count]), ".".join(parts[count:])
        if head in table:
            value = table[head]
            return not rest or _stands(value, rest)
    return False


def _shown(value: object) -> Plain:
    if isinstance(value, tuple | list):
        return [_shown(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, Decimal):
        return plain(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return _without_userinfo(str(value))


def _without_userinfo(value: str) -> str:
    # a proxy's address may carry a name and a password
    if "://" not in value or "@" not in value:
        return value
    parts = urlsplit(value)
    return parts._replace(netloc=f"***@{parts.netloc.rsplit('@', 1)[-1]}").geturl()
