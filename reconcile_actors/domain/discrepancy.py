"""A discrepancy: what local state and the exchange say differently about one leg, as a value and never as an exception."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg


class Kind(StrEnum):
    """How the two sides differ (FR-3)."""

    MISSING_LOCAL = "missing_local"
    MISSING_EXCHANGE = "missing_exchange"
    MISMATCH = "mismatch"
    PRECISION = "precision"
    TIMING = "timing"


class Severity(StrEnum):
    """How much it matters (FR-2). Ordered: compare with `at_least`."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    def at_least(self, other: "Severity") -> bool:
        """Whether this is as severe as the other or more."""
        order = list(Severity)
        return order.index(self) >= order.index(other)

    @property
    def raised(self) -> "Severity":
        """One higher, where there is one."""
        order = list(Severity)
        return order[min(order.index(self) + 1, len(order) - 1)]


class State(StrEnum):
    """The life of a discrepancy."""

    CANDIDATE = "candidate"
    CONFIRMED = "confirmed"
    AWAITING_APPROVAL = "awaiting_approval"
    REPAIRING = "repairing"
    RESOLVED = "resolved"
    IGNORED = "ignored"
    REOPENED = "reopened"

    @property
    def is_open(self) -> bool:
        """Whether it still stands: neither resolved nor ignored."""
        return self not in {State.RESOLVED, State.IGNORED}

    @property
    def is_confirmed(self) -> bool:
        """Whether it is open and past doubt."""
        return self.is_open and self is not State.CANDIDATE


@dataclass(frozen=True, slots=True)
class BalanceDiscrepancy:
    """`difference = exchange_value - local`, signed. `currency` holds the symbol where `field` is `position`.

    `cause` names what history or the lack of it says (`missed_fill`, `missed_withdrawal`, ..., `unexplained`); `evidence`
    holds the exchange's ids of the movements named, a hundred at most, `explained` what all of them add up to on this leg.
    Times are UTC microseconds. The id holds the episode: the same loss
    happening twice is two discrepancies.
    """

    id: str
    exchange: str
    wallet: str
    currency: str
    field: Field
    episode: int
    kind: Kind
    severity: Severity
    local: Decimal | None
    exchange_value: Decimal | None
    difference: Decimal
    value_usd: Decimal | None
    tolerance: Decimal
    cause: str | None
    state: State
    detected_at: int
    confirmed_at: int | None = None
    resolved_at: int | None = None
    evidence: tuple[str, ...] = ()
    explained: Decimal | None = None
    price_source: str | None = None
    price_at: int | None = None

    @property
    def leg(self) -> Leg:
        """The leg that differs."""
        return Leg(self.wallet, self.currency, self.field)

    @property
    def is_loss(self) -> bool:
        """Whether it stands past doubt and is more than rounding."""
        return self.state.is_confirmed and self.kind is not Kind.PRECISION

    @property
    def has_value(self) -> bool:
        """Whether it is a difference of what is held: no lock, and no id that is missing where balances agree."""
        return self.field in {Field.TOTAL, Field.BORROWED, Field.POSITION}

    @property
    def is_expected(self) -> bool:
        """Whether reads are expected to show it: it stands past doubt, or a person said to ignore it."""
        return self.is_loss or self.state is State.IGNORED

    def resolved(self, now_at: int, *, kind: Kind | None = None) -> "BalanceDiscrepancy":
        """The same discrepancy, gone: the two sides agree again."""
        return replace(self, state=State.RESOLVED, resolved_at=now_at, kind=kind or self.kind)


def discrepancy_id(exchange: str, leg: Leg, episode: int) -> str:
    """Stable over passes and restarts, e.g. `kraken-main:spot:BTC:total:1`."""
    return f"{exchange}:{leg.wallet}:{leg.currency}:{leg.field}:{episode}"


def kind_of(local: Decimal | None, exchange_value: Decimal | None, tolerance: Decimal) -> Kind:
    """The kind that two values and the tolerance between them make. A side that holds nothing of it is missing it."""
    if not local and exchange_value:
        kind = Kind.MISSING_LOCAL
    elif local and not exchange_value:
        kind = Kind.MISSING_EXCHANGE
    else:
        kind = Kind.MISMATCH
    difference = money.subtract(exchange_value or money.ZERO, local or money.ZERO)
    return Kind.PRECISION if money.EXACT.abs(difference) <= tolerance else kind
