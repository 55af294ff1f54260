"""Sinks from their configuration: named for good, with their secrets, or refused in words that help."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from reconcile_actors.config import AlertsConfig, load_text
from reconcile_actors.domain.alerts import alert_from, sample_alert, unknown_alert
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.errors import ConfigError, CredentialsError
from reconcile_actors.logger import logger
from reconcile_actors.sinks.log import LogSink
from reconcile_actors.sinks.port import Acknowledged, Notice
from reconcile_actors.sinks.registry import open_sinks
from reconcile_actors.sinks.webhook import WebhookSink
from tests.unit.sinks.alert_receiver import SECRET

HOOK = '[[alerts.sinks]]\nkind = "webhook"\nurl = "https://alerts.example.org/T0KEN"\n'


def alerts(text: str, directory: Path | None = None) -> AlertsConfig:
    return load_text(f'[exchanges.main]\nid = "kraken"\n{text}', directory=directory, environ={}).alerts


def test_none_at_all_is_the_log() -> None:
    """Who configures nothing reads the findings in the log."""
    (sink,) = open_sinks(alerts(""), {})
    assert isinstance(sink, LogSink)
    assert (sink.name, sink.min_severity) == ("log", Severity.WARNING)


def test_a_webhook_has_a_name_that_is_no_secret() -> None:
    """Its host and a digest: the same after a restart, another for another address, and nothing of its path."""
    (sink,) = open_sinks(alerts(f'{HOOK}secret_env = "S"'), {"S": SECRET})
    assert isinstance(sink, WebhookSink)
    assert sink.name.startswith("webhook:alerts.example.org:")
    assert "T0KEN" not in sink.name
    (again,) = open_sinks(alerts(f'{HOOK}secret_env = "S"\nmin_severity = "error"'), {"S": SECRET})
    (other,) = open_sinks(alerts(HOOK.replace("T0KEN", "OTHER") + 'secret_env = "S"'), {"S": SECRET})
    assert sink.name == again.name != other.name


def test_a_secret_from_a_file(tmp_path: Path) -> None:
    """As with keys: a file that others may read is refused."""
    file = tmp_path / "hook.secret"
    file.touch(mode=0o600)
    file.write_text(SECRET)
    config = alerts(f'{HOOK}secret_file = "hook.secret"', tmp_path)
    assert len(open_sinks(config, {})) == 1
    file.chmod(0o644)
    with pytest.raises(CredentialsError, match=r"alerts\.sinks\.0\.secret_file: .*chmod 600"):
        open_sinks(config, {})


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        (f'{HOOK}secret_env = "S"', {}, r"alerts\.sinks\.0\.secret_env: environment variable S is not set"),
        (f'{HOOK}secret_env = "S"', {"S": "short-canary"}, r"alerts\.sinks\.0\.secret_\*: too short"),
        (f'{HOOK}secret_env = "S"\n' * 2, {"S": SECRET}, r"alerts\.sinks\.1: the same place is named before"),
        ('[[alerts.sinks]]\nkind = "log"\n' * 2, {}, r"alerts\.sinks\.1: the same place"),
    ],
)
def test_what_cannot_be_is_refused(text: str, environ: dict[str, str], expected: str) -> None:
    """Each with the key that is wrong, and never with the secret."""
    with pytest.raises(ConfigError, match=expected) as caught:
        open_sinks(alerts(text), environ)
    assert "canary" not in str(caught.value)


def test_one_line_an_alert() -> None:
    """The log's line: constant text, its fields bound, a level that follows the severity, and info for what is over."""
    records: list[Any] = []
    logger.enable("reconcile_actors")
    handler = logger.add(lambda message: records.append(message.record), level="INFO")
    try:
        sink = LogSink("log", Severity.INFO)
        for row in (unknown_alert("main", "busy").body, unknown_alert("main", "busy", over=True).body):
            assert asyncio.run(sink.deliver(Notice("1-2", 2, alert_from(row), "o", reminder=True))) == Acknowledged()
        asyncio.run(sink.deliver(Notice("1-3", 3, sample_alert("log"), "o")))
    finally:
        logger.remove(handler)
        logger.disable("reconcile_actors")
    assert {one["message"] for one in records} == {"alert"}
    assert [one["level"].name for one in records] == ["WARNING", "INFO", "INFO"]
    first, _, third = (one["extra"] for one in records)
    assert (first["key"], first["cause"], first["reminder"]) == ("main:unknown", "busy", True)
    assert third["reminder"] is None
