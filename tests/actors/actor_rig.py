"""The whole actor tree on the deterministic host: supervisor, audit, portfolio and a reconciliation actor an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TypeVar

from actor_exchange import Exchange
from actor_ledger import FakeLedger, Timeline

from reconcile_actors.actors.protocol import (
    PORTFOLIO,
    SUPERVISOR,
    AccountState,
    DescribeAccount,
    reconciliation_role,
)
from reconcile_actors.config import Settings, load_text
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.signals import ChildRow, ChildTable, DescribeChildren, ResumeChild
from reconcile_actors.messages import (
    Event,
    ExchangeMessage,
    GetPortfolio,
    LocalWatermark,
    PauseExchange,
    ReconcileNow,
    ReconciliationCompleted,
    Recorded,
    RecordFill,
    RecordTransfer,
    ResumeExchange,
    SetBalances,
)
from reconcile_actors.messages.records import StatedBalance
from reconcile_actors.messages.views import AccountPortfolio, PortfolioView
from reconcile_actors.wiring import OpenGateways, WatchedLedger, supervisor_of

HOLDINGS = {"BTC": "2", "USD": "50000"}
PRICES = 'prices = {BTC = "60000", USD = "1", ETH = "3000"}'
E = TypeVar("E", bound=Event)


def settings_of(names: Iterable[str], reconciliation: str = "", more: str = "", valuation: str = PRICES) -> Settings:
    """Settings of accounts, with lines for `[reconciliation]` and for the end of the file."""
    accounts = "\n".join(f'[exchanges.{name}]\nid = "kraken"' for name in names)
    text = f"[reconciliation]\n{reconciliation}\n{accounts}\n[valuation]\n{valuation}\n{more}"
    return load_text(text, environ={})


class Rig:
    """Build it, `open` the books, `start`, and let time pass. `timeline` holds commits and events in their true order."""

    def __init__(
        self,
        *names: str,
        seed: int = 0,
        settings: Settings | None = None,
        ledger: FakeLedger | None = None,
        holdings: Mapping[str, str] = HOLDINGS,
        standalone: bool = False,
        armed: bool = False,
        exchanges: Mapping[str, Exchange] | None = None,
    ) -> None:
        self.armed = armed
        self.names = names or ("a",)
        self.host = DeterministicHost(seed)
        self.timeline: Timeline = []
        self.ledger = ledger or FakeLedger()
        self.ledger.timeline = self.timeline
        self.settings = settings or settings_of(self.names)
        self.exchanges = dict(exchanges or {})
        for name in self.names:
            world = self.exchanges.setdefault(name, Exchange(name, self.host.clock, holdings))
            world.clock = self.host.clock
        self.standalone = standalone
        self.host.subscribe(lambda event: self.timeline.append(("event", event)))

    # --- life

    def start(self, *, contact: bool = True) -> Rig:
        """Spawns the tree; returns itself."""
        gateways = OpenGateways({name: world.open for name, world in self.exchanges.items()})
        ledger = WatchedLedger(self.ledger)
        self.host.spawn(
            SUPERVISOR,
            lambda: supervisor_of(
                self.settings, ledger, gateways, standalone=self.standalone, contact=contact, armed=self.armed
            ),
        )
        self.host.settle()
        return self

    def opened(self) -> Rig:
        """Starts, and states every account's book as the exchange has it; returns itself."""
        self.start()
        for name in self.names:
            assert self.state_balances(name).status == "recorded"
        return self

    def quiet(self, seconds: float = 16.0) -> Rig:
        """Lets the start's grace pass; returns itself."""
        self.host.advance(seconds)
        return self

    def restarted(self, seed: int = 1) -> Rig:
        """A new process on the same ledger and the same exchanges."""
        return Rig(
            *self.names,
            seed=seed,
            settings=self.settings,
            ledger=self.ledger,
            exchanges=self.exchanges,
            standalone=self.standalone,
            armed=self.armed,
        )

    # --- what the trading process says

    def record(self, message: ExchangeMessage) -> Recorded:
        """Tells the portfolio actor and waits until it answers."""
        answer = self.host.request(PORTFOLIO, message)
        assert isinstance(answer, Recorded)
        return answer

    def state_balances(self, name: str = "a", version: int | None = 1, **other: str) -> Recorded:
        """States the book: as the exchange is, or what `other` says."""
        holdings = other or {currency: str(amount) for currency, amount in self.exchanges[name].holdings.items()}
        balances = tuple(StatedBalance(currency=one, total=total) for one, total in holdings.items())
        return self.record(SetBalances(exchange=name, version=version, balances=balances, as_of=self.host.clock.utc()))

    def fill(
        self, id_: str, *, name: str = "a", side: str = "buy", quantity: str = "0.1", told: bool = True
    ) -> RecordFill:
        """A fill happens; told honestly and durably, or not at all. The report is returned."""
        self.exchanges[name].fill(id_, side, quantity, "60000", "6")
        report = self.fill_report(id_, name=name, side=side, quantity=quantity)
        if told:
            assert self.record(report).status == "recorded"
        return report

    def fill_report(
        self, id_: str, *, name: str = "a", side: str = "buy", quantity: str = "0.1", price: str = "60000"
    ) -> RecordFill:
        """What a trading process says of a fill at this moment."""
        return RecordFill(
            exchange=name,
            id=id_,
            symbol="BTC/USD",
            side=side,
            quantity=quantity,
            price=price,
            fee_currency="USD",
            fee="6",
            occurred_at=self.host.clock.utc(),
        )

    def transfer(self, id_: str, amount: str, *, name: str = "a", currency: str = "USD") -> RecordTransfer:
        """What a trading process says of a transfer at this moment."""
        return RecordTransfer(
            exchange=name, id=id_, currency=currency, amount=amount, occurred_at=self.host.clock.utc()
        )

    def watermark(self, name: str = "a", seconds: float = 0.0) -> LocalWatermark:
        """Everything up to now (and `seconds`) has been told."""
        return LocalWatermark(exchange=name, through=self.host.clock.utc() + timedelta(seconds=seconds))

    # --- what people ask

    def reconcile(self, name: str = "a", timeout: float = 60.0) -> ReconciliationReport:
        """A pass now, and its report."""
        report = self.host.request(reconciliation_role(name), ReconcileNow(exchange=name), timeout_seconds=timeout)
        assert isinstance(report, ReconciliationReport)
        return report

    def account(self, name: str = "a") -> AccountState:
        """How an account is doing."""
        state = self.host.request(reconciliation_role(name), DescribeAccount())
        assert isinstance(state, AccountState)
        return state

    def child(self, role: str) -> ChildRow:
        """How an actor is doing, as the supervisor sees it."""
        table = self.host.request(SUPERVISOR, DescribeChildren())
        assert isinstance(table, ChildTable)
        return next(row for row in table.rows if row.name == role)

    def portfolio(self, name: str = "a") -> AccountPortfolio:
        """The book of one account."""
        view = self.host.request(PORTFOLIO, GetPortfolio(exchange=name))
        assert isinstance(view, PortfolioView)
        (one,) = view.accounts
        return one

    def totals(self, name: str = "a") -> dict[str, str]:
        """The book's totals as text."""
        return {one.currency: f"{one.total:f}" for one in self.portfolio(name).balances if one.total is not None}

    def pause(self, name: str = "a") -> Recorded:
        """Stops reading an account."""
        answer = self.host.request(reconciliation_role(name), PauseExchange(exchange=name, reason="a test"))
        assert isinstance(answer, Recorded)
        return answer

    def resume_breaker(self, name: str = "a") -> None:
        """What a person's resume does first: the supervisor closes the breaker."""
        self.host.request(SUPERVISOR, ResumeChild(reconciliation_role(name)))

    def resume(self, name: str = "a") -> Recorded:
        """Reads it again, as the system's door does it: first the supervisor, then the actor."""
        self.resume_breaker(name)
        answer = self.host.request(reconciliation_role(name), ResumeExchange(exchange=name))
        assert isinstance(answer, Recorded)
        return answer

    # --- what was said

    def events(self, kind: type[E], name: str | None = None) -> list[E]:
        """Every event of a type so far, of one account or all."""
        return [
            one
            for what, one in self.timeline
            if what == "event" and isinstance(one, kind) and name in {None, _account_of(one)}
        ]

    def await_event(self, kind: type[E], *, within: float = 30.0, count: int = 1) -> E:
        """Runs until so many events of a type were said; gives the last."""
        self.host.run_until(lambda: len(self.events(kind)) >= count, limit_seconds=within)
        return self.events(kind)[-1]


def _account_of(event: Event) -> str | None:
    if isinstance(event, ReconciliationCompleted):
        return event.report.exchange
    discrepancy = getattr(event, "discrepancy", None)
    return discrepancy.exchange if discrepancy is not None else getattr(event, "exchange", None)
