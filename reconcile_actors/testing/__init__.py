"""For tests of your own bot: message probes, a host with virtual time, and simulated exchanges on loopback."""

from reconcile_actors.kernel.deterministic_host import DeterministicHost
from reconcile_actors.kernel.probe import Probe
from reconcile_actors.simulation import DydxTrader, SimulatedBinance, SimulatedCoinbase, SimulatedDydx, SimulatedKraken
from reconcile_actors.simulation.faults import Fault, FaultOptions
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.reports import Misreporting
from reconcile_actors.simulation.trader import Trader

__all__ = [
    "DeterministicHost",
    "DydxTrader",
    "Fault",
    "FaultOptions",
    "Market",
    "Misreporting",
    "Probe",
    "SimulatedBinance",
    "SimulatedCoinbase",
    "SimulatedDydx",
    "SimulatedKraken",
    "Trader",
]
