"""A theft from end to end: the daemon asks that trading stop, over a kill and a restart, until a person says otherwise."""

import json
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcile_actors.cli.client import DaemonClient
from reconcile_actors.console.peer import this_user
from reconcile_actors.simulation.kraken import SimulatedKraken
from tests.functional.cli_programs import PATIENCE_SECONDS, daemon, events, run, write_config

OPENING = (
    '{"type":"SetBalances","exchange":"main","version":1,"balances":[{"currency":"BTC","total":"1.5","locked":"0"}]}\n'
)
EXTRA = """
[valuation]
prices = {BTC = "60000"}
tickers = false

[halt]
in_observe = true
"""
FIRST = "main:halt:spot:BTC:total:1"


@pytest.fixture
def kraken() -> Iterator[SimulatedKraken]:
    with SimulatedKraken.start_in_thread(seed=21, tier=None) as exchange:
        exchange.account.deposit("XXBT", Decimal("1.5"))
        yield exchange


@pytest.fixture
def config(tmp_path: Path, kraken: SimulatedKraken) -> Path:
    return write_config(tmp_path, kraken, EXTRA)


def standing(config: Path) -> list[dict[str, Any]]:
    """What `halt list` says."""
    ended = run("halt", "list", "-c", config, "--json")
    assert ended.code == 0
    found: list[dict[str, Any]] = ended.json["halts"]
    return found


def test_a_theft_stops_trading_until_a_person_lets_it_go_on(config: Path, kraken: SimulatedKraken) -> None:
    """Asked for within seconds, said again by the next daemon after a kill, acknowledged by the bot, released by a person."""
    socket = config.parent / "store.db.sock"
    with daemon(config) as process:
        assert run("portfolio", "record", "-c", config, given=OPENING).json["status"] == "recorded"
        assert standing(config) == []
        with events(socket, "TradingHaltRequested") as asked:
            kraken.account.withdraw("XXBT", Decimal("1.25"))
            halt = next(asked)["halt"]
        assert (halt["id"], halt["reason"]) == (FIRST, "unreported_withdrawal")
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)

    assert [one["id"] for one in standing(config)] == [FIRST]
    assert run("status", "-c", config, "--json").json["accounts"][0]["halts"] == [FIRST]

    with daemon(config):
        with events(socket, "TradingHaltRequested") as asked:
            assert next(asked)["halt"]["id"] == FIRST
        client = DaemonClient(socket)
        acknowledge = {"type": "AcknowledgeHalt", "exchange": "main", "id": FIRST}
        assert [client.tell(acknowledge)["status"] for _ in range(2)] == ["recorded", "duplicate"]
        (shown,) = standing(config)
        assert shown["acknowledged_at"] is not None
        assert FIRST in run("status", "-c", config).out
        with events(socket, "TradingHaltReleased") as released:
            ended = run("halt", "release", FIRST, "-c", config, "--reason", "our own", "--as", "alice", "--json")
            assert (ended.code, ended.json["status"]) == (0, "recorded")
            assert next(released)["halt"]["released_by"] == this_user()
        assert standing(config) == []
        assert run("halt", "release", FIRST, "-c", config, "--reason", "again").code == 0
        unknown = run("halt", "release", "main:halt:spot:ETH:total:1", "-c", config, "--reason", "none")
        assert (unknown.code, unknown.out) == (2, "")

    entries = [
        json.loads(line) for line in run("audit", "show", "-c", config, "--limit", "0", "--json").out.splitlines()
    ]
    story = [one for one in entries if one["kind"].startswith("halt.")]
    assert [one["kind"] for one in story] == ["halt.requested", "halt.acknowledged", "halt.released"]
    assert story[-1]["body"] == {"id": FIRST, "actor": this_user(), "claimed_by": "alice", "reason": "our own"}
    assert run("audit", "verify", "-c", config).code == 0


def test_without_a_daemon_a_halt_is_listed_and_released(config: Path, kraken: SimulatedKraken) -> None:
    """No daemon and no exchange is needed for it; the next daemon does not ask again for the same loss."""
    socket = config.parent / "store.db.sock"
    with daemon(config):
        assert run("portfolio", "record", "-c", config, given=OPENING).json["status"] == "recorded"
        with events(socket, "TradingHaltRequested") as asked:
            kraken.account.withdraw("XXBT", Decimal("1.25"))
            next(asked)
    kraken.revoke(kraken.user)
    requests = kraken.requests.total
    assert [one["id"] for one in standing(config)] == [FIRST]
    assert run("halt", "release", FIRST, "-c", config, "--reason", "our own").code == 0
    assert standing(config) == []
    assert kraken.requests.total == requests
    entry = json.loads(run("audit", "show", "-c", config, "--kind", "halt.released", "--json").out)
    assert entry["body"]["actor"] == this_user()
