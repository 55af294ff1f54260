"""`portfolio import --from-exchange`: openings from valid, quiet reads, or nothing at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.cli import importing
from reconcile_actors.config import load
from reconcile_actors.domain.balances import Balance, Field, Position
from reconcile_actors.domain.snapshot import Bracket, Snapshot, UnknownReason, Unreadable
from reconcile_actors.exchanges.port import ExchangeFailureError, FailureClass
from reconcile_actors.messages import GetPortfolio, SetBalances, SetPositions, StatedPosition
from reconcile_actors.messages.wire import to_us
from tests.unit.cli.cli_fakes import Cli, Opened, put_fake_system
from tests.unit.console.console_fakes import AT, FakeSystem, portfolio_view, served, settings_in

ARGUMENTS = ("portfolio", "import", "--from-exchange", "-c")


def snapshot(digest: str = "d", *, total: Decimal | None = Decimal("1.5"), at: int = AT) -> Snapshot:
    """A read of BTC in the wallets spot and staked, and a zero row."""
    balances = {
        ("spot", "BTC"): Balance("BTC", total, Decimal(1), Decimal("0.5")),
        ("spot", "EUR"): Balance("EUR", Decimal(0), Decimal(0), Decimal(0)),
        ("staked", "DOT"): Balance("DOT", Decimal(9), wallet="staked"),
    }
    return Snapshot("main", "spot", Bracket(0, 1, at - 1, at), balances, {}, digest, "raw")


@dataclass
class FakeFacts:
    lag_seconds: float = 0.0
    authoritative: frozenset[Field] = frozenset({Field.TOTAL})


@dataclass
class FakeGateway:
    """Gives its reads one after the other, the last for ever."""

    reads: list[object]
    facts: FakeFacts = field(default_factory=FakeFacts)
    closed: bool = False

    async def read(self, *, timeout_seconds: float) -> object:
        one = self.reads.pop(0) if len(self.reads) > 1 else self.reads[0]
        if isinstance(one, BaseException):
            raise one
        return one

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def opened(config: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    opened = put_fake_system(monkeypatch, FakeSystem(settings_in(config.parent)))
    opened.system.replies[GetPortfolio] = portfolio_view()
    return opened


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeGateway:
    gateway = FakeGateway([snapshot()])

    async def open_gateway(*_: object) -> FakeGateway:
        return gateway

    monkeypatch.setattr(importing, "open_gateway", open_gateway)
    return gateway


def stated(system: FakeSystem) -> Sequence[SetBalances]:
    """What was recorded."""
    return [one for one in system.recorded if isinstance(one, SetBalances)]


def test_an_opening_states_the_whole_wallet(cli: Cli, config: Path, opened: Opened, gateway: FakeGateway) -> None:
    """Every balance that is not zero, as of the read, in no place of the trading process's versions."""
    ended = cli(*ARGUMENTS, config)
    assert ended.code == 0
    assert gateway.closed
    main, second = stated(opened.system)
    assert (main.exchange, second.exchange, main.wallet, main.version) == ("main", "second", "spot", None)
    assert [(one.currency, one.total, one.available, one.locked) for one in main.balances] == [
        ("BTC", Decimal("1.5"), Decimal(1), Decimal("0.5"))
    ]
    assert main.includes_through is not None
    assert main.as_of == main.includes_through
    assert to_us(main.includes_through) == AT
    assert "currencies stated" in ended.out


def test_where_the_exchange_states_positions_so_does_the_opening(
    cli: Cli, config: Path, opened: Opened, gateway: FakeGateway
) -> None:
    """Each wallet's own, by the same read; where it holds none that is said, too."""
    gateway.facts.authoritative = frozenset({Field.TOTAL, Field.POSITION})
    short = Position("BTC/USDC:USDC", Decimal("-0.5"))
    held = {("spot", short.symbol): short, ("staked", "ETH/USDC:USDC"): Position("ETH/USDC:USDC", Decimal(1), "staked")}
    gateway.reads = [replace(snapshot(), positions=held)]
    assert cli(*ARGUMENTS, config).code == 0
    positions = [one for one in opened.system.recorded if isinstance(one, SetPositions)]
    assert [(one.exchange, one.wallet, one.version) for one in positions] == [
        ("main", "spot", None),
        ("second", "spot", None),
    ]
    assert positions[0].positions == (StatedPosition(symbol=short.symbol, quantity=short.quantity),)
    assert positions[0].includes_through is not None
    assert to_us(positions[0].includes_through) == AT


def test_an_opening_is_not_stated_twice(cli: Cli, config: Path, opened: Opened, gateway: FakeGateway) -> None:
    """A wallet that has an opening is left as it is, unless --replace says otherwise; then nothing else is either."""
    opened.system.replies[GetPortfolio] = portfolio_view("spot")
    ended = cli(*ARGUMENTS, config)
    assert ended.code == 2
    assert "--replace" in ended.err
    assert stated(opened.system) == []
    assert cli(*ARGUMENTS, config, "--exchange", "second").code == 0
    assert cli(*ARGUMENTS, config, "--replace").code == 0


def test_a_busy_account_is_not_stated(cli: Cli, config: Path, opened: Opened, gateway: FakeGateway) -> None:
    """Two reads must agree; where they never do, the account is unknown (busy) and nothing is stated."""
    gateway.reads[:] = [snapshot("a"), snapshot("b", at=AT + 5), snapshot("b", at=AT + 9)]
    assert cli(*ARGUMENTS, config, "--exchange", "main").code == 0
    (only,) = stated(opened.system)
    assert only.as_of is not None
    assert to_us(only.as_of) == AT + 5
    opened.system.recorded.clear()
    gateway.reads[:] = [snapshot(str(number)) for number in range(9)]
    ended = cli(*ARGUMENTS, config)
    assert ended.code == 3
    assert "busy" in ended.err
    assert stated(opened.system) == []


@pytest.mark.parametrize(
    "case",
    [
        (Unreadable("main", "spot", Bracket(0, 0, 0, 0), UnknownReason.BAD_SHAPE), 3, "bad_shape"),
        (ExchangeFailureError(FailureClass.TRANSIENT, "http_503"), 3, "http_503"),
        (ExchangeFailureError(FailureClass.CREDENTIALS, "invalid_key"), 12, "invalid_key"),
        (snapshot(total=None), 3, "no total of BTC"),
    ],
)
def test_what_is_unknown_is_not_stated(
    cli: Cli, config: Path, opened: Opened, gateway: FakeGateway, case: tuple[object, int, str]
) -> None:
    """Unknown is never zero: a read that failed or was no answer states nothing (I1)."""
    read, code, text = case
    gateway.reads[:] = [read]
    ended = cli(*ARGUMENTS, config)
    assert ended.code == code
    assert text in ended.err
    assert opened.system.recorded == []
    assert gateway.closed


def test_disabled_contacts_no_exchange(
    cli: Cli, config: Path, opened: Opened, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With RECONCILIATION_ENABLED=false nothing is read."""
    monkeypatch.setenv("RECONCILIATION_ENABLED", "false")
    assert cli(*ARGUMENTS, config).code == 3
    assert not gateway.closed


def test_a_source_must_be_named(cli: Cli, config: Path) -> None:
    """--from-exchange is the only source of this version, and is said aloud."""
    assert cli("portfolio", "import", "-c", config).code == 2


def test_a_refused_opening_is_an_error(
    cli: Cli, config: Path, opened: Opened, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the book refused is told with its reason."""

    async def refuse(_records: object) -> list[dict[str, object]]:
        return [{"status": "refused", "reason": "older_version"}] * 2

    monkeypatch.setattr(importing, "system_sender", lambda _system: refuse)
    ended = cli(*ARGUMENTS, config)
    assert ended.code == 13
    assert "older_version" in ended.err


def test_beside_a_daemon_it_is_the_daemon_that_records(cli: Cli, config: Path, gateway: FakeGateway) -> None:
    """The reads are this process's, the book is the daemon's."""
    system = FakeSystem(load(config, environ={}))
    system.replies[GetPortfolio] = portfolio_view()
    with served(system):
        assert cli(*ARGUMENTS, config).code == 0
    assert [one.exchange for one in stated(system)] == ["main", "second"]
