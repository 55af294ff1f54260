"""`once`: one full pass of every account, with as many reads as a confirmation needs."""

import asyncio
import json
import time
from pathlib import Path

import click

from reconcile_actors.cli import output, tables
from reconcile_actors.cli.client import DaemonClient, Document, find_daemon
from reconcile_actors.cli.exit_codes import SEVERITIES, of_reports
from reconcile_actors.cli.opening import open_system, start_logging
from reconcile_actors.cli.options import (
    arm_option,
    config_option,
    exchanges_option,
    json_option,
    known_accounts,
    note_arming,
    parsed,
    set_option,
)
from reconcile_actors.cli.running import run_async
from reconcile_actors.config import Settings, load
from reconcile_actors.console import views
from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import UsageError
from reconcile_actors.messages import GetProposals, ReconcileNow
from reconcile_actors.messages.wire import to_json

_MARGIN_SECONDS = 2.0


@click.command()
@config_option
@exchanges_option
@json_option
@click.option(
    "--dry-run", is_flag=True, help="Adjust nothing, whatever the mode; say what would be done about each discrepancy."
)
@click.option(
    "--fail-on", type=click.Choice(SEVERITIES), default="warning", show_default=True, help="What makes the exit code 1."
)
@arm_option
@set_option
def once(
    *,
    config: Path,
    exchanges: tuple[str, ...],
    as_json: bool,
    dry_run: bool,
    arm: bool,
    fail_on: str,
    overrides: tuple[str, ...],
) -> int:
    """One full pass of every account.

    \b
    Exit codes: 0 balanced; 1 a confirmed discrepancy at or above --fail-on; 3 an account is unknown;
    4 every open discrepancy waits for an approval; 5 the audit log is broken. Where several hold: 5, 1, 3, 4.
    """
    if arm and dry_run:
        raise UsageError("--arm and --dry-run contradict each other: keep one")
    observe = {"mode": "observe"} if dry_run else {}
    settings = load(config, overrides=parsed(overrides) | observe)
    names = known_accounts(settings, exchanges)
    start_logging()
    note_arming(settings, arm=arm)
    output.progress(f"reading {', '.join(names)} ...")
    daemon = find_daemon(settings.socket_path)
    if daemon:
        if overrides or arm:
            raise UsageError("a daemon runs with settings of its own: leave --set and --arm out")
        if dry_run:
            raise UsageError("a daemon repairs or not by itself: leave --dry-run out")
        found, audit_ok = _through_daemon(daemon, settings, names)
        plans = None
    else:
        found, plans, audit_ok = run_async(lambda: _alone(settings, names, arm=arm, dry_run=dry_run))
    if as_json:
        output.print_json(views.once(found, plans))
    else:
        tables.reports(found)
        tables.plans(plans)
    return of_reports(found, fail_on=fail_on, audit_ok=audit_ok)


def _through_daemon(daemon: DaemonClient, settings: Settings, names: tuple[str, ...]) -> tuple[list[Document], bool]:
    lines = [json.dumps({"type": "ReconcileNow", "exchange": name}).encode() for name in names]
    # the daemon gives each pass its time and a margin; one more margin is for the way
    patience = settings.reconciliation.timeout_seconds + 2 * _MARGIN_SECONDS
    answers = daemon.post(lines, timeout_seconds=patience)
    found = [
        answer["reply"] if answer["status"] == "answered" else to_json(_unknown(name, answer["reason"]))
        for name, answer in zip(names, answers, strict=True)
    ]
    return found, bool(daemon.get("/readyz")["audit"])


async def _alone(
    settings: Settings, names: tuple[str, ...], *, arm: bool, dry_run: bool
) -> tuple[list[Document], list[Document] | None, bool]:
    async with open_system(settings, standalone=True, arm=arm) as system:
        patience = settings.reconciliation.timeout_seconds + _MARGIN_SECONDS
        asked = (system.ask(ReconcileNow(exchange=name), timeout=patience) for name in names)
        replies = await asyncio.gather(*asked, return_exceptions=True)
        plans = await _plans(system, names, patience) if dry_run else None
        audit_ok = system.readiness()["audit"]
    return [to_json(_report(name, reply)) for name, reply in zip(names, replies, strict=True)], plans, audit_ok


async def _plans(system: ConsoleSystem, names: tuple[str, ...], timeout: float) -> list[Document]:  # noqa: ASYNC109 passed on
    """What would be done about each account's discrepancies, were the system armed."""
    plans: list[Document] = []
    for name in names:
        plans += to_json(await system.ask(GetProposals(exchange=name), timeout=timeout))
    return plans


def _report(name: str, reply: object) -> ReconciliationReport:
    if isinstance(reply, ReconciliationReport):
        return reply
    assert isinstance(reply, BaseException)
    if isinstance(reply, TimeoutError):
        return _unknown(name, f"unanswered: {type(reply).__name__}")
    raise reply


def _unknown(name: str, detail: str) -> ReconciliationReport:
    """An account that gave no report in time is unknown, not balanced (I1)."""
    late = detail.endswith(("DeadlineExceeded", "TimeoutError"))
    return ReconciliationReport(
        exchange=name,
        timestamp=time.time_ns() // 1000,
        status=ReconciliationStatus.UNKNOWN,
        unknown_reason=UnknownReason.TIMEOUT if late else UnknownReason.CRASHED,
        unknown_detail=detail,
    )
