"""A store that cannot take more, as a script sees it."""

import json
import subprocess
from pathlib import Path

import pytest

from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.cli_programs import PATIENCE_SECONDS, command, run, write_config


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of an account whose exchange is not needed."""
    with SimulatedKraken.start_in_thread(seed=1) as kraken:
        return write_config(tmp_path, kraken)


def reward(number: int, **more: str) -> str:
    """One line: 7 USD gained."""
    record = {"type": "RecordReward", "exchange": "main", "id": f"R{number}", "currency": "USD", "amount": "7"}
    return json.dumps(record | more)


def statuses(out: str) -> list[str]:
    """Of each answer, in order."""
    return [json.loads(line)["status"] for line in out.splitlines()]


def test_a_full_store_is_no_usage_error_and_loses_nothing(config: Path) -> None:
    """Lines that the store refuses end with 13; those answered before are kept, and the log stands."""
    assert run("portfolio", "record", "-c", config, given=reward(0)).code == 0
    given = "\n".join(reward(number) for number in range(600))
    recording = " ".join(command("portfolio", "record", "-c", config))
    full = subprocess.run(
        ["bash", "-c", f"ulimit -f 64; exec {recording}"],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    before = statuses(full.stdout)
    assert len(before) == 600
    assert "refused" in before
    assert full.returncode == 13, full.stderr
    assert run("audit", "verify", "-c", config).code == 0
    again = statuses(run("portfolio", "record", "-c", config, given=given).out)
    assert all(now == "duplicate" for now, then in zip(again, before, strict=True) if then != "refused")


def test_a_statement_drops_no_movement_after_a_restart(config: Path) -> None:
    """Movements later than `includes_through` stay on top of it; a new process that cannot tell which refuses the statement."""
    statement = {"type": "SetBalances", "exchange": "main", "balances": [{"currency": "USD", "total": "100"}]}
    opening = json.dumps(statement | {"version": 1, "includes_through": "2026-01-31T12:00:00Z"})
    later = reward(1, occurred_at="2026-01-31T12:02:00Z")
    assert run("portfolio", "record", "-c", config, given=f"{opening}\n{later}\n").code == 0
    between = json.dumps(statement | {"version": 2, "includes_through": "2026-01-31T12:01:00Z"})
    answer = json.loads(run("portfolio", "record", "-c", config, given=between).out)
    assert (answer["status"], answer["reason"]) == ("refused", "includes_too_little")
    shown = run("portfolio", "show", "-c", config, "--json").json["accounts"][0]
    assert [one["total"] for one in shown["balances"]] == ["107"]
    after = json.dumps(statement | {"version": 2, "includes_through": "2026-01-31T12:02:00Z"})
    assert run("portfolio", "record", "-c", config, given=after).code == 0
