"""dYdX v4: what is read of the indexer, how it is checked, and what it allows (docs/exchanges.md)."""

from reconcile_actors.exchanges.dydx.gateway import DydxGateway

DydxReconciler = DydxGateway
"""The name under which users know the dYdX part."""

__all__ = ["DydxGateway", "DydxReconciler"]
