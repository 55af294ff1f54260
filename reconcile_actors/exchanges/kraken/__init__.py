"""Kraken: what is read, how it is checked, and what the exchange allows (docs/exchanges.md)."""

from reconcile_actors.exchanges.kraken.gateway import KrakenGateway

KrakenReconciler = KrakenGateway
"""The name under which users know the Kraken part."""

__all__ = ["KrakenGateway", "KrakenReconciler"]
