"""docs/alerts.md is right: every kind and field stands there, and its example verifies a real request."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reconcile_actors.domain.alerts import Alert, AlertKind, Phase, sample_alert
from reconcile_actors.domain.deliveries import SETTLING_SECONDS
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.sinks.document import SCHEMA
from reconcile_actors.sinks.port import Acknowledged, Notice
from reconcile_actors.sinks.webhook import WebhookSink
from tests.unit.sinks.alert_receiver import SECRET, Received, receiving

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def request_() -> Received:
    """A real request of a webhook."""
    with receiving() as receiver:
        sink = WebhookSink(
            "hook",
            receiver.url,
            SecretStr(SECRET),
            min_severity=Severity.INFO,
            timeout_seconds=30.0,
            utc=time.time,
        )
        assert asyncio.run(sink.deliver(Notice("1-1", 1, sample_alert("hook"), "o"))) == Acknowledged()
        return receiver.received[0]


def is_from_us() -> Callable[[bytes, dict[str, str], bytes], bool]:
    """The page's own function."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    function: Callable[[bytes, dict[str, str], bytes], bool] = names["is_from_us"]
    return function


def test_the_example_verifies(request_: Received) -> None:
    """A request of the service passes; another body, another secret, an old time do not."""
    verify, headers = is_from_us(), dict(request_.headers)
    secret = SECRET.encode()
    assert verify(secret, headers, request_.body)
    assert not verify(secret, headers, request_.body.replace(b"test", b"TEST"))
    assert not verify(b"another", headers, request_.body)
    assert not verify(secret, headers | {"X-Reconcile-Timestamp": "1700000000"}, request_.body)


def test_every_field_and_header_is_documented(request_: Received) -> None:
    """What a request holds and what the page says it holds are the same."""
    table = PAGE.split("## What to do")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert documented == set(request_.json)
    assert SCHEMA in table
    told = {one.name for one in fields(Alert)} - {"again"}
    assert told <= documented
    sent = {name for name in request_.headers if name.startswith("X-") or name == "Idempotency-Key"}
    assert set(re.findall(r"^\| `([\w-]+)` \|", PAGE.split("## Webhooks")[1], flags=re.MULTILINE)) == sent


def test_every_kind_and_phase_is_documented() -> None:
    """A row for each kind, with its key and what to do."""
    body = PAGE.split("## What to do")[1].split("\n\nSeverity follows")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", body, flags=re.MULTILINE)) == {one.value for one in AlertKind}
    for phase in Phase:
        assert f"`{phase}`" in PAGE
    assert SETTLING_SECONDS == 2.0
