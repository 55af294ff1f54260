"""The answer to GetStatus, gathered from the actors: each is asked by itself, and one that hangs hides no other."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from reconcile_actors.actors.alert_protocol import ALERTS, AlertsStatus, DescribeAlerts
from reconcile_actors.actors.protocol import (
    AUDIT,
    SUPERVISOR,
    AccountState,
    AuditStatus,
    DescribeAccount,
    DescribeAudit,
    reconciliation_role,
)
from reconcile_actors.config import Settings
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.report import status_of
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.kernel.errors import KernelError
from reconcile_actors.kernel.pykka_host import PykkaHost
from reconcile_actors.kernel.signals import ChildRow, ChildTable, DescribeChildren
from reconcile_actors.messages.views import AccountStatus, StatusView

ANSWER_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store keeps of all accounts: the halts that stand, and of whose accounts an adjustment is unacknowledged."""

    halts: Sequence[TradingHalt] = ()
    adjusted: Sequence[str] = ()


NOTHING: Final = Kept()


async def status_view(
    settings: Settings,
    host: PykkaHost,
    store: tuple[bool, str],
    started_at: int,
    kept: Kept = NOTHING,
    *,
    armed: bool = False,
) -> StatusView:
    """How every account and actor is doing now. An account whose actor does not answer keeps the halts that the store knows."""
    names = list(settings.exchanges)
    asked = [
        host.ask(SUPERVISOR, DescribeChildren(), timeout_seconds=ANSWER_SECONDS),
        host.ask(AUDIT, DescribeAudit(), timeout_seconds=ANSWER_SECONDS),
        host.ask(ALERTS, DescribeAlerts(), timeout_seconds=ANSWER_SECONDS),
        *(host.ask(reconciliation_role(name), DescribeAccount(), timeout_seconds=ANSWER_SECONDS) for name in names),
    ]
    table, audit, alerts, *states = await asyncio.gather(*(_answer(one) for one in asked))
    rows = {row.name: row for row in table.rows} if isinstance(table, ChildTable) else {}
    accounts = [
        _account(settings, name, rows.get(reconciliation_role(name)), state, kept)
        for name, state in zip(names, states, strict=True)
    ]
    return StatusView(
        mode=settings.reconciliation.mode,
        armed=armed,
        started_at=started_at,
        enabled=settings.reconciliation.enabled,
        accounts=tuple(accounts),
        audit_size=audit.size if isinstance(audit, AuditStatus) else 0,
        store_ok=store[0],
        store_detail=store[1],
        dead_letters={str(reason): count for reason, count in host.dead_letters.counts().items()},
        threshold_usd=settings.reconciliation.threshold_usd,
        alerts=alerts.sinks if isinstance(alerts, AlertsStatus) else (),
    )


async def _answer(future: Future[object]) -> object:
    try:
        return await asyncio.wrap_future(future)
    except KernelError:
        return None  # shown as an actor that does not answer


def _account(settings: Settings, name: str, row: ChildRow | None, answer: object, kept: Kept) -> AccountStatus:
    state = answer if isinstance(answer, AccountState) else None
    reason = state.reason if state is not None else UnknownReason.CRASHED
    facts = state.facts if state is not None else None
    decided_at = None
    if state is not None and state.last_decided_us is not None:
        decided_at = state.now_at - (state.now_us - state.last_decided_us)
    status = status_of(state.open if state is not None else (), reason)
    return AccountStatus(
        exchange=name,
        id=settings.exchanges[name].id,
        status=status.value,
        unknown_reason=reason.value if reason is not None else None,
        breaker=(row.breaker or "closed") if row is not None else "unknown",
        actor=row.state if row is not None else "unknown",
        epoch=row.epoch if row is not None else 0,
        restarts=row.restarts if row is not None else 0,
        paused=state.paused if state is not None else False,
        last_read_at=state.last_read_at if state is not None else None,
        last_decided_at=decided_at,
        last_pass_at=state.last_pass_at if state is not None else None,
        open_discrepancies=sum(one.state.is_confirmed for one in state.open) if state is not None else 0,
        tier=facts.tier if facts is not None else None,
        poll_seconds=facts.poll_seconds if facts is not None else None,
        detection_seconds=facts.detection_seconds if facts is not None else None,
        has_history=facts.has_history if facts is not None else None,
        halts=state.halts if state is not None else tuple(one.id for one in kept.halts if one.exchange == name),
        awaiting_approval=sum(one.state is State.AWAITING_APPROVAL for one in state.open) if state is not None else 0,
        unacknowledged=sum(one == name for one in kept.adjusted),
    )
