"""Simulated exchanges: they speak the real wire protocols on loopback, hold true ledgers, trade, and fail on command.

The oracle of every accuracy figure: this room shares no code with what it judges.
"""

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.binance import SimulatedBinance
from reconcile_actors.simulation.coinbase import SimulatedCoinbase
from reconcile_actors.simulation.dydx import DydxTrader, SimulatedDydx
from reconcile_actors.simulation.kraken import Fault, FaultOptions, SimulatedKraken, Tier
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.reports import Misreporting, Report
from reconcile_actors.simulation.trader import Trader

__all__ = [
    "Account",
    "DydxTrader",
    "Fault",
    "FaultOptions",
    "Market",
    "Misreporting",
    "Report",
    "SimulatedBinance",
    "SimulatedCoinbase",
    "SimulatedDydx",
    "SimulatedKraken",
    "Tier",
    "Trader",
]
