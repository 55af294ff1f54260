"""A simulated Binance: the spot exchange's REST protocol on loopback, with its signatures, weights, shapes and failures."""

from reconcile_actors.simulation.binance.account import BinanceAccount
from reconcile_actors.simulation.binance.auth import BinancePermission, Keys, User
from reconcile_actors.simulation.binance.exchange import SimulatedBinance
from reconcile_actors.simulation.binance.instruments import BINANCE, BINANCE_FUNDS, BINANCE_PAIRS

__all__ = [
    "BINANCE",
    "BINANCE_FUNDS",
    "BINANCE_PAIRS",
    "BinanceAccount",
    "BinancePermission",
    "Keys",
    "SimulatedBinance",
    "User",
]
