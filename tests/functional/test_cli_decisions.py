"""Repairs and decisions by processes: a dry run tells, an armed one repairs, what is held waits for a person (4) who decides."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.cli_programs import daemon, events, run, write_config

EXTRA = """
[reconciliation]
mode = "recover"

[valuation]
prices = {BTC = "60000", USD = "1"}
tickers = false
"""


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=31, tier=None) as exchange:
        exchange.account.deposit("XXBT", Decimal("1.5"))
        exchange.account.deposit("ZUSD", Decimal(25000))
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    config = write_config(tmp_path, kraken, EXTRA)
    assert run("portfolio", "import", "--from-exchange", "-c", config).code == 0
    return config


def usd(config: Path) -> str:
    """The book's USD."""
    (account,) = run("portfolio", "show", "-c", config, "--json").json["accounts"]
    total: str = next(one["total"] for one in account["balances"] if one["currency"] == "USD")
    return total


def test_a_dry_run_tells_and_an_armed_one_repairs(config: Path, kraken: SimulatedKraken) -> None:
    """Neither the mode alone nor a dry run posts anything; armed the deposit is booked, and the pass ends balanced (0)."""
    kraken.account.deposit("ZUSD", Decimal(50))
    dry = run("once", "--dry-run", "-c", config, "--json")
    assert dry.code == 1
    (plan,) = dry.json["plans"]
    assert (plan["action"], plan["discrepancies"]) == ("backfill", ["main:spot:USD:total:1"])
    assert usd(config) == "25000"
    assert run("once", "-c", config).code == 1
    assert usd(config) == "25000"
    armed = run("once", "--arm", "-c", config, "--json")
    assert armed.code == 0, armed.out
    assert usd(config) == "25050"


def test_what_is_held_waits_for_a_person(config: Path, kraken: SimulatedKraken) -> None:
    """A large withdrawal that nobody reported waits (4), also from one run to the next; approved it is booked."""
    kraken.account.withdraw("ZUSD", Decimal(5000))
    held = run("once", "--arm", "-c", config, "--json")
    (found,) = held.json["reports"][0]["discrepancies"]
    assert (held.code, found["state"]) == (4, "awaiting_approval"), held.out
    assert usd(config) == "25000"
    unknown = run("discrepancies", "approve", "main:spot:USD:total:9", "-c", config, "--reason", "none")
    assert (unknown.code, unknown.err) == (2, "main:spot:USD:total:9: refused: unknown_discrepancy\n")
    approved = run(
        "discrepancies", "approve", found["id"], "-c", config, "--reason", "our own", "--as", "alice", "--json"
    )
    assert (approved.code, approved.json["status"]) == (0, "recorded"), approved
    assert usd(config) == "20000"
    assert run("once", "-c", config).code == 0
    entries = run("audit", "show", "-c", config, "--limit", "0").out
    assert "resolution.approved" in entries
    assert run("audit", "verify", "-c", config).code == 0


def test_an_armed_daemon_takes_a_decision_over_its_socket(config: Path, kraken: SimulatedKraken) -> None:
    """It says that it is armed, what waits for a person, and does what that person approves."""
    socket = config.parent / "store.db.sock"
    with daemon(config, "--arm"):
        with events(socket, "ApprovalRequested") as asked:
            kraken.account.withdraw("ZUSD", Decimal(5000))
            found = next(asked)["discrepancy"]
        shown = run("status", "-c", config, "--json").json
        assert (shown["armed"], shown["accounts"][0]["awaiting_approval"]) == (True, 1)
        assert shown["accounts"][0]["halts"] == ["main:halt:spot:USD:total:1"]
        with events(socket, "PortfolioAdjusted") as adjusted:
            approved = run("discrepancies", "approve", found["id"], "-c", config, "--reason", "our own")
            assert approved.code == 0, approved.err
            assert next(adjusted)["adjustment"]["discrepancies"] == [found["id"]]
    assert usd(config) == "20000"
    assert run("status", "-c", config, "--json").json["accounts"][0]["unacknowledged"] == 1


@pytest.mark.parametrize(("verb", "code"), [("reject", 1), ("ignore", 0)])
def test_a_person_says_no(config: Path, kraken: SimulatedKraken, verb: str, code: int) -> None:
    """Rejected it stands and is not proposed again; ignored it is expected, and the account is balanced but for it."""
    kraken.account.withdraw("ZUSD", Decimal(5000))
    held = run("once", "--arm", "-c", config, "--json")
    (found,) = held.json["reports"][0]["discrepancies"]
    assert run("discrepancies", verb, found["id"], "-c", config, "--reason", "known").code == 0
    again = run("once", "--arm", "-c", config, "--json")
    assert again.code == code, again.out
    assert usd(config) == "25000"
