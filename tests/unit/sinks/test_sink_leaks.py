"""I7: neither a webhook's secret nor the path of its address is in a log, whatever it answers."""

import asyncio
from collections.abc import Iterator

import pytest

from reconcile_actors.config import load_text
from reconcile_actors.domain.alerts import sample_alert
from reconcile_actors.logger import logger
from reconcile_actors.sinks.port import Notice
from reconcile_actors.sinks.registry import open_sinks
from tests.unit.sinks.alert_receiver import SECRET, receiving


@pytest.fixture
def heard() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logger.add(lines.append, level="TRACE", format="{message} {extra} {exception}", diagnose=True)  # type: ignore[arg-type] # str
    logger.enable("reconcile_actors")
    yield lines
    logger.disable("reconcile_actors")
    logger.remove(handler)


@pytest.mark.parametrize("status", [204, 307, 401, 503])
def test_no_secret_is_logged_or_named(heard: list[str], status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Of an address only its host is ever named; results are constant words."""
    with receiving() as receiver:
        receiver.always = status
        url = f"{receiver.url}/T0KEN-canary"
        text = f'[exchanges.a]\nid = "kraken"\n[[alerts.sinks]]\nkind = "webhook"\nurl = "{url}"\nsecret_env = "S"\n'
        (sink,) = open_sinks(load_text(text, environ={}).alerts, {"S": SECRET})
        result = asyncio.run(sink.deliver(Notice("1-1", 1, sample_alert(sink.name), "o")))
    everything = "".join(heard) + caplog.text + repr(result) + sink.name + repr(sink)
    assert "T0KEN" not in everything
    assert SECRET not in everything
