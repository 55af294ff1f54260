"""The one ledger writer: book, reports, discrepancies and audit log in one SQLite file, each unit whole or not at all (I3, I8).

| module | purpose |
| --- | --- |
| `errors` | what can go wrong, as one word each |
| `lock` | one writer a store |
| `connection` | SQLite opened the one way that keeps the promises of docs/store.md |
| `migrations` | the tables |
| `text`, `rows`, `report_rows` | domain values as rows and back, exact |
| `log_state`, `trusted_head`, `signing` | where the audit log stands, inside the store and outside it |
| `admission` | which units of a group may be written |
| `statements` | what one transaction runs |
| `session` | one open store and its log's author |
| `reads` | every question, for the writer and for read-only visitors |
| `visitor` | `open_read_only` |
| `repository` | `ReconciliationRepository` |
"""

from reconcile_actors.domain.ledger import PendingMessage, StoredBook
from reconcile_actors.storage.errors import AuditBrokenError, StoreFailedError
from reconcile_actors.storage.reads import AuditFilter, AuditRecord
from reconcile_actors.storage.repository import ReconciliationRepository
from reconcile_actors.storage.visitor import LedgerVisitor, open_read_only

__all__ = [
    "AuditBrokenError",
    "AuditFilter",
    "AuditRecord",
    "LedgerVisitor",
    "PendingMessage",
    "ReconciliationRepository",
    "StoreFailedError",
    "StoredBook",
    "open_read_only",
]
