"""Any other exchange of ccxt: what is believed of one that nobody described (docs/exchanges.md)."""

from reconcile_actors.exchanges.generic.gateway import GenericGateway

GenericReconciler = GenericGateway
"""The name under which users know the part for any other exchange."""

__all__ = ["GenericGateway", "GenericReconciler"]
