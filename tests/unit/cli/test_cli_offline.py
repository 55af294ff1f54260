"""Commands without a daemon: they ask the store, or write into it, by themselves."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.config import load
from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.ledger import AuditEntry, UnitOfWork
from reconcile_actors.errors import StoreError
from reconcile_actors.messages import GetProposals, PauseExchange, ReconcileNow, ResumeExchange
from reconcile_actors.messages.views import ProposedRepair
from reconcile_actors.storage import ReconciliationRepository
from tests.unit.cli.cli_fakes import FILL, Cli, names, put_fake_system
from tests.unit.console.console_fakes import AT, FakeSystem, discrepancy, report, settings_in

OPENING = '{"type":"SetBalances","exchange":"main","version":1,"balances":[{"currency":"BTC","total":"1"},{"currency":"USD","total":"9"}]}'


def store_findings(config: Path, *, reported: bool = True) -> None:
    """A store with a report and a discrepancy of account main, which the report has or knows nothing of."""
    settings = load(config, environ={})

    async def write() -> None:
        repository = await ReconciliationRepository.open(
            settings.store.path,
            origin=settings.audit.origin,
            key_file=settings.audit.key_file,
            trusted_head_file=settings.audit.trusted_head_file,
            utc=lambda: AT,
        )
        async with repository:
            found = discrepancy()
            unit = UnitOfWork(
                entries=(AuditEntry("pass.completed", "main", {"status": "discrepant"}, {"difference": "-0.5"}),),
                report=report("main", found) if reported else report("main"),
                discrepancies=(found,),
            )
            await repository.commit([unit])

    asyncio.run(write())


def record(cli: Cli, config: Path, *lines: str) -> list[str]:
    """The statuses of lines recorded into the store."""
    file = config.parent / "lines.jsonl"
    file.write_text("\n".join(lines))
    return names(cli("portfolio", "record", "-c", config, file).lines)


def test_record_and_show_without_a_daemon(cli: Cli, config: Path) -> None:
    """What is recorded is in the book of the next process, and what is sent again counts once."""
    assert record(cli, config, OPENING, FILL % "T1") == ["recorded", "recorded"]
    assert record(cli, config, OPENING, FILL % "T1") == ["duplicate", "duplicate"]
    ended = cli("portfolio", "show", "-c", config, "--json", "--exchange", "main")
    assert ended.code == 0
    balances = {one["currency"]: one["total"] for one in ended.json["accounts"][0]["balances"]}
    assert balances == {"BTC": "1.5", "USD": "-29991"}
    assert ended.json["accounts"][0]["openings"] == ["spot"]


def test_status_without_a_daemon_is_the_last_known(cli: Cli, config: Path) -> None:
    """`daemon` is null; an account with a report shows it, one without is unknown (not_read)."""
    store_findings(config)
    ended = cli("status", "-c", config, "--json")
    assert ended.code == 0
    assert ended.json["daemon"] is None
    assert ended.json["started_at"] is None
    assert ended.json["socket"].endswith("store.db.sock")
    main, second = ended.json["accounts"]
    assert (main["status"], main["open_discrepancies"]) == ("discrepant", 1)
    assert (second["status"], second["unknown_reason"]) == ("unknown", "not_read")
    assert "daemon: none" in cli("status", "-c", config).out


def test_status_without_a_daemon_counts_what_was_found_since_the_last_pass(cli: Cli, config: Path) -> None:
    """A loss that was confirmed after a matched pass is no match, although the daemon was killed before its next pass."""
    store_findings(config, reported=False)
    main, _ = cli("status", "-c", config, "--json").json["accounts"]
    assert (main["status"], main["open_discrepancies"]) == ("discrepant", 1)


def test_discrepancies_without_a_daemon(cli: Cli, config: Path) -> None:
    """List and show read the store."""
    store_findings(config)
    assert cli("discrepancies", "list", "-c", config, "--json").json["discrepancies"][0]["difference"] == "-0.5"
    assert cli("discrepancies", "list", "-c", config, "--exchange", "second").out == "no discrepancy\n"
    assert "missed_fill" in cli("discrepancies", "show", "main:spot:BTC:total:1", "-c", config).out
    assert cli("discrepancies", "show", "none", "-c", config).code == 2


def test_a_store_that_is_not_there_yet_is_13(cli: Cli, config: Path) -> None:
    """No store is no answer: neither balanced nor empty."""
    for command in (("status",), ("discrepancies", "list"), ("audit", "show"), ("exchanges", "list")):
        assert cli(*command, "-c", config).code == 13


def test_pause_without_a_daemon_holds_for_the_next(cli: Cli, config: Path) -> None:
    """The switch is in the store and in the audit log, with the Unix user as the one who did it."""
    assert cli("exchanges", "pause", "main", "-c", config, "--as", "alice").code == 0
    assert cli("exchanges", "list", "-c", config, "--json").json["exchanges"][0]["paused"] is True
    entries = cli("audit", "show", "-c", config, "--exchange", "main", "--json").lines
    (paused,) = [one for one in entries if one["body"].get("claimed_by") == "alice"]
    assert paused["body"]["actor"] not in {None, "alice"}
    assert paused["schema"] == "reconcile-actors/audit-entry/1"
    assert cli("exchanges", "resume", "main", "-c", config).code == 0
    assert cli("exchanges", "list", "-c", config, "--json").json["exchanges"][0]["paused"] is False


def test_the_order_alone_bears_the_user(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause and resume open a system that contacts no exchange."""
    opened = put_fake_system(monkeypatch, FakeSystem(settings_in(config.parent)))
    assert cli("exchanges", "pause", "main", "-c", config).code == 0
    assert cli("exchanges", "resume", "main", "-c", config).code == 0
    assert opened.options == [{"standalone": True, "contact_exchanges": False}] * 2
    assert [type(one) for one, _ in opened.system.asked] == [PauseExchange, ResumeExchange]


def test_once_opens_a_system_of_its_own(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trading process feeds it; dry run observes whatever the mode, and `--set` reaches the settings."""
    opened = put_fake_system(monkeypatch, FakeSystem(settings_in(config.parent)))
    plan = ProposedRepair("main", ("main:spot:BTC:total:1",), Action.HOLD, "too_large")
    opened.system.replies[GetProposals] = lambda query: (plan,) if query.exchange == "main" else ()
    ended = cli("once", "-c", config, "--json", "--dry-run", "--set", "timeout_seconds=7")
    assert ended.code == 0
    assert [one["status"] for one in ended.json["reports"]] == ["matched", "matched"]
    assert opened.options == [{"standalone": True, "arm": False}]
    assert opened.system.settings.reconciliation.mode == "observe"
    asked = [(kind(exchange=one), 9.0) for kind in (ReconcileNow, GetProposals) for one in ("main", "second")]
    assert opened.system.asked == asked
    assert ended.json["plans"][0]["reason"] == "too_large"
    table = cli("once", "-c", config, "--dry-run", "--exchange", "main")
    assert "too_large" in table.out
    opened.system.replies[GetProposals] = ()
    assert "nothing would be done" in cli("once", "-c", config, "--dry-run").out
    assert "plans" not in cli("once", "-c", config, "--json").json
    assert cli("once", "-c", config, "--exchange", "nobody").code == 2


def test_once_without_an_answer(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass without an answer is unknown (3); an error that has a code of its own keeps it."""
    system = put_fake_system(monkeypatch, FakeSystem(settings_in(config.parent))).system
    system.replies[ReconcileNow] = TimeoutError()
    ended = cli("once", "-c", config, "--json")
    assert (ended.code, ended.json["status"]) == (3, "unknown")
    system.replies[ReconcileNow] = StoreError("store: full")
    assert cli("once", "-c", config, "--json").code == 13


def test_disabled_is_unknown(cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With RECONCILIATION_ENABLED=false no exchange is contacted, every account is unknown (disabled), and `once` exits 3."""
    monkeypatch.setenv("RECONCILIATION_ENABLED", "false")
    ended = cli("once", "-c", config, "--json")
    assert ended.code == 3
    assert {one["unknown_reason"] for one in ended.json["reports"]} == {"disabled"}
    assert record(cli, config, OPENING) == ["recorded"]


def test_missing_keys_are_a_configuration_error(cli: Cli, config: Path) -> None:
    """The variable that is not set is named."""
    ended = cli("once", "-c", config)
    assert ended.code == 10
    assert "NO_SUCH_KEY" in ended.err


def test_verify_follows_the_configuration(cli: Cli, config: Path) -> None:
    """With -c the key and the trusted head are the configuration's: 0, and the size is printed."""
    record(cli, config, OPENING)
    ended = cli("audit", "verify", "-c", config, "--json")
    assert ended.code == 0
    assert ended.json["schema"] == "reconcile-actors/audit-verify/1"
    assert (ended.json["verdict"], ended.json["unanchored_tail"], ended.json["first_bad_seq"]) == ("verified", 0, None)
    assert ended.json["trusted_head"] == str(config.parent / "head")
    assert "verified" in cli("audit", "verify", "-c", config).out


def test_verify_by_options_alone(cli: Cli, config: Path) -> None:
    """A key and a head from elsewhere verify a bare file; without a head it is 6, with another key 4."""
    record(cli, config, OPENING)
    store, head = config.parent / "store.db", config.parent / "head"
    key = SigningKey.load(config.parent / "audit.key").verifier.vkey
    key_file = config.parent / "log.vkey"
    key_file.write_text(key + "\n")
    assert cli("audit", "verify", "--db", store, "--trusted-head", head, "--vkey", key).code == 0
    assert cli("audit", "verify", "--db", store, "--trusted-head", head, "--vkey", key_file).code == 0
    assert cli("audit", "verify", "--db", store, "--vkey", key).code == 6
    assert cli("audit", "verify", "--db", store).code == 6
    assert cli("audit", "verify", "--db", store, "--trusted-head", head).code == 6
    other = SigningKey.generate("localhost/reconcile-actors").verifier.vkey
    assert cli("audit", "verify", "--db", store, "--trusted-head", head, "--vkey", other).code == 4


def test_verify_finds_an_edit(cli: Cli, config: Path) -> None:
    """An altered entry is 1, with the first bad sequence number."""
    record(cli, config, OPENING, FILL % "T1")
    store = config.parent / "store.db"
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DROP TRIGGER IF EXISTS log_update")
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(
            "UPDATE log SET leaf = CAST(replace(CAST(leaf AS TEXT), 'RecordFill', 'RecordXill') AS BLOB)"
        )
    ended = cli("audit", "verify", "-c", config, "--json")
    assert ended.code == 1
    assert ended.json["first_bad_seq"] > 0


def test_verify_says_what_it_lacks(cli: Cli, config: Path) -> None:
    """Neither file nor configuration, a head or key that cannot be read: usage; a key file that is gone: 4; no store: 7."""
    assert cli("audit", "verify").code == 2
    store = config.parent / "store.db"
    assert cli("audit", "verify", "--db", store, "--trusted-head", config.parent / "none").code == 2
    assert cli("audit", "verify", "--db", store, "--vkey", "nonsense").code == 2
    assert cli("audit", "verify", "--db", store).code == 7
    assert cli("audit", "verify", "-c", config).code == 4


def test_audit_show_filters_and_pages(cli: Cli, config: Path) -> None:
    """Kind, time and number; 0 is all of them, in the order of the log."""
    record(cli, config, OPENING, *(FILL % f"T{number}" for number in range(30)))
    every = cli("audit", "show", "-c", config, "--limit", "0", "--json").lines
    assert [one["seq"] for one in every] == list(range(len(every)))
    assert len(cli("audit", "show", "-c", config, "--limit", "3", "--json").lines) == 3
    fills = cli("audit", "show", "-c", config, "--kind", "book.fill", "--json").lines
    assert len(fills) == 30
    assert fills[0]["payload"]["message"]["quantity"] == "0.5"
    assert cli("audit", "show", "-c", config, "--since", "2999-01-01").out == "no entry\n"
    assert "book.fill" in cli("audit", "show", "-c", config, "--since", "2020-01-01T00:00:00Z").out
    assert cli("audit", "show", "-c", config, "--since", "yesterday").code == 2
