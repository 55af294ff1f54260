"""One customer's account at the simulated exchange.

Every method is atomic and may be called from any thread. Amounts are Decimal in the asset's own units; asset codes are the exchange's
(`XXBT`, `ZUSD`, `XBT.F`). What happened is also told as a list of events, for a trading process to report or to misreport.
"""

from decimal import Decimal

from reconcile_actors.simulation.funding import FundingDesk
from reconcile_actors.simulation.ledger import LedgerBrokenError
from reconcile_actors.simulation.money import ZERO, plus
from reconcile_actors.simulation.orders import OrderDesk


class Account(FundingDesk, OrderDesk):
    """Both desks over one ledger."""

    def verify(self) -> None:
        """Recomputes balances from rows and holds from open orders; raises `LedgerBrokenError`, naming the asset."""
        with self.lock:
            self.ledger.verify()
            held: dict[str, Decimal] = {}
            for order in self.open_orders():
                held[order.hold_asset] = plus(held.get(order.hold_asset, ZERO), order.hold)
            for asset, holding in self.ledger.holdings().items():
                if held.get(asset, ZERO) != holding.hold:
                    raise LedgerBrokenError(f"{asset}: hold is not the sum over open orders")
