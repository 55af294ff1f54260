"""The simulated exchange as one object: accounts, market, faults and the server that shows them.

async with SimulatedKraken(seed=7) as kraken:
    kraken.account.deposit("XXBT", Decimal("1.5"))
    kraken.faults.next("BalanceEx", Fault.HTML, times=2)
    ...  # a client of kraken.base_url with kraken.keys
"""

import time
from collections.abc import Callable

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.kraken.auth import ALL_PERMISSIONS, Keys, Permission, User
from reconcile_actors.simulation.kraken.limits import CallCounter, Tier
from reconcile_actors.simulation.kraken.protocol import KrakenProtocol
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.seeding import seeded
from reconcile_actors.simulation.served import ServedExchange

MAIN = "main"


class SimulatedKraken(ServedExchange):
    """`account` and `keys` are those of the first user, "main"; more users come by `add_account`. Thread-safe but for starting."""

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        tier: Tier | None = Tier.INTERMEDIATE,
        permissions: frozenset[Permission] = ALL_PERMISSIONS,
        latency_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`clock` gives Unix seconds and may be virtual; `tier` None means no call limit; `lifetime_seconds` ends a forgotten server."""
        super().__init__(
            seed, clock, latency_seconds=latency_seconds, lifetime_seconds=lifetime_seconds, host=host, port=port
        )
        self.market = Market(seed)
        self._tier = tier
        self._users: dict[str, User] = {}
        self.user = self.add_account(MAIN, permissions=permissions)

    @property
    def account(self) -> Account:
        """The first user's account."""
        return self.user.account

    @property
    def keys(self) -> Keys:
        """The first user's API key and base64 secret."""
        return self.user.keys

    def add_account(
        self,
        name: str,
        *,
        permissions: frozenset[Permission] = ALL_PERMISSIONS,
        tier: Tier | None = None,
    ) -> User:
        """A further customer with a ledger and keys of its own, on the same market; `tier` overrides the exchange's default."""
        if any(user.name == name for user in self._users.values()):
            raise ValueError(f"account {name} exists")
        chosen = tier or self._tier
        account = Account(name, clock=self.clock, mint=IdMint(seeded(self.seed, name, "ids")))
        user = User(
            name=name,
            account=account,
            keys=Keys.made_up(IdMint(seeded(self.seed, name, "keys"))),
            counter=None if chosen is None else CallCounter(chosen),
            permissions=permissions,
            made_at=self.clock(),
        )
        self.market.attach(account)
        self._users[user.keys.api_key] = user
        return user

    def revoke(self, user: User) -> None:
        """The user's key is deleted at the exchange: from now on it is invalid."""
        self._users.pop(user.keys.api_key, None)

    def _protocol(self) -> KrakenProtocol:
        return KrakenProtocol(market=self.market, users=self._users, clock=self.clock)
