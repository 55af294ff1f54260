"""A simulated Coinbase: the REST protocol of Advanced Trade on loopback, with its tokens, pages, limits and failures."""

from reconcile_actors.simulation.coinbase.auth import ALL_PERMISSIONS, READ_ONLY, Keys, Permission, User
from reconcile_actors.simulation.coinbase.exchange import SimulatedCoinbase
from reconcile_actors.simulation.coinbase.instruments import COINBASE_FUNDS, COINBASE_PAIRS, place_of

__all__ = [
    "ALL_PERMISSIONS",
    "COINBASE_FUNDS",
    "COINBASE_PAIRS",
    "READ_ONLY",
    "Keys",
    "Permission",
    "SimulatedCoinbase",
    "User",
    "place_of",
]
