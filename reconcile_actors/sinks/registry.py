"""How configured sinks are made, with their secrets resolved: nothing starts with half of them."""

import hashlib
import os
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from reconcile_actors.config import AlertsConfig, AlertSinkConfig
from reconcile_actors.config.secrets import read_secret
from reconcile_actors.errors import ConfigError
from reconcile_actors.sinks.log import LogSink
from reconcile_actors.sinks.port import AlertSink

SECRET_LENGTH_MIN: Final = 16


def open_sinks(alerts: AlertsConfig, environ: Mapping[str, str] | None = None) -> tuple[AlertSink, ...]:
    """Every configured sink. Blocks while a command prints a secret. Raises ConfigError, CredentialsError."""
    environment = os.environ if environ is None else environ
    sinks: list[AlertSink] = []
    names: set[str] = set()
    for place, one in enumerate(alerts.sinks):
        sink = _open(one, f"alerts.sinks.{place}", environment)
        if sink.name in names:
            raise ConfigError(f"alerts.sinks.{place}: the same place is named before: name each once")
        names.add(sink.name)
        sinks.append(sink)
    return tuple(sinks)


def _open(one: AlertSinkConfig, table: str, environ: Mapping[str, str]) -> AlertSink:
    if one.url is None:
        return LogSink("log", one.min_severity)
    from reconcile_actors.sinks.webhook import WebhookSink  # noqa: PLC0415 - pulls aiohttp in, for those who have one

    secret = read_secret(one, "secret", table=table, environ=environ)
    if secret is None or len(secret.get_secret_value()) < SECRET_LENGTH_MIN:
        raise ConfigError(f"{table}.secret_*: too short: {SECRET_LENGTH_MIN} characters or more, at random")
    return WebhookSink(
        _name(one.url),
        one.url,
        secret,
        min_severity=one.min_severity,
        timeout_seconds=one.timeout_seconds,
        utc=time.time,
    )


def _name(url: str) -> str:
    """The host, and a digest of the whole: a path may be as good as a password."""
    return f"webhook:{urlsplit(url).hostname}:{hashlib.sha256(url.encode()).hexdigest()[:8]}"
