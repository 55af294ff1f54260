"""The unit of work: everything that must become durable together, as plain values (I3).

One transaction assigns sequence numbers and hashes to all of it; what asked learns by `Committed` or `Refused`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.report import ReconciliationReport

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry to append to the audit log. `body` is in the leaf for ever and holds no amount; `payload` is committed to
    by a salted hash and may be erased later. Numbers in both are whole or strings, never floats."""

    kind: str
    exchange: str | None
    body: Mapping[str, Json]
    payload: Mapping[str, Json] | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class BookRow:
    """One recording in an account's book: version n follows n-1 (bitemporal: `recorded_at` beside the movement's own time).

    `movement.effects` are what the recording changed; `message` is the JSON text of what was reported.
    """

    version: int
    movement: Movement
    recorded_at: int
    message: str


@dataclass(frozen=True, slots=True)
class BookState:
    """A book as of a version, so that a start need not replay for ever."""

    exchange: str
    version: int
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message for the world outside, sent after the commit and until it is acknowledged."""

    kind: str
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """A message of the outbox about which something is still to be said. `created_at` is UTC microseconds."""

    id: int
    kind: str
    body: Mapping[str, Json]
    created_at: int


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """All of it commits, or none. With `expected_version` the account's book must be at that version, else the unit is refused.

    `control` sets small switches by key (a paused account), or clears them with None. `acknowledged` are messages of the
    outbox by kind and the `id` in their body: nobody waits for them any more.
    """

    entries: tuple[AuditEntry, ...]
    exchange: str | None = None
    expected_version: int | None = None
    rows: tuple[BookRow, ...] = ()
    state: BookState | None = None
    report: ReconciliationReport | None = None
    full_states: bool = False
    discrepancies: tuple[BalanceDiscrepancy, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    control: tuple[tuple[str, str | None], ...] = ()
    acknowledged: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """On disk (I8): the sequence numbers that the unit's entries were given."""

    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing of the unit was written; `reason` is one of `version_conflict`, `store_full`, `store_locked`, `store_read_only`,
    `store_corrupt`, `store_failed`, `entry_invalid`, `overloaded`."""

    reason: str


@dataclass(frozen=True, slots=True)
class StoredBook:
    """What an account's book is rebuilt from: a state, the rows after it (by version), and the newest movements with an id.

    `version` is the newest version of the book, 0 for none. `recent` is oldest first and may overlap `rows`.
    """

    version: int
    state: BookState | None
    rows: tuple[BookRow, ...]
    recent: tuple[Movement, ...]
