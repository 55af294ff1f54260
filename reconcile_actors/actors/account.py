"""What the actor of one account needs to know and to have before it can begin."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from reconcile_actors.domain.balances import Leg
from reconcile_actors.domain.bounds import Bounds
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.recovery import Policy
from reconcile_actors.domain.resolution import Note
from reconcile_actors.domain.valuation import Price
from reconcile_actors.exchanges.port import AdapterFacts, ExchangeGateway


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of one account. `standalone`: nobody reports to this process, so no report can be late.

    `armed`: discrepancies are repaired, as `policy` says; `halts`: a large loss asks for a trading halt (I9).
    """

    name: str
    exchange_id: str
    wallets: tuple[str, ...]
    enabled: bool = True
    watch: bool = True
    standalone: bool = False
    interval_seconds: float = 300.0
    timeout_seconds: float = 30.0
    detection_target_seconds: float = 5.0
    retry_count: int = 3
    threshold_usd: Decimal = Decimal(10)
    local_lag_seconds: float = 2.0
    exchange_lag_seconds: float | None = None
    confirming_reads: int = 2
    prices: Mapping[str, Price] = field(default_factory=dict)
    tickers: bool = True
    price_age_seconds: float = 300.0
    armed: bool = False
    policy: Policy = field(default_factory=Policy)
    halts: bool = False
    halt_usd: Decimal = Decimal(1000)
    unknown_after_seconds: float = 60.0

    def bounds(self, facts: AdapterFacts) -> Bounds:
        """The bounds of comparison: L from the settings, R from the settings or else the adapter."""
        lag_seconds = self.exchange_lag_seconds or facts.lag_seconds
        return Bounds(
            local_lag_us=0 if self.standalone else int(self.local_lag_seconds * 1_000_000),
            exchange_lag_us=int(max(lag_seconds, 1.0) * 1_000_000),
            reads=self.confirming_reads,
            start_grace_us=0 if self.standalone else 10_000_000,
        )

    @property
    def undecided_us(self) -> int:
        """Without a decided read for this long the account is unknown."""
        return int(2 * self.detection_target_seconds * 1_000_000)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An open gateway, and what the store remembers of the account: `open` with what is ignored, `notes` by discrepancy id."""

    gateway: ExchangeGateway
    open: tuple[BalanceDiscrepancy, ...]
    episodes: Mapping[Leg, int]
    paused: bool
    notes: Mapping[str, Note] = field(default_factory=dict)


Preparer = Callable[[], Awaitable[Prepared]]
