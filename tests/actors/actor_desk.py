"""A portfolio actor alone: a probe stands in for the ledger's actor, or the true one writes into the fake ledger."""

from __future__ import annotations

from concurrent.futures import Future

from actor_ledger import FakeLedger

from reconcile_actors.actors.audit import AuditActor
from reconcile_actors.actors.portfolio import PortfolioStateActor
from reconcile_actors.actors.protocol import AUDIT, PORTFOLIO, Commit, CommitResult, GetWindow, WindowIs
from reconcile_actors.domain.book import Book
from reconcile_actors.domain.ledger import Committed, Refused
from reconcile_actors.domain.window import BookWindow
from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.messages import (
    ExchangeMessage,
    GetPortfolio,
    Recorded,
    RecordReward,
    RecordTransfer,
    SetBalances,
)
from reconcile_actors.messages.records import StatedBalance
from reconcile_actors.messages.views import AccountPortfolio, PortfolioView


def transfer(id_: str, amount: str = "1", *, name: str = "a", currency: str = "USD") -> RecordTransfer:
    """A transfer without a time of its own."""
    return RecordTransfer(exchange=name, id=id_, currency=currency, amount=amount)


def reward(id_: str, amount: str = "1", *, name: str = "a") -> RecordReward:
    """A reward in USD."""
    return RecordReward(exchange=name, id=id_, currency="USD", amount=amount)


def statement(version: int | None, usd: str = "100", *, name: str = "a") -> SetBalances:
    """The whole wallet: USD alone."""
    return SetBalances(exchange=name, version=version, balances=(StatedBalance(currency="USD", total=usd),))


class PortfolioDesk:
    """`scripted`: the test answers every Commit itself, through `ledger_probe`."""

    def __init__(
        self,
        *names: str,
        seed: int = 5,
        ledger: FakeLedger | None = None,
        scripted: bool = False,
        remembered_ids: int = 1000,
    ) -> None:
        self.host = DeterministicHost(seed)
        self.ledger = ledger or FakeLedger()
        self.probe = Probe(self.host)
        self.ledger_probe = Probe(self.host, AUDIT) if scripted else None
        if not scripted:
            self.host.spawn(AUDIT, lambda: AuditActor(self.ledger), mailbox_limit=20_000)
        makers = [
            lambda name=name: Book(exchange=name, wallets=("spot",), remembered_ids=remembered_ids)
            for name in names or ("a",)
        ]
        self.epoch = self.host.spawn(
            PORTFOLIO, lambda: PortfolioStateActor(self.ledger, makers), mailbox_limit=20_000, watcher="probe"
        )

    def ask(self, record: ExchangeMessage) -> Future[object]:
        """Records, to be answered later."""
        return self.host.ask(PORTFOLIO, record, timeout_seconds=120)

    def record(self, record: ExchangeMessage) -> Recorded:
        """Records and runs until the answer is there."""
        answer = self.host.request(PORTFOLIO, record, timeout_seconds=120)
        assert isinstance(answer, Recorded)
        return answer

    def tell(self, record: object) -> None:
        """Says it without waiting."""
        self.host.tell(PORTFOLIO, record)

    def view(self, name: str = "a") -> AccountPortfolio:
        """The book as anybody may see it."""
        view = self.host.request(PORTFOLIO, GetPortfolio(exchange=name), timeout_seconds=120)
        assert isinstance(view, PortfolioView)
        (one,) = view.accounts
        return one

    def usd(self, name: str = "a") -> str | None:
        """The book's USD."""
        totals = {one.currency: one.total for one in self.view(name).balances}
        return None if totals.get("USD") is None else f"{totals['USD']:f}"

    def window(self, name: str = "a") -> BookWindow:
        """The book as a comparison sees it."""
        self.probe.tell(PORTFOLIO, GetWindow(name, 77))
        answer = self.probe.fish(WindowIs, within_seconds=120)
        assert answer.token == 77
        return answer.window

    # --- as the ledger

    def next_commit(self, within: float = 3.0) -> Commit:
        """What the portfolio actor wants to have written."""
        assert self.ledger_probe is not None
        return self.ledger_probe.expect(Commit, within_seconds=within)

    def answer(self, commit: Commit, refused: str | None = None) -> None:
        """Answers it; where it is not refused, the fake ledger takes it."""
        assert self.ledger_probe is not None
        if refused is None:
            result = self.ledger._commit_one(commit.unit)
            assert isinstance(result, Committed)
            self.ledger_probe.tell(PORTFOLIO, CommitResult(commit.token, result))
        else:
            self.ledger_probe.tell(PORTFOLIO, CommitResult(commit.token, Refused(refused)))
