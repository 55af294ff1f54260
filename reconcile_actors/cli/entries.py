"""`audit show`: entries of the log, newest last. Reads beside a running writer; needs no daemon and no lock."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reconcile_actors.cli import output
from reconcile_actors.console.views import schema
from reconcile_actors.errors import UsageError
from reconcile_actors.messages.wire import iso, to_json, to_us
from reconcile_actors.storage import AuditFilter, AuditRecord, LedgerVisitor, open_read_only

_PAGE: Final = 500


async def show_entries(
    store: Path, *, kind: str | None, exchange: str | None, since: str | None, limit: int, as_json: bool
) -> None:
    """Print the newest `limit` entries that fit (0: all, page by page). Raises UsageError or StoreError."""
    since_at = None if since is None else _instant(since)
    wanted = AuditFilter(kind=kind, exchange=exchange, since_at=since_at)
    async with await open_read_only(store) as visitor:
        if as_json:
            async for entry in _entries(visitor, wanted, limit):
                output.print_line({"schema": schema("audit-entry"), **to_json(entry)})
            return
        rows = [
            (entry.seq, iso(entry.at), entry.kind, entry.exchange, json.dumps(to_json(entry.body)))
            async for entry in _entries(visitor, wanted, limit)
        ]
    output.print_table(("seq", "at", "kind", "account", "body"), rows, empty="no entry")


async def _entries(visitor: LedgerVisitor, wanted: AuditFilter, limit: int) -> AsyncIterator[AuditRecord]:
    if limit:
        for entry in await visitor.audit_entries(wanted, limit=limit):
            yield entry
        return
    after = -1
    while page := await visitor.audit_entries(_after(wanted, after), limit=_PAGE):
        for entry in page:
            yield entry
        after = page[-1].seq


def _after(wanted: AuditFilter, seq: int) -> AuditFilter:
    return AuditFilter(kind=wanted.kind, exchange=wanted.exchange, since_at=wanted.since_at, after_seq=seq)


def _instant(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError("--since wants a time, as in 2026-01-31T12:00:00Z") from None
    return to_us(at if at.tzinfo else at.replace(tzinfo=UTC))
