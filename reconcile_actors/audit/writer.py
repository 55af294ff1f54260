"""Turns entries into the rows of one transaction; pure, so that the same entries at the same time give the same bytes.

The order is: `append` makes a batch, the caller writes it in one transaction, and only once that has committed does
`commit` move the state. A batch whose transaction failed is dropped, and the next one takes its numbers. A checkpoint of a
dropped batch must not be shown to anybody: the log would then have signed two heads of one size. Where a transaction's fate
is unknown, the state is read back (`load_state`) before anything else is appended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from reconcile_actors.audit.canonical import MAX_INTEGER, JsonValue
from reconcile_actors.audit.errors import LogStateError
from reconcile_actors.audit.genesis import GENESIS_KIND, genesis_body
from reconcile_actors.audit.keys import SigningKey
from reconcile_actors.audit.leaf import ZERO_HASH, Leaf, build_leaf, commit_payload, format_instant
from reconcile_actors.audit.merkle import Frontier, Node
from reconcile_actors.audit.note import Checkpoint, sign_checkpoint
from reconcile_actors.audit.state import LogState

_TICK: Final = timedelta(microseconds=1)
_SMALL_STEP: Final = timedelta(seconds=1)
_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)  # every time is written with the same number of characters


@dataclass(frozen=True, slots=True)
class Payload:
    """The erasable part of an entry: `body` as it is stored, and 32 random bytes of salt drawn by the caller."""

    salt: bytes = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened, as the caller says it. `body` is restricted JSON (amounts are strings) and can never be erased."""

    kind: str
    body: Mapping[str, JsonValue] = field(repr=False)
    account: str | None = None
    correlation: str | None = None
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A row of `checkpoint`; `at` equals the time in the leaves of its batch."""

    size: int
    note: bytes
    at: str


@dataclass(frozen=True, slots=True)
class PayloadRow:
    """A row of `payload`."""

    seq: int
    salt: bytes = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """All rows that one transaction adds, and the state before and after it."""

    leaves: tuple[Leaf, ...]
    nodes: tuple[Node, ...]
    checkpoint: CheckpointRow
    payloads: tuple[PayloadRow, ...]
    before: LogState = field(repr=False)
    after: LogState = field(repr=False)


class LogWriter:
    """The one author of a log. Not thread safe; one batch is under way at a time."""

    __slots__ = ("_key", "_state")

    def __init__(self, state: LogState, key: SigningKey, origin: str) -> None:
        """`key` must carry the log's name: raises `LogStateError` where `origin` is another."""
        if key.name != origin:
            raise LogStateError("the signing key is not named after the log's origin")
        self._state = state
        self._key = key

    @property
    def state(self) -> LogState:
        """After the last committed batch."""
        return self._state

    def start(self, at: datetime) -> Batch:
        """The first batch of an empty log: its genesis leaf, which names origin, vkey and format."""
        if self._state.size:
            raise LogStateError("the log has its genesis already")
        return self._batch([Entry(GENESIS_KIND, genesis_body(self._key.verifier))], at)

    def append(self, entries: Sequence[Entry], at: datetime) -> Batch:
        """The rows for `entries` (at least one) and one checkpoint over them; the state does not move.

        All leaves of a batch carry one time: `at`, or the next free microsecond where the clock stood still or ran back by
        less than a second, so that two neighbouring batches never share one and a verifier can tell where each ended.
        Raises `LeafError`, `LeafTooLarge` or `CanonicalError` for an entry that `check` refuses.
        """
        if not self._state.size:
            raise LogStateError("the log has no genesis yet")
        if not entries:
            raise LogStateError("a batch holds at least one entry")
        return self._batch(entries, at)

    def check(self, entry: Entry) -> None:
        """Raise what `append` would raise for this entry, at whatever number it gets: one bad entry spoils its batch."""
        build_leaf(
            seq=MAX_INTEGER,
            prev=ZERO_HASH,
            at=_ANY_TIME,
            kind=entry.kind,
            body=entry.body,
            account=entry.account,
            correlation=entry.correlation,
            commit=_commitment(entry),
        )

    def commit(self, batch: Batch) -> None:
        """Move on, once the batch's transaction has committed. Raises `LogStateError` for a batch of another state."""
        if batch.before != self._state:
            raise LogStateError("the batch does not follow this state")
        self._state = batch.after

    def _batch(self, entries: Sequence[Entry], at: datetime) -> Batch:
        before = self._state
        moment = _after(before.last_at, at)
        frontier = Frontier(before.size, before.peaks)
        leaves: list[Leaf] = []
        nodes: list[Node] = []
        prev = before.last_hash
        for seq, entry in enumerate(entries, start=before.size):
            leaf = build_leaf(
                seq=seq,
                prev=prev,
                at=moment,
                kind=entry.kind,
                body=entry.body,
                account=entry.account,
                correlation=entry.correlation,
                commit=_commitment(entry),
            )
            leaves.append(leaf)
            nodes.extend(frontier.append(leaf.hash))
            prev = leaf.hash
        note = sign_checkpoint(Checkpoint(self._key.name, frontier.size, frontier.root()), self._key)
        return Batch(
            leaves=tuple(leaves),
            nodes=tuple(nodes),
            checkpoint=CheckpointRow(frontier.size, note, format_instant(moment)),
            payloads=_payload_rows(entries, before.size),
            before=before,
            after=LogState(frontier.size, frontier.peaks, prev, moment),
        )


def _commitment(entry: Entry) -> bytes | None:
    return None if entry.payload is None else commit_payload(entry.payload.salt, entry.payload.body)


def _payload_rows(entries: Sequence[Entry], first_seq: int) -> tuple[PayloadRow, ...]:
    return tuple(
        PayloadRow(seq, entry.payload.salt, entry.payload.body)
        for seq, entry in enumerate(entries, start=first_seq)
        if entry.payload is not None
    )


def _after(last: datetime | None, at: datetime) -> datetime:
    """`at`, moved past `last` where it is the same or a little earlier; a large step back of the clock is recorded as it is."""
    if last is not None and timedelta() <= last - at < _SMALL_STEP:
        return last + _TICK
    return at
