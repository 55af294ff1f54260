"""What the actors say to each other. Roles are names; replies carry the token of what they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.changes import Record
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.ledger import AuditEntry, Committed, Refused, UnitOfWork
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.domain.window import BookWindow
from reconcile_actors.exchanges.port import AdapterFacts

SUPERVISOR: Final = "supervisor"
PORTFOLIO: Final = "portfolio"
AUDIT: Final = "audit"


def reconciliation_role(exchange: str) -> str:
    """The role of an account's reconciliation actor."""
    return f"reconciliation:{exchange}"


@dataclass(frozen=True, slots=True)
class Commit:
    """To the audit actor: make this durable. Answered by CommitResult."""

    token: int
    unit: UnitOfWork


@dataclass(frozen=True, slots=True)
class CommitResult:
    """From the audit actor: what became of a unit of work."""

    token: int
    result: Committed | Refused


@dataclass(frozen=True, slots=True)
class GetWindow:
    """To the portfolio actor: the book of an account, at rest, and which of these it still lacks. Answered by WindowIs.

    `named` are movements that it lacked at the last look into history: one that was reported since is missing no more.
    `within_us` is how far own times may differ where the exchange gives no id.
    """

    exchange: str
    token: int
    named: Sequence[Movement] = field(repr=False, default=())
    steps: Mapping[str, Decimal] = field(repr=False, default_factory=dict)
    within_us: int = 0


@dataclass(frozen=True, slots=True)
class WindowIs:
    """From the portfolio actor: the book, and what it lacks at that version of the movements that were asked for."""

    token: int
    window: BookWindow = field(repr=False)
    missing: tuple[Missing, ...] = field(repr=False, default=())


@dataclass(frozen=True, slots=True)
class CheckHistory:
    """To the portfolio actor: which of these movements does the book lack? Answered by HistoryChecked."""

    exchange: str
    token: int
    movements: Sequence[Movement] = field(repr=False)
    steps: Mapping[str, Decimal] = field(repr=False, default_factory=dict)
    within_us: int = 0


@dataclass(frozen=True, slots=True)
class HistoryChecked:
    """From the portfolio actor."""

    token: int
    missing: tuple[Missing, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LegsExact:
    """To the portfolio actor: these legs agreed to the last digit; tolerance is measured from here on."""

    exchange: str
    version: int
    legs: tuple[Leg, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PostAdjustment:
    """To the portfolio actor: post this repair, in its turn among the reports. Answered by PostingAnswered.

    `backfill` is posted under the exchange's ids, `adopt` into suspense as of `cut_at` (UTC us). It was decided on the book at
    `version`. `discrepancies` as they stand once it is posted, `entries` and `control` are written in the same unit.
    """

    exchange: str
    token: int
    adjustment: Adjustment = field(repr=False)
    backfill: tuple[Record, ...] = field(repr=False)
    adopt: Mapping[Leg, Decimal] = field(repr=False)
    cut_at: int
    version: int
    discrepancies: tuple[BalanceDiscrepancy, ...] = field(repr=False)
    entries: tuple[AuditEntry, ...] = field(repr=False, default=())
    control: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class PostingAnswered:
    """From the portfolio actor: `posted` (now or before), `superseded` (all of it was reported meanwhile), `stale` (the book has
    moved, decide anew) or `refused` with its reason. `adjustment` as it was posted, where it was now."""

    token: int
    outcome: Literal["posted", "superseded", "stale", "refused"]
    reason: str | None = None
    adjustment: Adjustment | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class NoteGap:
    """To the portfolio actor: a report of this account was refused at the door, so its book has a hole."""

    exchange: str


@dataclass(frozen=True, slots=True)
class DescribeAccount:
    """To a reconciliation actor; answered by AccountState."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """How an account is doing, as its own actor sees it. `halts` are the ids of those that stand."""

    exchange: str
    open: tuple[BalanceDiscrepancy, ...] = field(repr=False)
    reason: UnknownReason | None
    paused: bool
    last_read_at: int | None
    last_decided_us: int | None
    last_pass_at: int | None
    facts: AdapterFacts | None
    now_us: int
    now_at: int
    halts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribeAudit:
    """To the audit actor; answered by AuditStatus."""


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """How the ledger writer is doing."""

    size: int
    store_ok: bool
    detail: str
    waiting: int
