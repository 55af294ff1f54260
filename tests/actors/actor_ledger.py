"""An in-memory ledger for actor tests: it commits, refuses and hangs as scripted, and reads back what it committed."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence

from reconcile_actors.audit.canonical import canonical_bytes
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, State
from reconcile_actors.domain.ledger import (
    AuditEntry,
    BookRow,
    BookState,
    Committed,
    Json,
    Refused,
    StoredBook,
    UnitOfWork,
)
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.report import ReconciliationReport

Timeline = list[tuple[str, object]]


class FakeLedger:
    """Stands in for the repository. `timeline` gets every committed unit, in order, beside whatever else a test writes there."""

    def __init__(self, timeline: Timeline | None = None) -> None:
        self.timeline: Timeline = [] if timeline is None else timeline
        self.groups: list[list[UnitOfWork]] = []
        self.entries: list[AuditEntry] = []
        self.reports: list[ReconciliationReport] = []
        self.known: dict[str, BalanceDiscrepancy] = {}
        self.switches: dict[str, str] = {}
        self.rows: dict[str, list[BookRow]] = defaultdict(list)
        self.states: dict[str, BookState] = {}
        self.refuse: Callable[[UnitOfWork], str | None] = lambda _unit: None
        self.script: deque[BaseException | float] = deque()
        """What the next commits meet first: an exception to raise, or seconds to take."""
        self.load_script: deque[BaseException] = deque()
        self.unheard: list[tuple[str, Mapping[str, Json]]] = []
        """Kind and body of each message of the outbox that nobody has acknowledged, in order."""
        self.find_script: deque[BaseException] = deque()
        self.control_script: deque[BaseException] = deque()
        self.lookups: list[tuple[str, ...]] = []
        self.loads = 0

    # --- the writer

    async def commit(self, units: Sequence[UnitOfWork]) -> list[Committed | Refused]:
        """One transaction, in order."""
        self.groups.append(list(units))
        if self.script:
            step = self.script.popleft()
            if isinstance(step, BaseException):
                raise step
            await asyncio.sleep(step)
        return [self._commit_one(unit) for unit in units]

    def _commit_one(self, unit: UnitOfWork) -> Committed | Refused:
        reason = self.refuse(unit)
        if reason is not None:
            return Refused(reason)
        for entry in unit.entries:  # what the true log cannot hold, this one must not
            canonical_bytes(entry.body)
            canonical_bytes(entry.payload or {})
        if unit.expected_version is not None and unit.expected_version != self.version(unit.exchange or ""):
            return Refused("version_conflict")
        first = len(self.entries)
        self.entries += unit.entries
        for row in unit.rows:
            self.rows[unit.exchange or ""].append(row)
        if unit.state is not None:
            self.states[unit.state.exchange] = unit.state
        if unit.report is not None:
            self.reports.append(unit.report)
        for one in unit.discrepancies:
            self.known[one.id] = one
        self.unheard += [(one.kind, one.body) for one in unit.outbox]
        self.unheard = [one for one in self.unheard if (one[0], one[1].get("id")) not in unit.acknowledged]
        for key, value in unit.control:
            if value is None:
                self.switches.pop(key, None)
            else:
                self.switches[key] = value
        self.timeline.append(("committed", unit))
        return Committed(first, len(self.entries) - 1)

    async def audit_size(self) -> int:
        """Entries in the log."""
        return len(self.entries)

    # --- what actors read

    async def load_book(self, exchange: str, ids_limit: int) -> StoredBook:
        """As the repository does: a state, the rows after it, the newest ids."""
        self.loads += 1
        if self.load_script:
            raise self.load_script.popleft()
        state = self.states.get(exchange)
        after = 0 if state is None else state.version
        rows = self.rows[exchange]
        recent = [row.movement for row in rows if row.movement.id is not None][-ids_limit:]
        return StoredBook(
            self.version(exchange), state, tuple(row for row in rows if row.version > after), tuple(recent)
        )

    async def unacknowledged(self, kind: str) -> list[Mapping[str, Json]]:
        """The bodies of one kind's messages that nobody has acknowledged."""
        return [body for one, body in self.unheard if one == kind]

    async def find_ids(self, exchange: str, ids: Sequence[str]) -> list[Movement]:
        """Recorded movements that bear one of the ids."""
        self.lookups.append(tuple(ids))
        if self.find_script:
            raise self.find_script.popleft()
        return [row.movement for row in self.rows[exchange] if row.movement.id in set(ids)]

    async def discrepancies(self, exchange: str) -> list[BalanceDiscrepancy]:
        """The open ones."""
        return [one for one in self.known.values() if one.exchange == exchange and one.state.is_open]

    async def standing(self, exchange: str) -> list[BalanceDiscrepancy]:
        """What stands, the ignored ones among it."""
        return [one for one in self.known.values() if one.exchange == exchange and one.state is not State.RESOLVED]

    async def episodes(self, exchange: str) -> dict[tuple[str, str, str], int]:
        """The highest episode of each leg."""
        highest: dict[tuple[str, str, str], int] = {}
        for one in self.known.values():
            if one.exchange == exchange:
                key = (one.wallet, one.currency, str(one.field))
                highest[key] = max(one.episode, highest.get(key, 0))
        return highest

    async def control(self) -> dict[str, str]:
        """The switches that are set."""
        if self.control_script:
            raise self.control_script.popleft()
        return dict(self.switches)

    # --- what tests read

    def version(self, exchange: str) -> int:
        """The newest version of a book."""
        rows = self.rows[exchange]
        state = self.states.get(exchange)
        return max(rows[-1].version if rows else 0, state.version if state else 0)

    def kinds(self, exchange: str | None = None) -> list[str]:
        """The kinds of all entries, in order."""
        return [one.kind for one in self.entries if exchange is None or one.exchange == exchange]

    def of_kind(self, kind: str) -> list[AuditEntry]:
        """The entries of one kind."""
        return [one for one in self.entries if one.kind == kind]

    @property
    def units(self) -> list[UnitOfWork]:
        """Every unit that was committed, in order."""
        return [one for what, one in self.timeline if what == "committed" and isinstance(one, UnitOfWork)]
