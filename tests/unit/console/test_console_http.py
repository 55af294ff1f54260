"""The HTTP API through a real server on a real Unix socket."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconcile_actors.console import intake
from reconcile_actors.console.address import connect
from reconcile_actors.console.latest import LatestReports
from reconcile_actors.console.peer import this_user
from reconcile_actors.errors import StoreError
from reconcile_actors.messages import (
    GetDiscrepancies,
    GetStatus,
    PauseExchange,
    ReconcileAll,
    ReconcileNow,
    ReconciliationCompleted,
)
from tests.unit.console.console_fakes import NOON, FakeSystem, discrepancy, report, served, settings_in

FILL = (
    '{"type":"RecordFill","exchange":"main","id":"%s","symbol":"BTC/USD","side":"buy","quantity":"0.5","price":"60000"}'
)


class Client(http.client.HTTPConnection):
    """HTTP over the socket, one request a connection."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self) -> None:
        self.sock = connect(self.path, timeout_seconds=10)


def call(system: FakeSystem, method: str, target: str, body: bytes | str | None = None) -> tuple[int, Any, str]:
    """Status, decoded JSON (a list for JSON lines) and content type."""
    client = Client(system.settings.socket_path)
    try:
        client.request(method, target, body)
        response = client.getresponse()
        text = response.read()
        kind = response.headers["Content-Type"]
    finally:
        client.close()
    lines = [json.loads(line) for line in text.splitlines()]
    return response.status, lines if kind.startswith("application/x-ndjson") else lines[0], kind


@pytest.fixture
def system(tmp_path: Path) -> Iterator[FakeSystem]:
    with served(FakeSystem(settings_in(tmp_path))) as fake:
        yield fake


def test_health_is_503_when_an_actor_is_down(system: FakeSystem) -> None:
    """`/healthz` tells a supervisor whether a restart would help."""
    assert call(system, "GET", "/healthz")[:2] == (200, {"ok": True, "loop": True, "actors": True})
    system.checks = {"loop": True, "actors": False}
    assert call(system, "GET", "/healthz")[0] == 503


def test_readiness_names_each_part(system: FakeSystem) -> None:
    """`/readyz` is 503 until the first full comparison, and names what is lacking."""
    system.ready = {"store": True, "audit": True, "first_comparison": False}
    status, body, _ = call(system, "GET", "/readyz")
    assert status == 503
    assert body == {"ok": False, "store": True, "audit": True, "first_comparison": False}


def test_status_names_the_socket_and_the_worst_account(system: FakeSystem) -> None:
    """The status document holds the socket, the daemon, every account, and an unknown account makes the whole unknown."""
    status, body, _ = call(system, "GET", "/api/v1/status")
    assert status == 200
    assert body["schema"] == "reconcile-actors/status/1"
    assert body["socket"] == str(system.settings.socket_path)
    assert body["status"] == "unknown"
    assert body["daemon"]["pid"]
    assert body["started_at"] == "2026-01-01T00:00:00.000000Z"
    assert [one["exchange"] for one in body["accounts"]] == ["main", "second"]


def test_discrepancies_pass_their_filters_on(system: FakeSystem) -> None:
    """Account and `closed` reach the query, and amounts are strings."""
    status, body, _ = call(system, "GET", "/api/v1/discrepancies?exchange=main&closed=true")
    assert status == 200
    assert body["discrepancies"][0]["local"] == "1.5"
    assert system.asked[-1][0] == GetDiscrepancies(exchange="main", include_closed=True)


@pytest.mark.parametrize(
    ("text", "closed"), [("", False), ("?closed=false", False), ("?closed=0", False), ("?closed=1", True)]
)
def test_closed_is_true_or_false(system: FakeSystem, text: str, closed: bool) -> None:
    """What is neither is refused, and nothing is guessed of it."""
    assert call(system, "GET", f"/api/v1/discrepancies{text}")[0] == 200
    assert system.asked[-1][0] == GetDiscrepancies(include_closed=closed)
    for wrong in ("maybe", "", "TRUE", "2"):
        status, body, _ = call(system, "GET", f"/api/v1/discrepancies?closed={wrong}")
        assert (status, body) == (400, {"error": "closed: true or false is right", "exit_code": 2})


def test_one_discrepancy_by_id_even_with_a_slash(system: FakeSystem) -> None:
    """An id with a symbol in it is one path segment; one that does not exist is 404."""
    assert call(system, "GET", "/api/v1/discrepancies/main:spot:BTC:total:1")[0] == 200
    system.replies[GetDiscrepancies] = lambda query: (discrepancy(id=query.id),)
    body = call(system, "GET", "/api/v1/discrepancies/main:spot:BTC%2FUSD:position:1")[1]
    assert body["discrepancy"]["id"] == "main:spot:BTC/USD:position:1"
    system.replies[GetDiscrepancies] = ()
    assert call(system, "GET", "/api/v1/discrepancies/none")[:2] == (
        404,
        {"error": "no discrepancy of that id", "exit_code": 2},
    )


def test_portfolio_and_an_unknown_account(system: FakeSystem) -> None:
    """The book comes as a document; an account that is not configured is 404 with the known ones."""
    assert call(system, "GET", "/api/v1/portfolio?exchange=main")[1]["schema"] == "reconcile-actors/portfolio/1"
    status, body, _ = call(system, "GET", "/api/v1/portfolio?exchange=nobody")
    assert status == 404
    assert "main, second" in body["error"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_errors_of_the_router_are_json(system: FakeSystem, method: str) -> None:
    """A wrong path and a wrong method are answered in JSON too."""
    assert call(system, method, "/api/v1/status")[:2] == (405, {"error": "Method Not Allowed", "exit_code": 2})
    assert call(system, "GET", "/metrics")[0] == 404


def test_one_message_and_many(system: FakeSystem) -> None:
    """A single object is answered by one, JSON lines by as many lines, in order, once recorded."""
    status, body, kind = call(system, "POST", "/api/v1/messages", FILL % "T1")
    assert (status, body, kind) == (200, {"line": 1, "status": "recorded", "reason": None}, "application/json")
    lines = [FILL % "T1", "", "{nonsense", FILL % "bad1", FILL.replace("main", "nobody") % "T9", FILL % "T2"]
    status, answers, _ = call(system, "POST", "/api/v1/messages", "\n".join(lines))
    assert status == 200
    assert [one["status"] for one in answers] == ["duplicate", "refused", "refused", "refused", "refused", "recorded"]
    assert [one["line"] for one in answers] == [1, 2, 3, 4, 5, 6]
    assert answers[1]["reason"] == "the line is empty"
    assert "no account of that name" in answers[4]["reason"]


def test_an_object_over_several_lines_is_one_message(system: FakeSystem) -> None:
    """Pretty-printed JSON is one message, not a line each."""
    body = json.dumps(json.loads(FILL % "T1"), indent=2)
    assert call(system, "POST", "/api/v1/messages", body)[1] == {"line": 1, "status": "recorded", "reason": None}


def test_a_command_waits_for_the_records_before_it(system: FakeSystem) -> None:
    """A pass that is asked for after a fill sees the fill: records are durable before the command is asked."""
    seen: list[int] = []

    def reply(command: ReconcileNow) -> object:
        seen.append(len(system.recorded))
        return report(command.exchange)

    system.replies[ReconcileNow] = reply
    body = "\n".join([FILL % "T1", '{"type":"ReconcileNow","exchange":"main"}', FILL % "T2"])
    answers = call(system, "POST", "/api/v1/messages", body)[1]
    assert seen == [1]
    assert answers[1]["status"] == "answered"
    assert answers[1]["reply"]["status"] == "matched"


def test_the_actor_is_the_peer_and_not_what_is_claimed(system: FakeSystem) -> None:
    """Who paused is the Unix user at the socket's other end; a message that says otherwise is refused."""
    order = {"type": "PauseExchange", "exchange": "main", "reason": "maintenance", "claimed_by": "alice"}
    assert call(system, "POST", "/api/v1/messages", json.dumps(order))[1]["status"] == "recorded"
    asked = system.asked[-1][0]
    assert asked == PauseExchange(exchange="main", reason="maintenance", claimed_by="alice", actor=this_user())
    forged = call(system, "POST", "/api/v1/messages", json.dumps({**order, "actor": "root"}))[1]
    assert forged["status"] == "refused"
    assert "claimed_by" in forged["reason"]


def test_commands_are_refused_for_accounts_that_are_not_there(system: FakeSystem) -> None:
    """A command for an account that is not configured reaches nobody."""
    body = '{"type":"ReconcileNow","exchange":"nobody"}'
    assert call(system, "POST", "/api/v1/messages", body)[1]["status"] == "refused"
    assert system.asked == []


def test_a_pass_is_given_the_time_that_it_may_take(system: FakeSystem) -> None:
    """A pass may take the configured timeout, a query a few seconds."""
    call(system, "POST", "/api/v1/messages", '{"type":"ReconcileAll"}')
    call(system, "POST", "/api/v1/messages", '{"type":"GetStatus"}')
    assert [(type(one), seconds) for one, seconds in system.asked] == [(ReconcileAll, 32.0), (GetStatus, 5.0)]


def test_a_refusing_store_is_a_refusal_of_the_line(system: FakeSystem) -> None:
    """What the store refused changed nothing, and its line says so."""
    system.failing = StoreError("store: full")
    assert call(system, "POST", "/api/v1/messages", FILL % "T1")[1] == {
        "line": 1,
        "status": "refused",
        "reason": "store: full",
    }
    system.replies[GetStatus] = StoreError("store: full")
    assert call(system, "POST", "/api/v1/messages", '{"type":"GetStatus"}')[1]["status"] == "refused"
    assert call(system, "GET", "/api/v1/status")[:2] == (503, {"error": "store: full", "exit_code": 13})


def test_an_answer_that_is_not_known_is_no_answer(system: FakeSystem) -> None:
    """Where nobody can tell whether a record was taken, the whole request fails: refused would be a lie."""
    system.failing = TimeoutError()
    status, body, _ = call(system, "POST", "/api/v1/messages", FILL % "T1")
    assert status == 504
    assert "send records again" in body["error"]


def test_an_internal_error_is_named_by_type_alone(system: FakeSystem) -> None:
    """The text of an exception may hold an amount, so neither the answer nor a log shows it."""
    system.failing = ValueError("balance 12345.678")
    assert call(system, "POST", "/api/v1/messages", FILL % "T1")[:2] == (
        500,
        {"error": "internal error: ValueError", "exit_code": 70},
    )


def test_bodies_are_bounded(system: FakeSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many bytes, too many lines, too long a line and nothing at all are each refused."""
    assert call(system, "POST", "/api/v1/messages", b"")[0] == 400
    monkeypatch.setattr(intake, "LINE_BYTES_MAX", 50)
    assert "longer than 50" in call(system, "POST", "/api/v1/messages", FILL % "T1")[1]["reason"]
    monkeypatch.setattr(intake, "LINES_MAX", 2)
    assert "more than 2 lines" in call(system, "POST", "/api/v1/messages", b"a\nb\nc")[1]["error"]
    monkeypatch.setattr(intake, "BODY_BYTES_MAX", 10)
    assert "larger than 10 bytes" in call(system, "POST", "/api/v1/messages", b"x" * 11)[1]["error"]


def test_many_records_are_taken_in_order(system: FakeSystem) -> None:
    """More lines than are in flight at once are still recorded in the order sent."""
    body = "\n".join(FILL % f"T{number}" for number in range(600))
    answers = call(system, "POST", "/api/v1/messages", body)[1]
    assert {one["status"] for one in answers} == {"recorded"}
    assert [one.id for one in system.recorded] == [f"T{number}" for number in range(600)]


def test_reports_hold_the_newest_of_each_account(tmp_path: Path) -> None:
    """`/api/v1/reports` follows the system's events and keeps one report an account, in the configuration's order."""

    async def play() -> None:
        system = FakeSystem(settings_in(tmp_path))
        async with LatestReports(system) as latest:
            await system.listening.wait()
            for one in (report("second"), report("main", discrepancy()), report("main")):
                system.publish(ReconciliationCompleted(at=NOON, report=one))
            await system.drained()
            assert [one.exchange for one in latest.of()] == ["main", "second"]
            assert latest.of("main")[0].status == "matched"

    asyncio.run(play())
