"""The next unit of work of one account's book, as it is being put together."""

from dataclasses import dataclass, field

from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.ledger import AuditEntry, BookRow, BookState, OutboxRow, UnitOfWork


@dataclass(slots=True)
class Draft:
    """`start` is the book's version before it. `adjusted` is what the trading process is told once it is durable."""

    exchange: str
    start: int
    rows: list[BookRow] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    discrepancies: list[BalanceDiscrepancy] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    control: list[tuple[str, str | None]] = field(default_factory=list)
    adjusted: list[Adjustment] = field(default_factory=list)

    def unit(self, state: BookState | None, without_entries: AuditEntry) -> UnitOfWork:
        """All of it; a state alone has an entry of its own."""
        return UnitOfWork(
            entries=tuple(self.entries or [without_entries]),
            exchange=self.exchange,
            expected_version=self.start,
            rows=tuple(self.rows),
            state=state,
            discrepancies=tuple(self.discrepancies),
            outbox=tuple(self.outbox),
            control=tuple(self.control),
        )
