"""What the desks of one account share: its lock, its ledger, its clock and the list of what happened."""

from collections.abc import Callable
from decimal import Decimal
from threading import RLock

from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.instruments import KRAKEN, Catalogue
from reconcile_actors.simulation.ledger import Entry, Holding, InvalidAmountError, Ledger
from reconcile_actors.simulation.money import ZERO
from reconcile_actors.simulation.records import Event, FundsMoved


class Books:
    """Hold `lock` (re-entrant) to read several things at one instant. `events` is append-only, oldest first."""

    def __init__(self, name: str, *, clock: Callable[[], float], mint: IdMint, catalogue: Catalogue = KRAKEN) -> None:
        """`clock` gives Unix seconds; should it step back, the account's own time stands still."""
        self.name = name
        self.lock = RLock()
        self.catalogue = catalogue
        self.ledger = Ledger(mint, catalogue)
        self.events: list[Event] = []
        self._mint = mint
        self._clock = clock
        self._last_time = 0.0

    def balance(self, asset: str) -> Decimal:
        """What the account owns of `asset`, locked part included."""
        with self.lock:
            return self.ledger.holding(self.catalogue.asset(asset).code).balance

    def hold(self, asset: str) -> Decimal:
        """What open orders lock of `asset`."""
        with self.lock:
            return self.ledger.holding(self.catalogue.asset(asset).code).hold

    def available(self, asset: str) -> Decimal:
        """What no open order locks of `asset`."""
        with self.lock:
            return self.ledger.available(self.catalogue.asset(asset).code)

    def holdings(self, as_of: float | None = None) -> dict[str, Holding]:
        """All assets at one instant: now, or Unix seconds `as_of`."""
        with self.lock:
            return self.ledger.holdings(as_of)

    def now(self) -> float:
        """Unix seconds to the microsecond, never going back."""
        with self.lock:
            self._last_time = max(self._last_time, round(self._clock(), 6))
            return self._last_time

    def _move(self, refid: str, *entries: Entry) -> str:
        """Books entries under one refid and tells of them; returns the refid."""
        rows = self.ledger.apply(self.now(), refid, entries)
        self.events.append(FundsMoved(rows))
        return refid


def require_positive(asset: str, amount: Decimal) -> None:
    """Raises `InvalidAmountError` unless `amount` is a finite number above zero."""
    if not amount.is_finite() or amount <= ZERO:
        raise InvalidAmountError(asset)
