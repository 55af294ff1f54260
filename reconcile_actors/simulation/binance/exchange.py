"""The simulated exchange as one object: accounts, market, faults and the server that shows them.

async with SimulatedBinance(seed=7) as binance:
    binance.account.deposit("BTC", Decimal("1.5"))
    binance.faults.next("account", Fault.HTML, times=2)
    ...  # a client of binance.base_url with binance.keys

Endpoints are named by what follows `/api/v3/` or `/sapi/v1/`: `account`, `myTrades`, `capital/deposit/hisrec`.
"""

import time
from collections.abc import Callable

from reconcile_actors.simulation.binance.account import BinanceAccount, BinanceMint
from reconcile_actors.simulation.binance.auth import ALL_PERMISSIONS, BinancePermission, Keys, User
from reconcile_actors.simulation.binance.instruments import BINANCE, BINANCE_FUNDS, BINANCE_PAIRS
from reconcile_actors.simulation.binance.limits import DEFAULT_LIMITS, Weight, WeightLimits, Weights
from reconcile_actors.simulation.binance.protocol import BinanceProtocol
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.reports import HONEST, Misreporting
from reconcile_actors.simulation.seeding import seeded
from reconcile_actors.simulation.served import ServedExchange
from reconcile_actors.simulation.trader import Trader

MAIN = "main"


class SimulatedBinance(ServedExchange):
    """`account` and `keys` are those of the first user, "main"; more users come by `add_account`. Thread-safe but for starting."""

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        limits: WeightLimits | None = DEFAULT_LIMITS,
        permissions: frozenset[BinancePermission] = ALL_PERMISSIONS,
        latency_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`clock` gives Unix seconds and may be virtual; `limits` None means no limit; `lifetime_seconds` ends a forgotten server."""
        super().__init__(
            seed, clock, latency_seconds=latency_seconds, lifetime_seconds=lifetime_seconds, host=host, port=port
        )
        self.market = Market(seed, BINANCE.pairs.values())
        self._weights = None if limits is None else Weights(limits)
        self._users: dict[str, User] = {}
        self.user = self.add_account(MAIN, permissions=permissions)

    @property
    def account(self) -> BinanceAccount:
        """The first user's account."""
        return self.user.account

    @property
    def keys(self) -> Keys:
        """The first user's API key and secret."""
        return self.user.keys

    def add_account(
        self,
        name: str,
        *,
        permissions: frozenset[BinancePermission] = ALL_PERMISSIONS,
    ) -> User:
        """A further customer with a ledger and keys of its own, on the same market and behind the same address."""
        if any(user.name == name for user in self._users.values()):
            raise ValueError(f"account {name} exists")
        mint = BinanceMint(seeded(self.seed, name, "ids"))
        account = BinanceAccount(name, clock=self.clock, mint=mint, uid=354_937_868 + len(self._users))
        user = User(
            name=name,
            account=account,
            keys=Keys.made_up(IdMint(seeded(self.seed, name, "keys"))),
            permissions=permissions,
            made_at=self.clock(),
        )
        self.market.attach(account)
        self._users[user.keys.api_key] = user
        return user

    def trader(
        self,
        *,
        exchange: str,
        seed: int = 0,
        actions_per_second: float = 1.0,
        moves_funds: bool = True,
        misreporting: Misreporting = HONEST,
    ) -> Trader:
        """A trading process on the first user's account; `exchange` names the account in its reports."""
        return Trader(
            self.account,
            self.market,
            exchange=exchange,
            seed=seed,
            actions_per_second=actions_per_second,
            pairs=BINANCE_PAIRS,
            moves_funds=moves_funds,
            funds=BINANCE_FUNDS,
            misreporting=misreporting,
        )

    def use_weight(self, weight: Weight) -> None:
        """Somebody else behind the same address uses some of what the minute may cost. Raises RuntimeError before it is started."""
        self._require_started()
        if self._weights is not None:
            self._weights.admit(weight, self.clock())

    def revoke(self, user: User) -> None:
        """The user's key is deleted at the exchange: from now on it is invalid."""
        self._users.pop(user.keys.api_key, None)

    def _protocol(self) -> BinanceProtocol:
        return BinanceProtocol(market=self.market, users=self._users, clock=self.clock, weights=self._weights)
