"""Coinbase Advanced Trade: what is read, how it is checked, and what the exchange allows (docs/exchanges.md)."""

from reconcile_actors.exchanges.coinbase.gateway import CoinbaseGateway

CoinbaseReconciler = CoinbaseGateway
"""The name under which users know the Coinbase part."""

__all__ = ["CoinbaseGateway", "CoinbaseReconciler"]
