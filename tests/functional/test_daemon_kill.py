"""A daemon that is killed at any moment has what it acknowledged; and how it ends, is found and is refused otherwise."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from reconcile_actors.cli.client import DaemonClient
from reconcile_actors.errors import NoDaemonError
from reconcile_actors.simulation.kraken import Fault, FaultOptions, SimulatedKraken
from tests.functional.cli_programs import PATIENCE_SECONDS, command, daemon, events, run, write_config

KILLS = 50
SEED = 1
WATCHING = 6  # of them with an exchange that is read
BATCH = 15
END_SECONDS = 10  # the public contract: from the signal to the end of the process


@dataclass
class Feeder:
    """A trading process: it sends batch after batch and remembers what was acknowledged, and what it cannot know."""

    client: DaemonClient
    sent: int = 0
    known: set[int] = field(default_factory=set)
    doubtful: set[int] = field(default_factory=set)

    def send(self, numbers: list[int]) -> list[str]:
        """One batch, and its answers."""
        self.doubtful |= set(numbers)
        answers = self.client.post([record(number) for number in numbers], timeout_seconds=PATIENCE_SECONDS)
        assert [one["line"] for one in answers] == list(range(1, len(numbers) + 1))
        self.known |= set(numbers)
        self.doubtful -= set(numbers)
        return [one["status"] for one in answers]

    def send_until_it_dies(self, first: threading.Event) -> None:
        """Batch after batch, until nobody answers."""
        try:
            while True:
                numbers = list(range(self.sent, self.sent + BATCH))
                self.sent += BATCH
                assert set(self.send(numbers)) == {"recorded"}
                first.set()
        except NoDaemonError:
            first.set()


def record(number: int) -> bytes:
    message = {"type": "RecordTransfer", "exchange": "main", "id": f"T{number}", "currency": "USD", "amount": "1"}
    return json.dumps(message).encode()


def opening() -> bytes:
    balances = [{"currency": "USD", "total": "0"}]
    return json.dumps({"type": "SetBalances", "exchange": "main", "version": 1, "balances": balances}).encode()


def booked(client: DaemonClient) -> int:
    """How many transfers the book holds: each is worth one."""
    (account,) = client.get("/api/v1/portfolio")["accounts"]
    (usd,) = account["balances"]
    return int(Decimal(usd["total"]))


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=14, tier=None) as exchange:
        exchange.account.deposit("ZUSD", Decimal(1000))
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    return write_config(tmp_path, kraken)


def kill_in_the_start(config: Path, draw: random.Random) -> None:
    """The kill falls anywhere before the daemon has said that it runs."""
    process = subprocess.Popen(command("run", "-c", config), stderr=subprocess.PIPE, start_new_session=True)
    assert process.stderr is not None
    select.select([process.stderr], [], [], draw.uniform(0.15, 0.8))
    process.kill()
    process.communicate()


def kill_while_it_is_fed(config: Path, feeder: Feeder, draw: random.Random, *, asked: bool) -> None:
    """The kill falls anywhere in its work; what was left open by the kill before is sent again first and counts once."""
    with daemon(config) as process:
        client = feeder.client
        count = booked(client)
        assert len(feeder.known) <= count <= len(feeder.known | feeder.doubtful), "what was acknowledged is there"
        again = sorted(feeder.doubtful)
        if again:
            feeder.send(again)
        assert booked(client) == len(feeder.known)
        if asked:
            client.tell({"type": "ReconcileNow", "exchange": "main"}, timeout_seconds=PATIENCE_SECONDS)
        first = threading.Event()
        thread = threading.Thread(target=feeder.send_until_it_dies, args=(first,))
        thread.start()
        assert first.wait(PATIENCE_SECONDS)
        select.select([], [], [], draw.uniform(0.0, 0.06))  # anywhere in the batches that follow
        process.kill()
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        thread.join()


def test_fifty_kills(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each of 50 SIGKILLs the next daemon has everything acknowledged, nothing twice, and the log verifies at the end."""
    sys.stdout.write(f"seed {SEED}\n")
    draw = random.Random(SEED)
    feeder = Feeder(DaemonClient(config.parent / "store.db.sock"))
    monkeypatch.setenv("RECONCILIATION_ENABLED", "false")
    with daemon(config) as process:
        assert [one["status"] for one in feeder.client.post([opening()])] == ["recorded"]
        process.kill()
        process.wait(PATIENCE_SECONDS)
    watching = set(draw.sample(range(1, KILLS), WATCHING))
    for number in range(1, KILLS):
        monkeypatch.setenv("RECONCILIATION_ENABLED", "true" if number in watching else "false")
        if number not in watching and draw.random() < 0.2:
            kill_in_the_start(config, draw)
        else:
            kill_while_it_is_fed(config, feeder, draw, asked=number in watching)
    monkeypatch.setenv("RECONCILIATION_ENABLED", "false")
    with daemon(config) as process:
        everything = sorted(feeder.known | feeder.doubtful)
        doubtful = len(feeder.doubtful)
        for start in range(0, len(everything), 500):
            statuses = feeder.send(everything[start : start + 500])
            assert statuses.count("recorded") <= doubtful
            assert set(statuses) <= {"recorded", "duplicate"}
        assert booked(feeder.client) == len(everything) > KILLS * BATCH / 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == 143
    assert run("audit", "verify", "-c", config).code == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_time_whatever_it_does(
    config: Path, kraken: SimulatedKraken, number: signal.Signals, code: int
) -> None:
    """In the middle of batches and of a read that hangs: ended within the contract's time, socket gone, log verified."""
    feeder = Feeder(DaemonClient(config.parent / "store.db.sock"))
    arrived = threading.Event()
    kraken.faults.always("*", Fault.SLOW, options=FaultOptions(seconds=3600))
    kraken.requests.on_request(lambda _record: arrived.set())
    with daemon(config) as process:
        feeder.client.post([opening()])
        assert arrived.wait(PATIENCE_SECONDS)
        first = threading.Event()
        thread = threading.Thread(target=feeder.send_until_it_dies, args=(first,))
        thread.start()
        assert first.wait(PATIENCE_SECONDS)
        process.send_signal(number)
        assert process.wait(END_SECONDS) == code
        thread.join()
    kraken.faults.clear()
    assert not (config.parent / "store.db.sock").exists()
    assert run("audit", "verify", "-c", config).code == 0
    shown = run("portfolio", "show", "-c", config, "--json").json["accounts"][0]
    assert len(feeder.known) <= int(shown["balances"][0]["total"]) <= len(feeder.known | feeder.doubtful)


def test_a_second_signal_changes_nothing(config: Path) -> None:
    """An impatient hand on Ctrl-C: the first signal counts."""
    socket = config.parent / "store.db.sock"
    with daemon(config) as process, events(socket, "TradingHaltReleased") as happening:
        process.send_signal(signal.SIGTERM)
        assert list(happening) == []  # the stream ends: the first has arrived, and no lower number can overtake it
        for number in (signal.SIGINT, signal.SIGTERM):
            if process.poll() is None:
                process.send_signal(number)
        assert process.wait(END_SECONDS) == 143


def test_only_its_owner_reaches_it_and_no_second_one_starts(config: Path) -> None:
    """The socket is of mode 0600 in spite of the umask; a second daemon and a writer beside it are refused (11)."""
    before = os.umask(0)
    try:
        with daemon(config):
            assert (config.parent / "store.db.sock").stat().st_mode & 0o777 == 0o600
            assert (config.parent / "audit.key").stat().st_mode & 0o777 == 0o600
            second = run("run", "-c", config)
            assert (second.code, second.out) == (11, "")
    finally:
        os.umask(before)


def test_keys_that_others_may_read_are_refused_before_anything_starts(config: Path, kraken: SimulatedKraken) -> None:
    """Key files readable by others: 12, nothing is asked of the exchange, no store is made."""
    (config.parent / "secret").chmod(0o640)
    for name in ("run", "once"):
        assert run(name, "-c", config).code == 12
    assert kraken.requests.total == 0
    assert not (config.parent / "store.db").exists()


def test_keys_that_the_exchange_refuses(config: Path, kraken: SimulatedKraken) -> None:
    """A key that the exchange does not know: `once` says 12 where every account is refused, and a daemon stays up, unknown."""
    kraken.revoke(kraken.user)
    assert run("once", "-c", config, "--json").code == 12
    with daemon(config):
        client = DaemonClient(config.parent / "store.db.sock")
        client.tell({"type": "ReconcileNow", "exchange": "main"}, timeout_seconds=PATIENCE_SECONDS)
        (account,) = client.get("/api/v1/status")["accounts"]
        assert (account["status"], account["unknown_reason"], account["actor"]) == ("unknown", "credentials", "alive")
        assert client.get("/healthz")["ok"] is True


def test_one_refused_account_of_two_is_unknown(tmp_path: Path, kraken: SimulatedKraken) -> None:
    """Some accounts refused: `once` ends with 3, and says of each what is true."""
    other = kraken.add_account("other")
    config = write_config(
        tmp_path,
        kraken,
        f"""
[exchanges.other]
id = "kraken"
base_url = "{kraken.base_url}"
api_key_file = "other.key"
secret_file = "other.secret"
""",
    )
    for name, text in (("other.key", other.keys.api_key), ("other.secret", other.keys.secret)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    other.account.deposit("ZUSD", Decimal(5))
    assert run("portfolio", "import", "--from-exchange", "-c", config).code == 0
    kraken.revoke(other)
    ended = run("once", "-c", config, "--json")
    assert ended.code == 3
    assert [(one["exchange"], one["status"], one["unknown_reason"]) for one in ended.json["reports"]] == [
        ("main", "matched", None),
        ("other", "unknown", "credentials"),
    ]
