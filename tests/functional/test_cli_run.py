"""The daemon as a process: found at its socket, fed over it, ended by a signal."""

import os
import signal
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.cli_programs import PATIENCE_SECONDS, command, daemon, events, run, write_config

END_SECONDS = 10  # the public contract: from the signal to the end of the process


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=5, tier=None) as exchange:
        exchange.account.deposit("XXBT", Decimal("1.5"))
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    return write_config(tmp_path, kraken)


OPENING = (
    '{"type":"SetBalances","exchange":"main","version":1,"balances":[{"currency":"BTC","total":"1.5","locked":"0"}]}\n'
)


def test_a_day_with_the_daemon(config: Path, kraken: SimulatedKraken) -> None:
    """Status names the socket, records go in over it, an unreported deposit comes out as an event with its cause, a second daemon is
    refused (11), pause holds, and SIGTERM ends it with 143 in time and a log that verifies."""
    socket = config.parent / "store.db.sock"
    with daemon(config) as process:
        status = run("status", "-c", config, "--json").json
        assert status["socket"] == str(socket)
        assert status["daemon"]["pid"] == process.pid
        assert socket.stat().st_mode & 0o777 == 0o600
        assert run("portfolio", "record", "-c", config, given=OPENING).json["status"] == "recorded"
        with events(socket, "DiscrepancyConfirmed") as found:
            refid = kraken.account.deposit("XXBT", Decimal("0.25"))
            discrepancy = next(found)["discrepancy"]
        assert (discrepancy["cause"], discrepancy["evidence"]) == ("missed_deposit", [refid])
        assert run("discrepancies", "show", discrepancy["id"], "-c", config).code == 0
        assert run("once", "-c", config, "--json").code == 1
        assert run("run", "-c", config).code == 11
        assert run("exchanges", "pause", "main", "-c", config, "--reason", "maintenance").code == 0
        paused = run("status", "-c", config, "--json").json["accounts"][0]
        assert (paused["paused"], paused["unknown_reason"]) == (True, "paused")
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == 143
    assert not socket.exists()
    assert run("audit", "verify", "-c", config).code == 0
    entries = run("audit", "show", "-c", config, "--limit", "0", "--json").out
    assert '"maintenance"' in entries


def test_an_interrupt_ends_it_with_130(config: Path) -> None:
    """SIGINT, as Ctrl-C sends it, also while a client listens to events."""
    with daemon(config) as process, events(config.parent / "store.db.sock"):
        process.send_signal(signal.SIGINT)
        assert process.wait(END_SECONDS) == 130


def test_what_was_acknowledged_survives_a_kill(config: Path) -> None:
    """SIGKILL leaves socket and lock behind; the next daemon starts all the same and the book holds every acknowledged line."""
    with daemon(config) as process:
        assert run("portfolio", "record", "-c", config, given=OPENING).json["status"] == "recorded"
        process.kill()
        process.wait(PATIENCE_SECONDS)
        assert (config.parent / "store.db.sock").is_socket()
        assert run("status", "-c", config, "--json").json["daemon"] is None
    with daemon(config):
        book = run("portfolio", "show", "-c", config, "--json").json["accounts"][0]
        assert {one["currency"]: one["total"] for one in book["balances"]} == {"BTC": "1.5"}
        assert run("portfolio", "record", "-c", config, given=OPENING).json["status"] == "duplicate"


def test_lines_are_answered_one_by_one(config: Path) -> None:
    """A trading process may keep `portfolio record` open and wait for each answer."""
    with daemon(config):
        recorder = subprocess.Popen(
            command("portfolio", "record", "-c", config), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert recorder.stdin is not None
        assert recorder.stdout is not None
        for number in range(1, 4):
            recorder.stdin.write(OPENING.replace('"version":1', f'"version":{number}'))
            recorder.stdin.flush()
            assert f'"line": {number}, "status": "recorded"' in recorder.stdout.readline()
        recorder.communicate()
        assert recorder.returncode == 0


def test_a_daemon_that_is_stopped_gives_no_answer(config: Path) -> None:
    """A hung daemon is told from none: 14, and nothing is opened beside it."""
    with daemon(config) as process:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            ended = run("status", "-c", config, "--json")
        finally:
            os.kill(process.pid, signal.SIGCONT)
    assert (ended.code, ended.out) == (14, "")
    assert "gives no answer" in ended.err


def test_recording_is_interrupted_at_once(config: Path) -> None:
    """Ctrl-C on a `portfolio record` that waits for lines is 130, without a trace of the interpreter's."""
    recorder = subprocess.Popen(
        command("portfolio", "record", "-c", config),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert recorder.stdin is not None
    assert recorder.stdout is not None
    recorder.stdin.write(OPENING)
    recorder.stdin.flush()
    assert recorder.stdout.readline()
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(PATIENCE_SECONDS) == 130
    assert recorder.communicate()[1] == ""
