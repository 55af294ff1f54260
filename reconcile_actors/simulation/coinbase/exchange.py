"""The simulated exchange as one object: accounts, market, faults and the server that shows them.

async with SimulatedCoinbase(seed=7) as coinbase:
    coinbase.account.deposit("BTC", Decimal("1.5"))
    coinbase.faults.next("accounts", Fault.HTML, times=2)
    ...  # a client of coinbase.base_url with coinbase.keys
"""

import time
from collections.abc import Callable

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.coinbase.auth import ALL_PERMISSIONS, Keys, Permission, User, UuidMint
from reconcile_actors.simulation.coinbase.instruments import COINBASE
from reconcile_actors.simulation.coinbase.limits import Limits
from reconcile_actors.simulation.coinbase.protocol import CoinbaseProtocol
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.seeding import seeded
from reconcile_actors.simulation.served import ServedExchange

MAIN = "main"
PAGE_ROWS = 250


class SimulatedCoinbase(ServedExchange):
    """`account` and `keys` are those of the first user, "main"; more users come by `add_account`. Thread-safe but for starting.

    Assets have the codes of `coinbase.instruments`: `BTC.V` is a vault, `DOT.S` a second wallet of DOT.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        limited: bool = True,
        permissions: frozenset[Permission] = ALL_PERMISSIONS,
        latency_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        page_rows: int = PAGE_ROWS,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`clock` gives Unix seconds and may be virtual; `limited` False means no call limit; `lifetime_seconds` ends a forgotten server;
        `page_rows` is the longest page of accounts or fills."""
        super().__init__(
            seed, clock, latency_seconds=latency_seconds, lifetime_seconds=lifetime_seconds, host=host, port=port
        )
        self.market = Market(seed, COINBASE.pairs.values())
        self._limited = limited
        self._users: dict[str, User] = {}
        self._page_rows = page_rows
        self.user = self.add_account(MAIN, permissions=permissions)

    @property
    def account(self) -> Account:
        """The first user's account."""
        return self.user.account

    @property
    def keys(self) -> Keys:
        """The first user's key: its name and its private key in PEM."""
        return self.user.keys

    def add_account(self, name: str, *, permissions: frozenset[Permission] = ALL_PERMISSIONS) -> User:
        """A further customer with a ledger and a key of its own, on the same market."""
        if any(user.name == name for user in self._users.values()):
            raise ValueError(f"account {name} exists")
        account = Account(name, clock=self.clock, mint=UuidMint(seeded(self.seed, name, "ids")), catalogue=COINBASE)
        mint = UuidMint(seeded(self.seed, name, "keys"))
        user = User(
            name=name,
            account=account,
            keys=Keys.made_up(mint),
            limits=Limits() if self._limited else None,
            mint=mint,
            id=mint.uuid(),
            permissions=permissions,
        )
        self.market.attach(account)
        self._users[user.keys.api_key] = user
        return user

    def revoke(self, user: User) -> None:
        """The user's key is deleted at the exchange: from now on it is refused."""
        self._users.pop(user.keys.api_key, None)

    def _protocol(self) -> CoinbaseProtocol:
        return CoinbaseProtocol(market=self.market, users=self._users, clock=self.clock, page_rows=self._page_rows)
