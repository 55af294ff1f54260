"""Portfolio reconciliation for crypto trading: find, explain and prove what a bot believes wrongly.

The names below are imported when they are first used, so that `import reconcile_actors` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconcile_actors.actors.audit import AuditActor
    from reconcile_actors.actors.portfolio import PortfolioStateActor
    from reconcile_actors.actors.reconciliation import ReconciliationActor
    from reconcile_actors.config import ReconciliationConfig
    from reconcile_actors.domain.balances import Balance, Position
    from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
    from reconcile_actors.domain.report import ReconciliationReport, ReconciliationStatus
    from reconcile_actors.event_readers import EventIterator, EventStream
    from reconcile_actors.exchanges.binance import BinanceReconciler
    from reconcile_actors.exchanges.coinbase import CoinbaseReconciler
    from reconcile_actors.exchanges.dydx import DydxReconciler
    from reconcile_actors.exchanges.generic import GenericReconciler
    from reconcile_actors.exchanges.kraken import KrakenReconciler
    from reconcile_actors.service import PortfolioReconciliationService
    from reconcile_actors.storage import ReconciliationRepository
    from reconcile_actors.system import ReconciliationSystem

__version__ = "0.1.0"

__all__ = [
    "AuditActor",
    "Balance",
    "BalanceDiscrepancy",
    "BinanceReconciler",
    "CoinbaseReconciler",
    "DydxReconciler",
    "EventIterator",
    "EventStream",
    "GenericReconciler",
    "KrakenReconciler",
    "PortfolioReconciliationService",
    "PortfolioStateActor",
    "Position",
    "ReconciliationActor",
    "ReconciliationConfig",
    "ReconciliationReport",
    "ReconciliationRepository",
    "ReconciliationStatus",
    "ReconciliationSystem",
]

_HOMES: Final = {
    "AuditActor": "actors.audit",
    "Balance": "domain.balances",
    "BalanceDiscrepancy": "domain.discrepancy",
    "BinanceReconciler": "exchanges.binance",
    "CoinbaseReconciler": "exchanges.coinbase",
    "DydxReconciler": "exchanges.dydx",
    "EventIterator": "event_readers",
    "EventStream": "event_readers",
    "GenericReconciler": "exchanges.generic",
    "KrakenReconciler": "exchanges.kraken",
    "PortfolioReconciliationService": "service",
    "PortfolioStateActor": "actors.portfolio",
    "Position": "domain.balances",
    "ReconciliationActor": "actors.reconciliation",
    "ReconciliationConfig": "config",
    "ReconciliationReport": "domain.report",
    "ReconciliationRepository": "storage",
    "ReconciliationStatus": "domain.report",
    "ReconciliationSystem": "system",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'reconcile_actors' has no attribute {name!r}")
    return getattr(import_module(f"reconcile_actors.{home}"), name)
