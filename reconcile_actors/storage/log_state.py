"""Where the stored audit log stands, read back cheaply, and whether it goes on from the trusted head."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from reconcile_actors.audit.errors import AuditError
from reconcile_actors.audit.keys import VerifierKey
from reconcile_actors.audit.merkle import Frontier, peak_positions
from reconcile_actors.audit.note import verify_checkpoint
from reconcile_actors.audit.state import LogState, restore_state
from reconcile_actors.storage.connection import Parameters, Row
from reconcile_actors.storage.errors import AuditBrokenError

Fetch: TypeAlias = Callable[[str, Parameters], Awaitable[list[Row]]]


async def log_size(fetch: Fetch) -> int:
    """The number of leaves."""
    rows = await fetch("SELECT max(seq) + 1 FROM log", ())
    return int(rows[0][0] or 0)


async def newest_checkpoint(fetch: Fetch) -> bytes | None:
    """The signed note over the whole log, None before the first entry."""
    rows = await fetch("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1", ())
    return bytes(rows[0][0]) if rows else None


async def stored_state(fetch: Fetch, key: VerifierKey) -> LogState:
    """The state to go on from, empty for a new log. Raises AuditBrokenError unless `key` signed exactly what is there."""
    size = await log_size(fetch)
    note = await newest_checkpoint(fetch)
    if size == 0 and note is None:
        return LogState.empty()
    leaves = await fetch("SELECT leaf FROM log WHERE seq = ?", (size - 1,))
    if note is None or not leaves:
        raise AuditBrokenError("audit log: leaves and checkpoints do not belong together: run `audit verify`")
    try:
        return restore_state(
            size=size, last_leaf=bytes(leaves[0][0]), peaks=await _peaks(fetch, size), note=note, key=key
        )
    except AuditError as error:
        raise AuditBrokenError(f"audit log: {error}: run `audit verify`") from None


async def check_head(fetch: Fetch, head: bytes, key: VerifierKey, size: int) -> None:
    """Refuse to go on beside a trusted head that this log does not contain. Raises AuditBrokenError."""
    try:
        trusted = verify_checkpoint(head, [key])
    except AuditError as error:
        raise AuditBrokenError(f"trusted_head_file: {error}: it is not of this log or damaged") from None
    if trusted.size > size:
        raise AuditBrokenError(
            f"trusted_head_file: it covers {trusted.size} entries and the store has {size}: the store is an older copy, or new."
            " Bring back the newer store; to begin anew on purpose, move the trusted head away"
        )
    if Frontier(trusted.size, await _peaks(fetch, trusted.size)).root() != trusted.root:
        raise AuditBrokenError("trusted_head_file: the store holds another history than the head: run `audit verify`")


async def _peaks(fetch: Fetch, size: int) -> list[bytes]:
    peaks: list[bytes] = []
    for level, index in peak_positions(size):
        if level == 0:
            rows = await fetch("SELECT leaf_hash FROM log WHERE seq = ?", (index,))
        else:
            rows = await fetch("SELECT hash FROM node WHERE level = ? AND idx = ?", (level, index))
        if not rows:
            raise AuditBrokenError("audit log: a node of the tree is missing: run `audit verify`")
        peaks.append(bytes(rows[0][0]))
    return peaks
