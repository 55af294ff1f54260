"""Which units of a group may be written: pure, so that every way to be refused can be tested without a disk.

Units are taken in order. One that is refused does not stop the others, and a later one sees the book as the earlier ones
leave it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconcile_actors.audit.canonical import canonical_bytes
from reconcile_actors.audit.errors import AuditError
from reconcile_actors.audit.leaf import SALT_BYTES
from reconcile_actors.audit.writer import Entry, Payload
from reconcile_actors.domain.ledger import AuditEntry, Refused, UnitOfWork
from reconcile_actors.storage.connection import SqlValue
from reconcile_actors.storage.errors import Reason
from reconcile_actors.storage.report_rows import report_row
from reconcile_actors.storage.rows import book_state_row, discrepancy_row, movement_row, outbox_row
from reconcile_actors.storage.text import EncodingError


@dataclass(frozen=True, slots=True)
class Admitted:
    """A unit that may be written, as rows that lack only their `seq`; `place` is where it stands in the group."""

    place: int
    entries: tuple[Entry, ...]
    movements: tuple[tuple[SqlValue, ...], ...]
    states: tuple[tuple[SqlValue, ...], ...]
    reports: tuple[tuple[SqlValue, ...], ...]
    discrepancies: tuple[tuple[SqlValue, ...], ...]
    outbox: tuple[tuple[SqlValue, ...], ...]
    control: tuple[tuple[str, str | None], ...]
    acknowledged: tuple[tuple[SqlValue, ...], ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """The units to write, the answers that are settled already, and the book versions once all of it is written."""

    admitted: tuple[Admitted, ...]
    refused: Mapping[int, Refused]
    versions: Mapping[str, int]


def admit(
    units: Sequence[UnitOfWork],
    versions: Mapping[str, int],
    *,
    at: int,
    salt: Callable[[int], bytes],
    check: Callable[[Entry], None] | None = None,
) -> Admission:
    """Sort a group. `versions` holds the book version of every account in it; `salt` draws that many random bytes.

    `check` raises AuditError for an entry that the log cannot hold. It builds each leaf once more, so it is given only after
    the log has refused the whole batch.
    """
    admitted: list[Admitted] = []
    refused: dict[int, Refused] = {}
    now = dict(versions)
    for place, unit in enumerate(units):
        try:
            _check_shape(unit)
            one = _admitted(place, unit, at, salt)
            if check is not None:
                for entry in one.entries:
                    check(entry)
        except (AuditError, EncodingError):
            refused[place] = Refused(Reason.INVALID.value)
            continue
        if unit.exchange is not None:
            version = _next_version(unit, now.get(unit.exchange, 0))
            if version is None:
                refused[place] = Refused(Reason.CONFLICT.value)
                continue
            now[unit.exchange] = version
        admitted.append(one)
    return Admission(tuple(admitted), refused, now)


def _check_shape(unit: UnitOfWork) -> None:
    """A unit without an entry would be an effect without its record (I3); rows of another account would escape the version check."""
    if not unit.entries:
        raise EncodingError("a unit without an audit entry")
    if any(row.movement.exchange != unit.exchange for row in unit.rows):
        raise EncodingError("a book row of another account")
    if unit.state is not None and unit.state.exchange != unit.exchange:
        raise EncodingError("a book state of another account")
    if unit.expected_version is not None and unit.exchange is None:
        raise EncodingError("a version is expected of no account")


def _next_version(unit: UnitOfWork, current: int) -> int | None:
    """The book's version after the unit, None where the unit does not follow the book as it is."""
    if unit.expected_version is not None and unit.expected_version != current:
        return None
    after = current + len(unit.rows)
    if [row.version for row in unit.rows] != list(range(current + 1, after + 1)):
        return None
    if unit.state is not None and not 0 <= unit.state.version <= after:
        return None
    return after


def _admitted(place: int, unit: UnitOfWork, at: int, salt: Callable[[int], bytes]) -> Admitted:
    return Admitted(
        place=place,
        entries=tuple(log_entry(entry, salt) for entry in unit.entries),
        movements=tuple(movement_row(row) for row in unit.rows),
        states=() if unit.state is None else (book_state_row(unit.state, at),),
        reports=() if unit.report is None else (report_row(unit.report, full_states=unit.full_states),),
        discrepancies=tuple(discrepancy_row(one) for one in unit.discrepancies),
        outbox=tuple(outbox_row(row, at) for row in unit.outbox),
        control=unit.control,
        acknowledged=tuple((at, kind, id_) for kind, id_ in unit.acknowledged),
    )


def log_entry(entry: AuditEntry, salt: Callable[[int], bytes]) -> Entry:
    """An entry as the log takes it: the payload as canonical bytes under a salt of its own. Raises CanonicalError."""
    payload = None
    if entry.payload is not None:
        payload = Payload(salt=salt(SALT_BYTES), body=canonical_bytes(dict(entry.payload)))
    return Entry(
        kind=entry.kind,
        body=dict(entry.body),
        account=entry.exchange,
        correlation=entry.correlation_id,
        payload=payload,
    )
