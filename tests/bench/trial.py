"""One account with a trading process, in which one thing goes wrong that the service must find, and nothing else."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.simulation.kraken import Fault, FaultOptions, SimulatedKraken
from reconcile_actors.simulation.reports import Report
from reconcile_actors.simulation.trader import Trader

_GLITCH = FaultOptions(row="ZUSD", amount=Decimal("-123.45"))


class Kind(Enum):
    """What goes wrong. An unexplained glitch is a balance that changes although no movement is listed."""

    MISSED_FILL = "missed fill"
    GLITCH = "unexplained glitch"


@dataclass(slots=True)
class Trial:
    """`due` is when it may go wrong (Unix seconds), `happened` when it did; `found` the findings with when they were heard of."""

    name: str
    kind: Kind
    trader: Trader
    kraken: SimulatedKraken
    due: float = float("inf")
    happened: float | None = None
    found: list[tuple[float, BalanceDiscrepancy]] = field(default_factory=list)
    _currencies: frozenset[str] = frozenset()
    _resting: set[object] = field(default_factory=set)

    def step(self, now: float) -> list[Report]:
        """Trades; what is to be reported of it."""
        if self.kind is Kind.GLITCH and self.happened is None and now >= self.due:
            self.kraken.faults.always("BalanceEx", Fault.SKEWED, user=self.name, options=_GLITCH)
            self.happened, self._currencies = now, frozenset({"USD"})
        return [report for report in self.trader.step(now) if not self._forgotten(report, now)]

    def seconds(self) -> float | None:
        """From what happened to when it was heard of; None while it was not."""
        heard = [at for at, one in self.found if self._explains(at, one)]
        return None if self.happened is None or not heard else min(heard) - self.happened

    def false_alarms(self) -> int:
        """Confirmed discrepancies that are something else."""
        return sum(not self._explains(at, one) for at, one in self.found)

    def _explains(self, at: float, one: BalanceDiscrepancy) -> bool:
        return self.happened is not None and at >= self.happened and one.currency in self._currencies

    def _forgotten(self, report: Report, now: float) -> bool:
        if report["type"] == "OpenOrder":
            self._resting.add(report["order_id"])
        # a fill of a resting order would also leave its lock behind: the plain case is a market order's
        plain = report["type"] == "RecordFill" and report["order_id"] not in self._resting
        if self.kind is not Kind.MISSED_FILL or self.happened is not None or now < self.due or not plain:
            return False
        self.happened = datetime.fromisoformat(str(report["occurred_at"])).timestamp()
        self._currencies = frozenset({*str(report["symbol"]).split("/"), str(report["fee_currency"])})
        return True
