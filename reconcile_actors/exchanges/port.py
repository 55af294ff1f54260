"""The port between the service and an exchange: reads only (I11). Gateways implement it; actors call it through their context."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from reconcile_actors.domain.balances import Field
from reconcile_actors.domain.movements import Movement
from reconcile_actors.domain.snapshot import Snapshot, Unreadable
from reconcile_actors.domain.valuation import Price
from reconcile_actors.errors import ReconcileError

OWN_LIMIT: Final = "own_limit"
"""The code of a call that was never made, because the service's own count left no room for it."""


class FailureClass(StrEnum):
    """What went wrong, named by what to do next: retry, wait, stop and call a person, or distrust the answer."""

    TRANSIENT = "transient"
    RATE_LIMIT = "rate_limit"
    MAINTENANCE = "maintenance"
    CREDENTIALS = "credentials"
    CONFIGURATION = "configuration"
    BAD_DATA = "bad_data"


class ExchangeFailureError(ReconcileError):
    """A call that failed. Holds a class, a constant code and a status, never the exchange's text (I7)."""

    def __init__(
        self,
        failure: FailureClass,
        code: str,
        *,
        http_status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{failure}: {code}")
        self.failure = failure
        self.code = code
        self.http_status = http_status
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What an adapter declares of its exchange.

    `lag_seconds` is R: how old an answer may be. `authoritative` are the fields it states by itself. `zeros_omitted`
    says that a row of zero is left out. `fee_reserve` is the largest share of an order's cost that the exchange may lock
    on top of it for fees. `poll_seconds` and `history_seconds` are the attainable spacings of reads under the account's
    limit, `detection_seconds` what follows from them for a discrepancy found while watching. Without `has_history` the
    adapter names no movement: its history is never asked for or waited for, and a difference is confirmed by reads alone.
    """

    lag_seconds: float
    authoritative: frozenset[Field]
    zeros_omitted: bool
    fee_reserve: Decimal
    poll_seconds: float
    history_seconds: float
    detection_seconds: float
    tier: str | None = None
    has_history: bool = True


@dataclass(frozen=True, slots=True)
class History:
    """Every movement that the exchange lists since `since_at`, complete through `through_at` (UTC us).

    Some exchanges list fills by symbol only: `fills_of` then names the symbols (unified) that were asked for as far as
    `through_at`, and fills of others may be missing. None: fills of every symbol are there. Others list transfers by
    currency only: so does `transfers_of` name the currencies of which whatever moved their totals was asked for.
    """

    movements: Sequence[Movement]
    since_at: int
    through_at: int
    fills_of: frozenset[str] | None = None
    transfers_of: frozenset[str] | None = None


class ExchangeGateway(Protocol):
    """One account at one exchange. Every method runs on the io loop, ends within the deadline given, and only reads."""

    @property
    def facts(self) -> AdapterFacts:
        """What is declared at this moment (a tier may step down)."""
        ...

    async def read(
        self, *, timeout_seconds: float, fresh: bool = False, confirming: bool = False
    ) -> Snapshot | Unreadable:
        """The balances (and positions) of the account, one atomic group. Retries inside the deadline.

        `fresh` asks for a new connection, `confirming` for the exchange's burst allowance. Raises ExchangeFailureError.
        """
        ...

    async def history(self, since_at: int, *, timeout_seconds: float, confirming: bool = False) -> History:
        """All movements since an instant, every page; raises ExchangeFailureError rather than give a part.

        `confirming`: a difference or a repair waits for it, so it may take of what the exchange allows at once.
        """
        ...

    async def enrich(self, movements: Sequence[Movement], *, timeout_seconds: float) -> Sequence[Movement]:
        """The same movements, fills with market, side and order id where the exchange states them; raises ExchangeFailureError."""
        ...

    async def prices(self, currencies: Sequence[str], *, timeout_seconds: float) -> Mapping[str, Price]:
        """USD prices by ticker; a currency without one is left out."""
        ...

    async def close(self) -> None:
        """Closes every connection; the gateway is not used again."""
        ...


GatewayFactory = Callable[[], Awaitable[ExchangeGateway]]
