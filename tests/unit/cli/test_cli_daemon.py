"""Commands beside a daemon: they reach it over its socket, and open nothing themselves."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.cli import client as client_module
from reconcile_actors.cli.client import DaemonClient, find_daemon
from reconcile_actors.config import load
from reconcile_actors.console.address import listen
from reconcile_actors.console.peer import this_user
from reconcile_actors.domain.balances import Position
from reconcile_actors.domain.discrepancy import Severity
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.errors import NoDaemonError, StoreError, UnavailableError
from reconcile_actors.messages import GetDiscrepancies, GetPortfolio, GetStatus, PauseExchange, ReconcileNow, Recorded
from tests.unit.cli.cli_fakes import FILL, Cli, names
from tests.unit.console.console_fakes import (
    FakeSystem,
    account_status,
    discrepancy,
    portfolio_view,
    report,
    served,
    status_view,
)


@pytest.fixture
def daemon(config: Path) -> Iterator[FakeSystem]:
    with served(FakeSystem(load(config, environ={}))) as system:
        yield system


def test_status_names_the_socket(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """JSON alone on stdout, with the socket's path; a person gets a table."""
    ended = cli("status", "-c", config, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json["schema"] == "reconcile-actors/status/1"
    assert ended.json["socket"] == str(config.parent / "store.db.sock")
    assert ended.json["daemon"] is not None
    table = cli("status", "-c", config)
    assert "no_opening" in table.out
    assert "daemon: pid" in table.out


def test_portfolio_show(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """The book of one account or all; an account that cannot be compared says why on stderr."""
    ended = cli("portfolio", "show", "-c", config, "--exchange", "main", "--json")
    assert ended.json["accounts"][0]["balances"][0]["total"] == "1.5"
    assert daemon.asked[-1][0] == GetPortfolio(exchange="main")
    table = cli("portfolio", "show", "-c", config)
    assert "1.5" in table.out
    assert table.err == "second: unknown (no_opening)\n"
    assert cli("portfolio", "show", "-c", config, "--exchange", "nobody").code == 2


def test_discrepancies(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """List and show, as JSON and as tables; an id that does not exist is wrong usage."""
    assert cli("discrepancies", "list", "-c", config, "--json").json["discrepancies"][0]["cause"] == "missed_fill"
    assert daemon.asked[-1][0] == GetDiscrepancies()
    assert "missed_fill" in cli("discrepancies", "list", "-c", config, "--all", "--exchange", "main").out
    assert daemon.asked[-1][0] == GetDiscrepancies(exchange="main", include_closed=True)
    found = cli("discrepancies", "show", "main:spot:BTC:total:1", "-c", config, "--json")
    assert found.json["discrepancy"]["evidence"] == ["T1"]
    assert "missed_fill" in cli("discrepancies", "show", "main:spot:BTC:total:1", "-c", config).out
    ended = cli("discrepancies", "show", "nothing", "-c", config)
    assert (ended.code, ended.err) == (2, "no discrepancy of that id\n")


def test_exchanges(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """List, pause and resume; the one who paused is the Unix user, the name given is recorded as claimed."""
    listed = cli("exchanges", "list", "-c", config, "--json")
    assert [one["exchange"] for one in listed.json["exchanges"]] == ["main", "second"]
    assert "closed" in cli("exchanges", "list", "-c", config).out
    assert cli("exchanges", "pause", "main", "-c", config, "--reason", "why", "--as", "alice") == (
        0,
        "",
        "main: paused\n",
    )
    assert daemon.asked[-1][0] == PauseExchange(exchange="main", reason="why", claimed_by="alice", actor=this_user())
    assert cli("exchanges", "resume", "main", "-c", config).code == 0
    assert cli("exchanges", "resume", "nobody", "-c", config).code == 2
    daemon.replies[PauseExchange] = Recorded(status="refused", reason="store_full")
    refused = cli("exchanges", "pause", "main", "-c", config)
    assert refused.code == 13
    assert "store_full" in refused.err


def test_once_runs_in_the_daemon(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """The pass is the daemon's; the exit code and the document are the same as without one."""
    daemon.replies[ReconcileNow] = lambda command: report(command.exchange, discrepancy(exchange=command.exchange))
    ended = cli("once", "-c", config, "--json")
    assert ended.code == 1
    assert ended.json["schema"] == "reconcile-actors/once/1"
    assert ended.json["status"] == "discrepant"
    assert [one["exchange"] for one in ended.json["reports"]] == ["main", "second"]
    table = cli("once", "-c", config, "--exchange", "main")
    assert table.code == 1
    assert "missed_fill" in table.out


def test_once_takes_no_settings_beside_a_daemon(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """The daemon has its own: an option that would do nothing is refused."""
    assert cli("once", "-c", config, "--set", "retry_count=1").code == 2


def test_once_without_an_answer_is_unknown(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """An account whose pass gave no report is unknown and never balanced (I1)."""
    daemon.replies[ReconcileNow] = lambda command: (
        TimeoutError() if command.exchange == "main" else UnavailableError("nobody answers")
    )
    ended = cli("once", "-c", config, "--json")
    assert ended.code == 3
    assert [one["unknown_reason"] for one in ended.json["reports"]] == ["timeout", "crashed"]


def test_a_broken_audit_log_is_5(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """Whatever the reports say."""
    daemon.ready["audit"] = False
    assert cli("once", "-c", config, "--json").code == 5


@pytest.mark.parametrize(("bar", "code"), [("info", 1), ("warning", 0)])
def test_fail_on(cli: Cli, config: Path, daemon: FakeSystem, bar: str, code: int) -> None:
    """`--fail-on info` makes the smallest confirmed discrepancy count."""
    small = discrepancy(severity=Severity.INFO)
    daemon.replies[ReconcileNow] = lambda command: report(command.exchange, small)
    assert cli("once", "-c", config, "--json", "--fail-on", bar, "--exchange", "main").code == code


def test_refused_credentials_of_every_account_are_12(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """No retry will help: the code tells a supervisor to stop trying."""
    daemon.replies[ReconcileNow] = lambda command: report(command.exchange, unknown=UnknownReason.CREDENTIALS)
    assert cli("once", "-c", config).code == 12


def test_record_through_the_daemon(cli: Cli, config: Path, daemon: FakeSystem, tmp_path: Path) -> None:
    """One answer a line, in order: recorded, duplicate, and each reason to refuse; good lines are kept."""
    lines = [
        FILL % "T1",
        FILL % "T1",
        "{nonsense",
        '{"type":"GetStatus"}',
        "",
        FILL % "bad1",
        FILL.replace("main", "nobody") % "T3",
        FILL % "T2",
    ]
    file = tmp_path / "lines"
    file.write_text("\n".join(lines))
    ended = cli("portfolio", "record", "-c", config, file)
    assert ended.code == 2
    assert [one["line"] for one in ended.lines] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert names(ended.lines) == ["recorded", "duplicate", *["refused"] * 5, "recorded"]
    assert ended.lines[2]["reason"].startswith("not valid JSON")
    assert ended.lines[3]["reason"].startswith("GetStatus is no record")
    assert ended.lines[4]["reason"] == "the line is empty"
    assert ended.lines[5]["reason"] == "conflict"


def test_answers_that_are_lost_end_the_recording(cli: Cli, config: Path, daemon: FakeSystem, tmp_path: Path) -> None:
    """A record of which nobody can say whether it was taken is not called refused: the command fails instead."""
    daemon.failing = TimeoutError()
    file = tmp_path / "lines"
    file.write_text(FILL % "T1")
    ended = cli("portfolio", "record", "-c", config, file)
    assert (ended.code, ended.out) == (14, "")
    assert "send records again" in ended.err


def test_the_daemons_error_keeps_its_code(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """A store that fails in the daemon is 13 at the command line too."""
    daemon.replies[GetStatus] = StoreError("store: damaged")
    ended = cli("status", "-c", config)
    assert (ended.code, ended.err) == (13, "store: damaged\n")


def test_a_daemon_that_does_not_answer_is_told_from_none(
    cli: Cli, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody listens and says nothing: that is neither a status nor "no daemon"."""
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", 0.05)
    with listen(tmp_path / "store.db.sock"):
        ended = cli("status", "-c", config)
    assert ended.code == 14
    assert "gives no answer" in ended.err


def test_what_the_socket_may_do_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, nobody behind it, not allowed, too slow, not a socket: each is told apart."""
    path = tmp_path / "a.sock"
    assert find_daemon(path) is None
    listen(path).close()
    assert find_daemon(path) is None
    for error, text in (
        (PermissionError(), r"may not use"),
        (TimeoutError(), r"no answer"),
        (OSError(5, "Input/output error"), r"Input/output"),
    ):

        def fail(*_: object, error: OSError = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(client_module, "connect", fail)
        with pytest.raises(NoDaemonError, match=text):
            find_daemon(path)
    with pytest.raises(NoDaemonError, match="ended the talk"):
        DaemonClient(path).get("/healthz")


def test_an_answer_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error without the form of ours is still an error."""
    assert client_module._refusal(b"<html>").exit_code == 14


def test_a_daemon_with_positions_shows_them(cli: Cli, config: Path, daemon: FakeSystem) -> None:
    """Positions stand in a table of their own."""
    view = portfolio_view("spot")
    account = replace(view.accounts[0], positions=(Position("BTC/USD:USD", Decimal("-0.25")),))
    daemon.replies[GetPortfolio] = replace(view, accounts=(account,))
    assert "-0.25" in cli("portfolio", "show", "-c", config).out
    daemon.replies[GetStatus] = status_view(account_status("main", paused=True))
    assert "yes" in cli("exchanges", "list", "-c", config).out
