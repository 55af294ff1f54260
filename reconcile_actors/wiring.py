"""How settings become actors: the one place that knows both the rooms of I/O and the actors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconcile_actors.actors.account import Account, Prepared
from reconcile_actors.actors.alerts import AlertRules, AlertsActor
from reconcile_actors.actors.audit import AuditActor
from reconcile_actors.actors.portfolio import PortfolioStateActor
from reconcile_actors.actors.reconciliation import ReconciliationActor
from reconcile_actors.actors.supervisor import ReconciliationSupervisor, children
from reconcile_actors.config import ExchangeConfig, Settings
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.book import Book
from reconcile_actors.domain.halting import HaltRecord, halts_of
from reconcile_actors.domain.ledger import Committed, Refused, UnitOfWork
from reconcile_actors.domain.recovery import Policy
from reconcile_actors.domain.resolution import notes_of
from reconcile_actors.domain.settlement import settlement_of
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.port import ExchangeGateway
from reconcile_actors.exchanges.registry import open_gateway
from reconcile_actors.kernel.behaviour import Behaviour
from reconcile_actors.sinks.port import AlertSink
from reconcile_actors.storage import ReconciliationRepository

LAPSE_SECONDS: Final = 60.0
Gateways = Mapping[str, Callable[[], Awaitable[ExchangeGateway]]]


@dataclass(slots=True)
class WatchedLedger:
    """The ledger writer, and whether its last transaction went well."""

    repository: ReconciliationRepository
    ok: bool = True
    detail: str = ""

    async def commit(self, units: Sequence[UnitOfWork]) -> Sequence[Committed | Refused]:
        """See ReconciliationRepository.commit."""
        results = await self.repository.commit(units)
        reasons = [one.reason for one in results if isinstance(one, Refused) and one.reason.startswith("store")]
        self.ok, self.detail = not reasons, reasons[0] if reasons else ""
        return results

    async def audit_size(self) -> int:
        """See ReconciliationRepository.audit_size."""
        return await self.repository.audit_size()


@dataclass(slots=True)
class OpenGateways:
    """At most one open gateway an account: a new incarnation's replaces the one that a crash left behind."""

    makers: Gateways
    _open: dict[str, ExchangeGateway] = field(default_factory=dict)

    async def open(self, name: str) -> ExchangeGateway:
        """A gateway of the account's own."""
        await self.close(name)
        gateway = await self.makers[name]()
        self._open[name] = gateway
        return gateway

    async def close(self, name: str) -> None:
        """Closes what is open for an account."""
        before = self._open.pop(name, None)
        if before is not None:
            await before.close()

    async def close_all(self) -> None:
        """Closes everything, at the end."""
        for name in list(self._open):
            await self.close(name)


def gateway_makers(settings: Settings) -> Gateways:
    """How the gateway of each configured account is opened."""

    def maker(name: str, exchange: ExchangeConfig) -> Callable[[], Awaitable[ExchangeGateway]]:
        return lambda: open_gateway(name, exchange, settings.reconciliation)

    return {name: maker(name, exchange) for name, exchange in settings.exchanges.items()}


def account_of(settings: Settings, name: str, *, standalone: bool, contact: bool, armed: bool = False) -> Account:
    """The settings of one account's actor."""
    exchange, general = settings.exchanges[name], settings.reconciliation
    return Account(
        name=name,
        exchange_id=exchange.id,
        wallets=exchange.wallets,
        enabled=general.enabled and contact,
        watch=general.watch and not standalone,
        standalone=standalone,
        interval_seconds=general.interval_seconds,
        timeout_seconds=general.timeout_seconds,
        detection_target_seconds=general.detection_target_seconds,
        retry_count=general.retry_count,
        threshold_usd=general.threshold_usd,
        local_lag_seconds=general.local_lag_seconds,
        exchange_lag_seconds=exchange.exchange_lag_seconds,
        confirming_reads=general.confirming_reads,
        prices={currency: Price(usd, "static") for currency, usd in settings.valuation.prices.items()},
        tickers=settings.valuation.tickers,
        price_age_seconds=settings.valuation.max_age_seconds,
        armed=armed,
        policy=Policy(settings.recovery.backfill, settings.recovery.adopt_max_usd, settings.halt.loss_usd),
        halts=armed or settings.halt.in_observe,
        halt_usd=settings.halt.loss_usd,
        unknown_after_seconds=settings.alerts.unknown_after_seconds,
    )


def new_book(settings: Settings, name: str) -> Book:
    """An empty book of one account."""
    exchange = settings.exchanges[name]
    return Book(
        exchange=name,
        wallets=exchange.wallets,
        history_us=int(settings.book.history_seconds * 1_000_000),
        history_entries=settings.book.history_entries,
        remembered_ids=settings.book.remembered_ids,
        settlement=settlement_of(exchange.id),
        within_us=int(1_000_000 * (settings.reconciliation.local_lag_seconds + (exchange.exchange_lag_seconds or 2.0))),
    )


def supervisor_of(
    settings: Settings,
    ledger: WatchedLedger,
    gateways: OpenGateways,
    *,
    standalone: bool,
    contact: bool,
    armed: bool = False,
    sinks: Sequence[AlertSink] = (),
) -> Behaviour:
    """The root of the actor tree. `armed`: what `mode = "recover"` allows is done. Without `sinks` alerts stay in the store."""
    repository = ledger.repository

    def books(name: str) -> Callable[[], Book]:
        return lambda: new_book(settings, name)

    def reconciliation(name: str) -> Callable[[], Behaviour]:
        async def prepare() -> Prepared:
            episodes, switches = await repository.episodes(name), await repository.control()
            return Prepared(
                gateway=await gateways.open(name),
                open=tuple(await repository.standing(name)),
                episodes={Leg(key[0], key[1], Field(key[2])): highest for key, highest in episodes.items()},
                paused=f"paused:{name}" in switches,
                notes=notes_of(switches),
            )

        async def halts() -> tuple[HaltRecord, ...]:
            return halts_of(await repository.control(), name)

        account = account_of(settings, name, standalone=standalone, contact=contact, armed=armed)
        return lambda: ReconciliationActor(account, prepare, halts)

    rules = AlertRules(
        origin=settings.audit.origin,
        accounts=frozenset(settings.exchanges),
        repeat_seconds=settings.alerts.repeat_seconds,
        lapse_seconds=settings.alerts.unknown_after_seconds + LAPSE_SECONDS,
    )
    specs = children(
        lambda: AuditActor(ledger),
        lambda: PortfolioStateActor(repository, [books(name) for name in settings.exchanges]),
        {name: reconciliation(name) for name in settings.exchanges},
        (lambda: AlertsActor(repository, sinks, rules)) if sinks else None,
    )
    return ReconciliationSupervisor(specs)
