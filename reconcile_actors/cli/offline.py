"""What the store says where no daemon runs: the last that was known, in the daemon's own documents."""

from reconcile_actors.actors.adjusting import ADJUSTMENT
from reconcile_actors.cli.opening import open_system
from reconcile_actors.config import Settings
from reconcile_actors.console import views
from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.halting import standing_of
from reconcile_actors.domain.report import ReconciliationReport, status_of
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import UsageError
from reconcile_actors.messages import GetPortfolio
from reconcile_actors.messages.views import AccountStatus, PortfolioView, StatusView
from reconcile_actors.storage import open_read_only

ASK_SECONDS = 10.0


async def status(settings: Settings) -> views.Document:
    """Each account's last report, with `daemon` null."""
    async with await open_read_only(settings.store.path) as store:
        control = await store.control()
        adjusted = [one["exchange"] for one in await store.unacknowledged(ADJUSTMENT)]
        accounts = [
            _account(
                name,
                settings.exchanges[name].id,
                await store.last_report(name),
                await store.discrepancies(name),
                paused=f"paused:{name}" in control,
                halts=tuple(one.id for one in standing_of(control, name)),
                unacknowledged=adjusted.count(name),
            )
            for name in settings.exchanges
        ]
        view = StatusView(
            mode=settings.reconciliation.mode,
            armed=False,
            started_at=0,
            enabled=settings.reconciliation.enabled,
            accounts=tuple(accounts),
            audit_size=await store.audit_size(),
            store_ok=True,
            threshold_usd=settings.reconciliation.threshold_usd,
        )
    return views.status(view, socket=str(settings.socket_path), daemon=None) | {"started_at": None}


async def discrepancies(settings: Settings, exchange: str | None, *, closed: bool) -> views.Document:
    """Discrepancies as the store knows them."""
    async with await open_read_only(settings.store.path) as store:
        return views.discrepancies(await store.discrepancies(exchange, include_closed=closed))


async def discrepancy(settings: Settings, id_: str) -> views.Document:
    """One discrepancy. Raises UsageError where there is none of that id."""
    async with await open_read_only(settings.store.path) as store:
        found = await store.discrepancies(id=id_)
    if not found:
        raise UsageError("no discrepancy of that id")
    return views.discrepancy(found[0])


async def halts(settings: Settings, exchange: str | None) -> views.Document:
    """The trading halts that stand, as the store knows them."""
    async with await open_read_only(settings.store.path) as store:
        return views.halts(standing_of(await store.control(), exchange))


async def portfolio(settings: Settings, exchange: str | None) -> views.Document:
    """The local book, as a system that contacts no exchange reads it."""
    async with open_system(settings, standalone=True, contact_exchanges=False) as system:
        return await portfolio_of(system, exchange)


async def portfolio_of(system: ConsoleSystem, exchange: str | None) -> views.Document:
    """The local book of a system that is at hand."""
    view = await system.ask(GetPortfolio(exchange=exchange), timeout=ASK_SECONDS)
    assert isinstance(view, PortfolioView)
    return views.portfolio(view)


def _account(
    name: str,
    id_: str,
    report: ReconciliationReport | None,
    found: list[BalanceDiscrepancy],
    *,
    paused: bool,
    halts: tuple[str, ...],
    unacknowledged: int,
) -> AccountStatus:
    reason = UnknownReason.NOT_READ if report is None else report.unknown_reason
    return AccountStatus(
        exchange=name,
        id=id_,
        status=status_of(tuple(found), reason).value,  # what was found since the last report counts too
        unknown_reason=None if reason is None else reason.value,
        breaker="unknown",
        actor="stopped",
        epoch=0,
        restarts=0,
        paused=paused,
        last_read_at=None,
        last_decided_at=None,
        last_pass_at=None if report is None else report.timestamp,
        open_discrepancies=len(found),
        tier=None,
        poll_seconds=None,
        detection_seconds=None,
        halts=halts,
        awaiting_approval=sum(one.state is State.AWAITING_APPROVAL for one in found),
        unacknowledged=unacknowledged,
    )
