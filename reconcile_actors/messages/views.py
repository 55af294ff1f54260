"""What queries are answered with: plain values for pages, sockets and the command line."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.balances import Balance, Position
from reconcile_actors.domain.suspense import Suspended


@dataclass(frozen=True, slots=True)
class AccountPortfolio:
    """The local book of one account. `unknown` names why it cannot be compared yet (`no_opening`, `local_gap`, ...),
    `suspense` is what was adopted and has no cause yet."""

    exchange: str
    version: int
    balances: tuple[Balance, ...]
    positions: tuple[Position, ...]
    openings: tuple[str, ...]
    statement_version: int | None
    unknown: str | None = None
    suspense: tuple[Suspended, ...] = ()


@dataclass(frozen=True, slots=True)
class PortfolioView:
    """Reply to GetPortfolio."""

    accounts: tuple[AccountPortfolio, ...]


@dataclass(frozen=True, slots=True)
class ProposedRepair:
    """What would be done about discrepancies that belong together: `hold` leaves them to a person, for `reason`."""

    exchange: str
    discrepancies: tuple[str, ...]
    action: Action
    reason: str


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """How one account is doing. Times are UTC microseconds; `detection_seconds` is what the exchange's limit allows.

    `halts` are the ids of the trading halts that stand, `awaiting_approval` counts the discrepancies that wait for a person and
    `unacknowledged` the adjustments that the trading process has not said it took over. `has_history` says whether the
    exchange's history can name what is missing; None while no gateway is open.
    """

    exchange: str
    id: str
    status: Literal["matched", "discrepant", "unknown"]
    unknown_reason: str | None
    breaker: str
    actor: str
    epoch: int
    restarts: int
    paused: bool
    last_read_at: int | None
    last_decided_at: int | None
    last_pass_at: int | None
    open_discrepancies: int
    tier: str | None
    poll_seconds: float | None
    detection_seconds: float | None
    has_history: bool | None = None
    halts: tuple[str, ...] = ()
    awaiting_approval: int = 0
    unacknowledged: int = 0


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How one alert sink is doing: `pending` alerts wait for it, `failed` ones it refused for good, at `told_at` (UTC us) it
    last acknowledged one. `trouble` is why the last try failed, None where it did not."""

    name: str
    pending: int
    failed: int
    told_at: int | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class StatusView:
    """Reply to GetStatus. `alerts` is empty where nobody tells any."""

    mode: str
    armed: bool
    started_at: int
    enabled: bool
    accounts: tuple[AccountStatus, ...]
    audit_size: int
    store_ok: bool
    store_detail: str = ""
    dead_letters: dict[str, int] = field(default_factory=dict)
    threshold_usd: Decimal | None = None
    alerts: tuple[SinkStatus, ...] = ()
