"""What a person orders: decisions about discrepancies and releases of halts, beside a daemon and without one."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.cli.orders import order_of
from reconcile_actors.config import load
from reconcile_actors.console.peer import this_user
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.halt import TradingHalt
from reconcile_actors.domain.suspense import Suspended
from reconcile_actors.errors import StoreError, UsageError
from reconcile_actors.messages import (
    ApproveResolution,
    GetHalts,
    GetPortfolio,
    GetStatus,
    IgnoreDiscrepancy,
    OverrideResolution,
    ReconcileNow,
    Recorded,
    RejectResolution,
    ReleaseHalt,
)
from tests.unit.cli.cli_fakes import Cli, put_fake_system
from tests.unit.console.console_fakes import (
    AT,
    FakeSystem,
    account_status,
    portfolio_view,
    served,
    settings_in,
    status_view,
)

ID = "main:spot:BTC:total:1"
HALT = TradingHalt("main:halt:spot:BTC:total:1", "main", "large_loss", (ID,), AT)
SAID = ("--reason", "seen", "--as", "alice")
DECISIONS = {
    "approve": ApproveResolution,
    "reject": RejectResolution,
    "override": OverrideResolution,
    "ignore": IgnoreDiscrepancy,
}


def extra(verb: str) -> tuple[str, ...]:
    """What one decision takes and the others do not."""
    return ("--action", "adopt") if verb == "override" else ()


@pytest.fixture
def daemon(config: Path) -> Iterator[FakeSystem]:
    with served(FakeSystem(load(config, environ={}))) as system:
        yield system


@pytest.mark.parametrize("verb", DECISIONS)
def test_a_decision_reaches_the_daemon(cli: Cli, config: Path, daemon: FakeSystem, verb: str) -> None:
    """With the reason, the name as claimed, and the Unix user as the one who decided; the account is in the id."""
    ended = cli("discrepancies", verb, ID, "-c", config, *SAID, *extra(verb))
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith(f"{ID}: {verb.removesuffix('e')}")
    (asked, _) = daemon.asked[-1]
    assert type(asked) is DECISIONS[verb]
    assert isinstance(asked, ApproveResolution | RejectResolution | OverrideResolution | IgnoreDiscrepancy)
    assert (asked.exchange, asked.id, asked.reason, asked.claimed_by) == ("main", ID, "seen", "alice")
    assert asked.actor == this_user()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Recorded(status="duplicate"), 0),
        (Recorded(status="refused", reason="unknown_discrepancy"), 2),
        (Recorded(status="refused", reason="store_full"), 13),
        (TimeoutError(), 13),
    ],
)
def test_how_an_order_ends(cli: Cli, config: Path, daemon: FakeSystem, reply: object, code: int) -> None:
    """Done already is done; a refusal is the order's own (2) or the store's (13); JSON tells it on stdout."""
    daemon.replies[ApproveResolution] = reply
    ended = cli("discrepancies", "approve", ID, "-c", config, *SAID, "--json")
    assert ended.code == code
    assert ended.json["schema"] == "reconcile-actors/order/1"
    assert ended.json["id"] == ID
    assert ended.json["status"] == ("duplicate" if code == 0 else "refused")
    table = cli("discrepancies", "approve", ID, "-c", config, *SAID)
    assert (table.code, table.out) == (code, "")
    assert ("approved already" in table.err) == (code == 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("discrepancies", "approve", ID),
        ("discrepancies", "approve", ID, "--reason", "  "),
        ("discrepancies", "approve", ID, "--reason", "x" * 501),
        ("discrepancies", "approve", "nobody:spot:BTC:total:1", *SAID),
        ("discrepancies", "approve", "main:with space", *SAID),
        ("discrepancies", "override", ID, *SAID),
        ("discrepancies", "override", ID, *SAID, "--action", "sell"),
        ("halt", "release", "nobody:halt:spot:BTC:total:1", *SAID),
        ("halt", "release", HALT.id),
        ("halt", "list", "--exchange", "nobody"),
    ],
)
def test_what_cannot_be_an_order(cli: Cli, config: Path, daemon: FakeSystem, arguments: tuple[str, ...]) -> None:
    """No reason, too long a one, an id of no account or that is none: 2, and nothing is asked of anybody."""
    ended = cli(*arguments, "-c", config)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err
    assert daemon.asked == []


def test_an_order_says_what_is_wrong_and_echoes_nothing() -> None:
    """The field is named, its value is not."""
    with pytest.raises(UsageError, match=r"^id: ") as raised:
        order_of("ApproveResolution", exchange="main", id="a b", reason="seen")
    assert "a b" not in str(raised.value)


def test_halts_beside_a_daemon(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """List as JSON and as a table; release bears the reason and both names."""
    daemon.replies[GetHalts] = (HALT,)
    listed = cli("halt", "list", "-c", config, "--json")
    assert listed.json["schema"] == "reconcile-actors/halts/1"
    assert [one["id"] for one in listed.json["halts"]] == [HALT.id]
    assert listed.json["halts"][0]["requested_at"].startswith("2026-01-01T00:00:00")
    table = cli("halt", "list", "-c", config, "--exchange", "main")
    assert "large_loss" in table.out
    assert daemon.asked[-1][0] == GetHalts(exchange="main")
    assert cli("halt", "release", HALT.id, "-c", config, *SAID) == (0, "", f"{HALT.id}: released\n")
    assert daemon.asked[-1][0] == ReleaseHalt(
        exchange="main", id=HALT.id, reason="seen", claimed_by="alice", actor=this_user()
    )
    daemon.replies[ReleaseHalt] = Recorded(status="refused", reason="unknown_halt")
    refused = cli("halt", "release", HALT.id, "-c", config, *SAID)
    assert (refused.code, refused.err) == (2, f"{HALT.id}: refused: unknown_halt\n")
    daemon.replies[GetHalts] = ()
    assert cli("halt", "list", "-c", config).out == "no halt stands\n"


def test_a_store_that_cannot_say_what_stands_is_no_empty_list(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """13, and nothing on stdout."""
    daemon.replies[GetHalts] = StoreError("store: damaged")
    assert cli("halt", "list", "-c", config) == (13, "", "store: damaged\n")


def test_the_status_shows_halts(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """In the document by id, in the table by a word, and by name where there is one."""
    halted = account_status("main", halts=(HALT.id,))
    daemon.replies[GetStatus] = status_view(halted, account_status("second"))
    assert cli("status", "-c", config, "--json").json["accounts"][0]["halts"] == [HALT.id]
    assert HALT.id in cli("status", "-c", config).out


def test_the_status_shows_what_waits_for_somebody(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """Discrepancies for a person, adjustments for the trading process, and that the system is armed."""
    waiting = account_status("main", awaiting_approval=2, unacknowledged=3)
    daemon.replies[GetStatus] = replace(status_view(waiting, account_status("second")), armed=True)
    shown = cli("status", "-c", config).out
    assert "main: 2 wait for approval" in shown
    assert "main: 3 adjustments that the trading process has not acknowledged" in shown
    assert "mode observe (armed)" in shown
    assert "second:" not in shown


def test_the_portfolio_shows_what_is_in_suspense(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """What was adopted and has no cause yet, with the instant up to which everything is part of it."""
    view = portfolio_view("spot")
    suspended = Suspended(Leg("spot", "BTC", Field.TOTAL), Decimal("-0.125"), AT, "main:adjustment")
    daemon.replies[GetPortfolio] = replace(view, accounts=(replace(view.accounts[0], suspense=(suspended,)),))
    shown = cli("portfolio", "show", "-c", config).out
    assert "in suspense" in shown
    assert "-0.125" in shown


@pytest.mark.parametrize("verb", ["approve", "override"])
def test_without_a_daemon_the_exchange_is_read_before_and_after(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """What changes the book opens the system armed: one pass for the proposal, one as the proof."""
    opened = put_fake_system(monkeypatch, FakeSystem(settings_in(config.parent)))
    assert cli("discrepancies", verb, ID, "-c", config, *SAID, *extra(verb)).code == 0
    assert opened.options == [{"standalone": True, "arm": True}]
    assert [type(one) for one, _ in opened.system.asked] == [ReconcileNow, DECISIONS[verb], ReconcileNow]
    opened.system.asked.clear()
    opened.system.replies[DECISIONS[verb]] = Recorded(status="refused", reason="unknown_discrepancy")
    assert cli("discrepancies", verb, ID, "-c", config, *SAID, *extra(verb)).code == 2
    assert [type(one) for one, _ in opened.system.asked] == [ReconcileNow, DECISIONS[verb]]


@pytest.mark.parametrize("verb", ["reject", "ignore"])
def test_without_a_daemon_the_others_are_read_once(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """They are put on record, and nothing is armed for them."""
    opened = put_fake_system(monkeypatch, FakeSystem(settings_in(config.parent)))
    assert cli("discrepancies", verb, ID, "-c", config, *SAID).code == 0
    assert opened.options == [{"standalone": True, "arm": False}]
    assert [type(one) for one, _ in opened.system.asked] == [ReconcileNow, DECISIONS[verb]]


def test_halts_without_a_daemon(cli: Cli, config: Path) -> None:
    """A store is there and holds none; one that is not there is no answer."""
    assert cli("halt", "list", "-c", config).code == 13
    assert cli("exchanges", "pause", "main", "-c", config).code == 0
    assert cli("halt", "list", "-c", config, "--json").json["halts"] == []
    ended = cli("halt", "release", HALT.id, "-c", config, *SAID)
    assert (ended.code, ended.err) == (2, f"{HALT.id}: refused: unknown_halt\n")


def test_arming(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`once --arm` arms the system that it opens; where the mode observes, that does nothing, and is said."""
    opened = put_fake_system(monkeypatch, FakeSystem(settings_in(config.parent)))
    ended = cli("once", "--arm", "-c", config)
    assert ended.code == 0
    assert "--arm does nothing" in ended.err
    ended = cli("once", "--arm", "--set", "mode=recover", "-c", config)
    assert "--arm" not in ended.err
    assert opened.options == [{"standalone": True, "arm": True}] * 2
    assert cli("once", "--arm", "--dry-run", "-c", config).code == 2


def test_a_daemon_is_armed_or_not_by_itself(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """An option that would do nothing is refused."""
    assert cli("once", "--arm", "-c", config).code == 2
    assert cli("once", "--dry-run", "-c", config).code == 2
