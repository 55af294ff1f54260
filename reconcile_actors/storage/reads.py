"""Every question that the store answers, for its writer and for read-only visitors alike. Reads change nothing."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from reconcile_actors.audit.errors import LeafError
from reconcile_actors.audit.leaf import parse_leaf
from reconcile_actors.domain.deliveries import Delivery, Outcome
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.ledger import Json, PendingMessage, StoredBook
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.messages.wire import iso, to_us
from reconcile_actors.storage import log_state
from reconcile_actors.storage.connection import Row
from reconcile_actors.storage.errors import AuditBrokenError
from reconcile_actors.storage.log_state import Fetch
from reconcile_actors.storage.report_rows import REPORT_COLUMNS, report_of
from reconcile_actors.storage.rows import (
    DISCREPANCY_COLUMNS,
    MOVEMENT_COLUMNS,
    book_row_of,
    book_state_of,
    discrepancy_of,
)
from reconcile_actors.storage.text import json_text, json_value

# The columns are constants of this package; values are always bound.
_MOVEMENTS: Final = f"SELECT {MOVEMENT_COLUMNS} FROM movement WHERE exchange = ?"  # noqa: S608 - constant columns
_BY_IDS: Final = f"{_MOVEMENTS} AND id IN (SELECT value FROM json_each(?)) ORDER BY version"  # noqa: S608 - constant columns
_DISCREPANCIES: Final = f"""
    SELECT {DISCREPANCY_COLUMNS} FROM discrepancy
    WHERE (?1 IS NULL OR exchange = ?1) AND (?2 IS NULL OR id = ?2) AND (?3 OR state NOT IN ('resolved', 'ignored'))
    ORDER BY detected_at DESC, id LIMIT ?4
    """  # noqa: S608 - constant columns
_STANDING: Final = (
    f"SELECT {DISCREPANCY_COLUMNS} FROM discrepancy WHERE exchange = ? AND state <> 'resolved' ORDER BY id"  # noqa: S608 - constant columns
)
_REPORTS: Final = f"""
    SELECT {REPORT_COLUMNS} FROM report WHERE ?1 IS NULL OR exchange = ?1 ORDER BY id DESC LIMIT ?2
    """  # noqa: S608 - constant columns
_PENDING: Final = """
    SELECT id, kind, body, created_at FROM outbox
    WHERE done_at IS NULL AND (?1 IS NULL OR kind = ?1) AND id > ?2 ORDER BY id LIMIT ?3
    """
_ENTRIES: Final = """
    SELECT log.seq, leaf, body FROM log LEFT JOIN payload ON payload.seq = log.seq
    WHERE log.seq > ?1
      AND (?2 IS NULL OR json_extract(CAST(leaf AS TEXT), '$.kind') = ?2)
      AND (?3 IS NULL OR json_extract(CAST(leaf AS TEXT), '$.account') = ?3)
      AND (?4 IS NULL OR json_extract(CAST(leaf AS TEXT), '$.at') >= ?4)
    ORDER BY log.seq
    """


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to show; None is any. `since_at` is UTC microseconds; with `after_seq` reading goes on from there."""

    kind: str | None = None
    exchange: str | None = None
    since_at: int | None = None
    after_seq: int | None = None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry of the audit log as it reads. `payload` is None where there is none or it was erased; `at` is UTC microseconds."""

    seq: int
    at: int
    kind: str
    exchange: str | None
    correlation_id: str | None
    body: Mapping[str, Json]
    payload: Mapping[str, Json] | None


class LedgerReads(ABC):
    """The questions. Each sees one state of the store, and raises StoreError where it cannot be read."""

    @abstractmethod
    def _reading(self) -> AbstractAsyncContextManager[Fetch]:
        """One consistent view, while the block lasts."""

    async def load_book(self, exchange: str, ids_limit: int) -> StoredBook:
        """Everything that an account's book is rebuilt from, with the `ids_limit` newest movements that bear an id."""
        async with self._reading() as fetch:
            states = await fetch("SELECT exchange, version, body FROM book_state WHERE exchange = ?", (exchange,))
            state = book_state_of(states[0]) if states else None
            after = 0 if state is None else state.version
            rows = await fetch(f"{_MOVEMENTS} AND version > ? ORDER BY version", (exchange, after))
            recent = await fetch(
                f"{_MOVEMENTS} AND id IS NOT NULL ORDER BY version DESC LIMIT ?", (exchange, ids_limit)
            )
        book = tuple(book_row_of(row) for row in rows)
        return StoredBook(
            version=book[-1].version if book else after,
            state=state,
            rows=book,
            recent=tuple(book_row_of(row).movement for row in reversed(recent)),
        )

    async def find_ids(self, exchange: str, ids: Sequence[str]) -> list[Movement]:
        """All movements of an account that bear one of the ids, oldest first: for ids older than what is kept in memory."""
        async with self._reading() as fetch:
            rows = await fetch(_BY_IDS, (exchange, json_text(ids)))
        return [book_row_of(row).movement for row in rows]

    async def discrepancies(
        self,
        exchange: str | None = None,
        *,
        include_closed: bool = False,
        id: str | None = None,  # noqa: A002 - the field's own name
        limit: int = 10_000,
    ) -> list[BalanceDiscrepancy]:
        """Discrepancies, newest first: the open ones, or with `include_closed` or an `id` (whatever its state) all."""
        closed = int(include_closed or id is not None)
        async with self._reading() as fetch:
            rows = await fetch(_DISCREPANCIES, (exchange, id, closed, limit))
        return [discrepancy_of(row) for row in rows]

    async def standing(self, exchange: str) -> list[BalanceDiscrepancy]:
        """What stands against an account: its open discrepancies, and those that a person said to ignore."""
        async with self._reading() as fetch:
            rows = await fetch(_STANDING, (exchange,))
        return [discrepancy_of(row) for row in rows]

    async def episodes(self, exchange: str) -> dict[tuple[str, str, str], int]:
        """The highest episode so far of each (wallet, currency, field), so that an id is never given twice."""
        async with self._reading() as fetch:
            rows = await fetch(
                "SELECT wallet, currency, field, max(episode) FROM discrepancy WHERE exchange = ?"
                " GROUP BY wallet, currency, field",
                (exchange,),
            )
        return {(wallet, currency, field): episode for wallet, currency, field, episode in rows}

    async def last_report(self, exchange: str) -> ReconciliationReport | None:
        """The newest report of an account, None before its first pass."""
        return next(iter(await self.reports(exchange, limit=1)), None)

    async def reports(self, exchange: str | None = None, *, limit: int = 100) -> list[ReconciliationReport]:
        """Reports, newest first. Balances are there only in those that were stored with their states."""
        async with self._reading() as fetch:
            rows = await fetch(_REPORTS, (exchange, limit))
        return [report_of(row) for row in rows]

    async def outbox_pending(
        self, kind: str | None = None, *, after_id: int = 0, limit: int = 1_000
    ) -> list[PendingMessage]:
        """Messages of a kind, or of all, about which something is still to be said, oldest first."""
        async with self._reading() as fetch:
            rows = await fetch(_PENDING, (kind, after_id, limit))
        return [PendingMessage(id_, kind, json_value(body), created_at) for id_, kind, body, created_at in rows]

    async def unacknowledged(self, kind: str, *, limit: int = 1_000) -> list[Mapping[str, Json]]:
        """The bodies of one kind's messages that nobody has acknowledged, oldest first."""
        async with self._reading() as fetch:
            rows = await fetch(
                "SELECT body FROM outbox WHERE done_at IS NULL AND kind = ? ORDER BY id LIMIT ?", (kind, limit)
            )
        return [json_value(body) for (body,) in rows]

    async def deliveries(self) -> list[Delivery]:
        """What each alert sink was told last, by condition."""
        async with self._reading() as fetch:
            rows = await fetch("SELECT sink, key, event, outcome, said, at FROM delivery ORDER BY sink, key", ())
        return [Delivery(sink, key, event, Outcome(outcome), said, at) for sink, key, event, outcome, said, at in rows]

    async def control(self) -> dict[str, str]:
        """All switches that are set."""
        async with self._reading() as fetch:
            rows = await fetch("SELECT key, value FROM control ORDER BY key", ())
        return dict(rows)  # type: ignore[arg-type]  # pairs, by the SELECT

    async def audit_size(self) -> int:
        """The number of entries in the audit log; the newest has `seq` one below."""
        async with self._reading() as fetch:
            return await log_state.log_size(fetch)

    async def newest_checkpoint(self) -> bytes | None:
        """The signed note over the whole audit log."""
        async with self._reading() as fetch:
            return await log_state.newest_checkpoint(fetch)

    async def audit_entries(self, wanted: AuditFilter, *, limit: int = 1_000) -> list[AuditRecord]:
        """Entries in the order of the log: the newest `limit` that fit, or with `after_seq` the first `limit` after it.

        Raises AuditBrokenError at an entry that cannot be read.
        """
        newest = wanted.after_seq is None
        values = (
            -1 if wanted.after_seq is None else wanted.after_seq,
            wanted.kind,
            wanted.exchange,
            None if wanted.since_at is None else iso(wanted.since_at),
            limit,
        )
        async with self._reading() as fetch:
            rows = await fetch(f"{_ENTRIES} {'DESC' if newest else 'ASC'} LIMIT ?5", values)
        return [_record_of(row) for row in (reversed(rows) if newest else rows)]


def _record_of(row: Row) -> AuditRecord:
    seq, data, payload = row
    try:
        leaf = parse_leaf(bytes(data))
    except LeafError:
        raise AuditBrokenError(f"audit log: entry {seq} is not readable: run `audit verify`") from None
    return AuditRecord(
        seq=seq,
        at=to_us(leaf.at),
        kind=leaf.kind,
        exchange=leaf.account,
        correlation_id=leaf.correlation,
        body=json_value(bytes(data))["body"],
        payload=None if payload is None else json_value(bytes(payload)),
    )
