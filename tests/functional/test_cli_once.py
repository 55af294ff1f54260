"""`once` and the commands around it, as processes, against the simulated exchange."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.simulation.kraken import Fault, SimulatedKraken
from tests.functional.cli_programs import run, write_config


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    """An exchange with an account that holds something."""
    with SimulatedKraken.start_in_thread(seed=3, tier=None) as exchange:
        exchange.account.deposit("XXBT", Decimal("1.5"))
        exchange.account.deposit("ZUSD", Decimal(25000))
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    return write_config(tmp_path, kraken)


def test_from_nothing_to_a_found_deposit(config: Path, kraken: SimulatedKraken) -> None:
    """A person's first hour: no opening is unknown (3), an import makes it balanced (0), an unreported deposit is found (1), by its
    cause and id, the report of it heals it, and the log of all that verifies."""
    first = run("once", "-c", config, "--json")
    assert first.code == 3
    assert first.json["reports"][0]["unknown_reason"] == "no_opening"
    imported = run("portfolio", "import", "--from-exchange", "-c", config)
    assert imported.code == 0, imported.err
    second = run("once", "-c", config, "--json")
    assert (second.code, second.json["status"]) == (0, "matched"), second.out
    refid = kraken.account.deposit("XXBT", Decimal("0.25"))
    third = run("once", "-c", config, "--json")
    assert (third.code, third.json["status"]) == (1, "discrepant")
    (found,) = third.json["reports"][0]["discrepancies"]
    assert (found["currency"], found["difference"], found["cause"]) == ("BTC", "0.25", "missed_deposit")
    assert found["evidence"] == [refid]
    listed = run("discrepancies", "list", "-c", config, "--json").json["discrepancies"]
    assert [one["id"] for one in listed] == [found["id"]]
    line = f'{{"type":"RecordTransfer","exchange":"main","id":"{refid}","currency":"BTC","amount":"0.25"}}\n'
    recorded = run("portfolio", "record", "-c", config, given=line)
    assert recorded.json == {"line": 1, "status": "recorded", "reason": None}
    fourth = run("once", "-c", config, "--json")
    assert (fourth.code, fourth.json["status"]) == (0, "matched"), fourth.out
    assert run("discrepancies", "list", "-c", config, "--json").json["discrepancies"] == []
    verified = run("audit", "verify", "-c", config, "--json")
    assert (verified.code, verified.json["verdict"]) == (0, "verified")
    status = run("status", "-c", config, "--json")
    assert (status.code, status.json["daemon"], status.json["status"]) == (0, None, "matched")


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.EMPTY_OBJECT, Fault.UNAVAILABLE])
def test_an_exchange_that_answers_badly_is_unknown(config: Path, kraken: SimulatedKraken, fault: Fault) -> None:
    """What cannot be read is neither zero nor balanced: 3, and the local book is as it was (I1)."""
    assert run("portfolio", "import", "--from-exchange", "-c", config).code == 0
    before = run("portfolio", "show", "-c", config, "--json").json["accounts"][0]["balances"]
    kraken.faults.always("BalanceEx", fault)
    ended = run("once", "-c", config, "--json", "--set", "timeout_seconds=6")
    assert (ended.code, ended.json["status"]) == (3, "unknown")
    assert run("portfolio", "show", "-c", config, "--json").json["accounts"][0]["balances"] == before


def test_refused_credentials_of_every_account_are_12(config: Path, kraken: SimulatedKraken) -> None:
    """A key that the exchange does not know: no retry will help."""
    kraken.revoke(kraken.user)
    ended = run("once", "-c", config, "--json", "--set", "timeout_seconds=6")
    assert (ended.code, ended.json["reports"][0]["unknown_reason"]) == (12, "credentials")
    assert run("portfolio", "import", "--from-exchange", "-c", config).code == 12


def test_key_files_that_others_can_read_are_12(config: Path) -> None:
    """Before anything is contacted, with what to do."""
    (config.parent / "key").chmod(0o644)
    ended = run("once", "-c", config)
    assert ended.code == 12
    assert "600" in ended.err


def test_disabled(config: Path, kraken: SimulatedKraken) -> None:
    """RECONCILIATION_ENABLED=false: unknown (disabled), 3, and not one request is made."""
    ended = run("once", "-c", config, "--json", RECONCILIATION_ENABLED="false")
    assert (ended.code, ended.json["reports"][0]["unknown_reason"]) == (3, "disabled")
    assert list(kraken.requests) == []


def test_json_alone_is_on_stdout(config: Path) -> None:
    """Logs go to stderr, even all of them, and no key is among them."""
    ended = run("--log-level", "debug", "--log-json", "once", "-c", config, "--json")
    assert ended.json["schema"] == "reconcile-actors/once/1"
    for secret in ("key", "secret"):
        assert (config.parent / secret).read_text() not in ended.out + ended.err
