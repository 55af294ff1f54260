"""The simulated indexer as one object: subaccounts, chain, faults and the server that shows them.

async with SimulatedDydx(seed=7) as dydx:
    dydx.account.deposit(Decimal(10_000))
    dydx.account.trade("BTC-USD", "buy", Decimal("0.1"))
    dydx.faults.next("subaccount", Fault.HTML, times=2)
    ...  # a client of dydx.base_url with dydx.address; no key is asked for
"""

import time
from collections.abc import Callable

from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.limits import MAXIMUM, RequestWindow
from reconcile_actors.simulation.dydx.protocol import IndexerProtocol
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.seeding import seeded
from reconcile_actors.simulation.served import ServedExchange

MAIN = "main"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class SimulatedDydx(ServedExchange):
    """`account` is the first subaccount, number 0 of `address`; more come by `add_account`. Thread-safe but for starting."""

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        requests_a_window: int | None = MAXIMUM,
        latency_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`clock` gives Unix seconds and may be virtual; `requests_a_window` None means no limit.

        `lifetime_seconds` ends a forgotten server.
        """
        super().__init__(
            seed, clock, latency_seconds=latency_seconds, lifetime_seconds=lifetime_seconds, host=host, port=port
        )
        self.chain = Chain(seed=seed, clock=clock)
        self._window = None if requests_a_window is None else RequestWindow(requests_a_window)
        self._accounts: dict[tuple[str, int], Subaccount] = {}
        self.account = self.add_account(MAIN)

    @property
    def address(self) -> str:
        """The first subaccount's address: all that a reader needs."""
        return self.account.address

    def add_account(self, name: str, *, number: int = 0) -> Subaccount:
        """A subaccount of the owner `name`, whose address follows from it; the indexer knows of it once something happens."""
        address = address_of(self.seed, name)
        if (address, number) in self._accounts:
            raise ValueError(f"account {name} exists")
        mint = IdMint(seeded(self.seed, name, number, "ids"))
        account = self._accounts[address, number] = Subaccount(address, number, self.chain, mint)
        return account

    def _protocol(self) -> IndexerProtocol:
        return IndexerProtocol(chain=self.chain, accounts=self._accounts, clock=self.clock, window=self._window)


def address_of(seed: int, name: str) -> str:
    """A made-up owner's address in the chain's form: dydx1 and 38 characters of bech32."""
    return "dydx1" + "".join(seeded(seed, name, "address").choices(_BECH32, k=38))
