"""`alerts test`: one alert through every configured sink, and what became of it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile_actors.cli import output
from reconcile_actors.cli.exit_codes import ExitCode
from reconcile_actors.cli.opening import start_logging
from reconcile_actors.cli.options import config_option, json_option, settings_of
from reconcile_actors.cli.running import run_async
from reconcile_actors.console.views import schema
from reconcile_actors.domain.alerts import sample_alert
from reconcile_actors.utc import utc_us

if TYPE_CHECKING:
    from reconcile_actors.sinks.port import AlertSink


@click.group()
def alerts() -> None:
    """Alerts: send a test."""


@alerts.command("test")
@config_option
@json_option
def send_test(*, config: Path, as_json: bool) -> int:
    """Send one test alert through every sink. Exit code 0 where each has acknowledged it, else 1. Needs no daemon."""
    from reconcile_actors.sinks.registry import open_sinks  # noqa: PLC0415 - only this command needs the sinks

    settings = settings_of(config)
    sinks = open_sinks(settings.alerts)
    start_logging("info")
    rows = run_async(lambda: _through_all(sinks, settings.audit.origin))
    if as_json:
        found = [dict(zip(("sink", "result", "reason"), row, strict=True)) for row in rows]
        output.print_json({"schema": schema("alerts-test"), "sinks": found})
    else:
        output.print_table(("sink", "result", "reason"), rows, empty="no sink")
    return ExitCode.BALANCED if all(result == "acknowledged" for _, result, _ in rows) else ExitCode.DISCREPANT


async def _through_all(sinks: "tuple[AlertSink, ...]", origin: str) -> list[tuple[str, str, str | None]]:
    return list(await asyncio.gather(*(_through(sink, origin) for sink in sinks)))


async def _through(sink: "AlertSink", origin: str) -> tuple[str, str, str | None]:
    from reconcile_actors.sinks.port import Acknowledged, Failed, Notice  # noqa: PLC0415 - see above

    now_at = utc_us()
    result = await sink.deliver(Notice(f"test-{now_at}", now_at, sample_alert(sink.name), origin))
    if isinstance(result, Acknowledged):
        return sink.name, "acknowledged", None
    return sink.name, "failed" if isinstance(result, Failed) else "postponed", result.reason
