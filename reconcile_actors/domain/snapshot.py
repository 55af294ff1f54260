"""One bracketed observation of an exchange, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from reconcile_actors.domain.balances import Balance, Position


class UnknownReason(StrEnum):
    """Why an account is unknown. Unknown is never zero, and nothing is changed because of it (I1)."""

    DISABLED = "disabled"
    NOT_READ = "not_read"
    NO_OPENING = "no_opening"
    PAUSED = "paused"
    BAD_SHAPE = "bad_shape"
    INCOMPLETE_PAGE = "incomplete_page"
    CODE_COLLISION = "code_collision"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    IMPLAUSIBLE = "implausible"
    EMPTY = "empty"
    STALE = "stale"
    SUDDEN_DISAPPEARANCE = "sudden_disappearance"
    LOCAL_GAP = "local_gap"
    LOCAL_CONFLICT = "local_conflict"
    LOCAL_STALE = "local_stale"
    BUSY = "busy"
    UNDECIDED = "undecided"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    MAINTENANCE = "maintenance"
    CREDENTIALS = "credentials"
    CONFIGURATION = "configuration"
    TIMEOUT = "timeout"
    BREAKER_OPEN = "breaker_open"
    CRASHED = "crashed"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Bracket:
    """When a read was asked for and when its answer was there.

    `..._us` are monotonic microseconds, `..._at` the same two instants as UTC microseconds since 1970. The exchange
    was as shown at some instant in the bracket, or up to the adapter's lag R before it.
    """

    requested_us: int
    received_us: int
    requested_at: int
    received_at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A complete and valid read of one atomic group of one account.

    `balances` is keyed by (wallet, currency), `positions` by (wallet, symbol). `digest` is the SHA-256 (hex) of the
    content, equal for equal content; `raw_digest` of the raw response bytes. `steps` holds the smallest amount that
    the exchange's own text can show, by currency, where it is known. `connection` differs for reads on fresh connections.
    """

    exchange: str
    group: str
    bracket: Bracket
    balances: Mapping[tuple[str, str], Balance]
    positions: Mapping[tuple[str, str], Position]
    digest: str
    raw_digest: str
    steps: Mapping[str, Decimal] = field(default_factory=dict)
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A read that gave nothing to compare: `detail` names what was wrong in constant words, never an amount or a text of the exchange."""

    exchange: str
    group: str
    bracket: Bracket
    reason: UnknownReason
    detail: str = ""
