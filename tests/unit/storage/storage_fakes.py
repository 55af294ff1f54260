"""Units of work of every sort, stores in a directory of their own, and a connection that fails on command."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.verdict import VerifyResult
from reconcile_actors.audit.verifier import verify_log
from reconcile_actors.domain.balances import Balance, Field, Leg, Position
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State, discrepancy_id
from reconcile_actors.domain.ledger import AuditEntry, BookRow, BookState, OutboxRow, UnitOfWork
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
from reconcile_actors.storage import ReconciliationRepository
from reconcile_actors.storage.connection import Database, connect_writer

ORIGIN = "example.org/reconcile/test"
START_AT = 1_700_000_000_000_000
ACCOUNT = "kraken-main"
T = TypeVar("T")
_OPENED: list[ReconciliationRepository] = []


class Ticks:
    """A clock of UTC microseconds that moves by one second at each look."""

    def __init__(self) -> None:
        self.now = START_AT

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


async def open_store(folder: Path, **changes: object) -> ReconciliationRepository:
    """The store of a folder: book.db, audit.key and trusted-head in it."""
    settings = {
        "origin": ORIGIN,
        "key_file": folder / "audit.key",
        "trusted_head_file": folder / "trusted-head",
        "utc": Ticks(),
    }
    store = await ReconciliationRepository.open(folder / "book.db", **(settings | changes))
    _OPENED.append(store)
    return store


def run(story: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a test's story; what it left open is closed, since the threads of open stores would keep a failed test run alive."""

    async def whole() -> T:
        try:
            return await story()
        finally:
            while _OPENED:
                await _OPENED.pop().close()

    return asyncio.run(whole())


def verify(folder: Path) -> VerifyResult:
    """What an outsider's verifier says of the folder's log against its trusted head."""
    key = SigningKey.load(folder / "audit.key").verifier
    return verify_log(folder / "book.db", keys=[key], trusted_head=(folder / "trusted-head").read_bytes())


def movement(number: int, exchange: str = ACCOUNT) -> Movement:
    return Movement(
        exchange=exchange,
        wallet="spot",
        type=MovementType.FILL,
        id=f"T{number}",
        effects={Leg("spot", "BTC", Field.TOTAL): Decimal("0.50"), Leg("spot", "USDT", Field.TOTAL): Decimal(-30000)},
        instrument="BTC/USDT",
        order_id=f"O{number}",
        side="buy",
        occurred_at=START_AT + number,
    )


def entry(kind: str = "book.recorded", exchange: str | None = ACCOUNT, **changes: object) -> AuditEntry:
    fields = {"body": {"id": "T1"}, "payload": {"amount": "0.50"}, "correlation_id": "c-1"}
    return AuditEntry(kind=kind, exchange=exchange, **(fields | changes))


def book_unit(version: int, exchange: str = ACCOUNT, **changes: object) -> UnitOfWork:
    """A recording that makes `version` of an account's book."""
    row = BookRow(version, movement(version, exchange), START_AT + version, '{"type":"RecordFill"}')
    fields = {
        "entries": (entry(exchange=exchange),),
        "exchange": exchange,
        "expected_version": version - 1,
        "rows": (row,),
    }
    return UnitOfWork(**(fields | changes))


def discrepancy(episode: int = 1, state: State = State.CONFIRMED, exchange: str = ACCOUNT) -> BalanceDiscrepancy:
    leg = Leg("spot", "BTC", Field.TOTAL)
    return BalanceDiscrepancy(
        id=discrepancy_id(exchange, leg, episode),
        exchange=exchange,
        wallet=leg.wallet,
        currency=leg.currency,
        field=leg.field,
        episode=episode,
        kind=Kind.MISMATCH,
        severity=Severity.WARNING,
        local=Decimal("1.50"),
        exchange_value=Decimal("1.0"),
        difference=Decimal("-0.50"),
        value_usd=None,
        tolerance=Decimal("0.00000001"),
        cause="missed_fill",
        state=state,
        detected_at=START_AT + episode,
        evidence=("T9", "T10"),
    )


def report(exchange: str = ACCOUNT, **changes: object) -> ReconciliationReport:
    fields = {
        "timestamp": START_AT,
        "status": ReconciliationStatus.MATCHED,
        "local_balances": (Balance("BTC", Decimal("1.50"), Decimal("1.0"), Decimal("0.50")),),
        "exchange_balances": (Balance("BTC", Decimal("1.5"), None, None),),
        "local_positions": (Position("BTC/USDC:USDC", Decimal("-0.25")),),
        "exchange_positions": (Position("BTC/USDC:USDC", Decimal("-0.250"), "spot", Decimal(60000)),),
        "book_version": 1,
        "snapshot_digest": "ab" * 32,
        "duration_us": 1_500,
        "history_through": START_AT,
    }
    return ReconciliationReport(exchange=exchange, **(fields | changes))


def full_unit(version: int) -> UnitOfWork:
    """A unit with something for every table."""
    return book_unit(
        version,
        entries=(entry(), entry("pass.completed", payload=None)),
        state=BookState(ACCOUNT, version, {"balances": {"BTC": "1.50"}}),
        report=report(),
        full_states=True,
        discrepancies=(discrepancy(version),),
        outbox=(OutboxRow("alert", {"text": "see the console"}),),
        control=(("paused:kraken-main", "yes"),),
    )


class Plan:
    """Which calls fail: number `at` of those counted from `arm` on, and with `lasting` all after it.

    `executed` says whether the failing call has its effect before it is reported as failed. `calls` notes every call.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fired = False
        self._at: int | None = None

    def arm(self, at: int, *, executed: bool = False, lasting: bool = False, code: int = sqlite3.SQLITE_IOERR) -> None:
        self.calls, self.fired = [], False
        self._at, self._executed, self._lasting, self._code = at, executed, lasting, code

    def disarm(self) -> None:
        self._at = None

    def around(self, sql: str, call: Callable[[], object]) -> object:
        self.calls.append(sql)
        if self._at is None or len(self.calls) < self._at or (self.fired and not self._lasting):
            return call()
        self.fired = True
        if self._executed:
            call()
        error = sqlite3.OperationalError("the text of an error may quote 30000.12")
        error.sqlite_errorcode = self._code
        raise error


class FaultyRaw:
    """A connection whose statements pass by a plan."""

    def __init__(self, raw: sqlite3.Connection, plan: Plan) -> None:
        self._raw = raw
        self._plan = plan

    def execute(self, sql: str, *parameters: object) -> object:
        return self._plan.around(sql, lambda: self._raw.execute(sql, *parameters))

    def executemany(self, sql: str, rows: object) -> object:
        return self._plan.around(sql, lambda: self._raw.executemany(sql, rows))

    @property
    def in_transaction(self) -> bool:
        return self._raw.in_transaction


def faulty(plan: Plan) -> Callable[[Path], object]:
    """A `connect` for `open_store` whose connections, this one and all later ones, pass by the plan."""

    async def connect(path: Path) -> Database:
        sound = await connect_writer(path)
        return Database(sound._connection, FaultyRaw(sound._raw, plan), path)

    return connect


def counts(folder: Path) -> dict[str, int]:
    """Rows by table, as a stranger's connection sees them."""
    connection = sqlite3.connect(folder / "book.db")
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    finally:
        connection.close()
