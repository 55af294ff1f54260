"""Binance spot: what is read, how it is checked, and what the exchange allows (docs/exchanges.md)."""

from reconcile_actors.exchanges.binance.gateway import BinanceGateway

BinanceReconciler = BinanceGateway
"""The name under which users know the Binance part."""

__all__ = ["BinanceGateway", "BinanceReconciler"]
