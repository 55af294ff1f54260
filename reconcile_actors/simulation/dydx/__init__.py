"""A simulated dYdX v4 indexer: its REST protocol on loopback over a true ledger of perpetual positions, with limits and failures."""

from reconcile_actors.simulation.dydx.exchange import SimulatedDydx
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.dydx.trader import DydxTrader

__all__ = ["DydxTrader", "SimulatedDydx", "Subaccount"]
