"""A simulated Kraken: the exchange's REST protocol on loopback, with its signatures, limits, shapes and failures."""

from reconcile_actors.simulation.faults import Fault, FaultOptions, RequestRecord
from reconcile_actors.simulation.kraken.auth import ALL_PERMISSIONS, READ_ONLY, Keys, Permission, User
from reconcile_actors.simulation.kraken.exchange import SimulatedKraken
from reconcile_actors.simulation.kraken.limits import Tier

__all__ = [
    "ALL_PERMISSIONS",
    "READ_ONLY",
    "Fault",
    "FaultOptions",
    "Keys",
    "Permission",
    "RequestRecord",
    "SimulatedKraken",
    "Tier",
    "User",
]
