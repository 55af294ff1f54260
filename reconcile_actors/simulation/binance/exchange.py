"""The simulated exchange as one object: accounts, market, faults and the server that shows them.

async with SimulatedBinance(seed=7) as binance:
    binance.account.deposit("BTC", Decimal("1.5"))
    binance.faults.next("account", Fault.HTML, times=2)
    ...  # a client of binance.base_url with binance.keys

Endpoints are named by what follows `/api/v3/` or `/sapi/v1/`: `account`, `myTrades`, `capital/deposit/hisrec`.
"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from reconcile_actors.simulation.binance.account import BinanceAccount, BinanceMint
from reconcile_actors.simulation.binance.auth import ALL_PERMISSIONS, BinancePermission, Keys, User
from reconcile_actors.simulation.binance.instruments import BINANCE, BINANCE_FUNDS, BINANCE_PAIRS
from reconcile_actors.simulation.binance.limits import DEFAULT_LIMITS, Weight, WeightLimits
from reconcile_actors.simulation.binance.server import BinanceServer
from reconcile_actors.simulation.faults import Faults, RequestLog
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.reports import HONEST, Misreporting
from reconcile_actors.simulation.seeding import seeded
from reconcile_actors.simulation.threaded import LoopThread
from reconcile_actors.simulation.trader import Trader

MAIN = "main"


class SimulatedBinance:
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
        self.seed = seed
        self.clock = clock
        self.market = Market(seed, BINANCE.pairs.values())
        self.faults = Faults(clock)
        self.requests = RequestLog()
        self._limits = limits
        self._users: dict[str, User] = {}
        self._lifetime_seconds = lifetime_seconds
        self._host = host
        self._port = port
        self._latency_seconds = latency_seconds
        self._server: BinanceServer | None = None
        self._thread: LoopThread | None = None
        self._expiry: asyncio.Task[None] | None = None
        self.user = self.add_account(MAIN, permissions=permissions)

    @property
    def account(self) -> BinanceAccount:
        """The first user's account."""
        return self.user.account

    @property
    def keys(self) -> Keys:
        """The first user's API key and secret."""
        return self.user.keys

    @property
    def base_url(self) -> str:
        """Where the server listens: `http://127.0.0.1:PORT`. Raises RuntimeError before it is started."""
        if self._server is None:
            raise RuntimeError("the simulated exchange is not started")
        return f"http://{self._host}:{self._port}"

    @property
    def in_flight(self) -> int:
        """How many requests have arrived and are not answered yet."""
        return 0 if self._server is None else self._server.in_flight

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
        if self._server is None:
            raise RuntimeError("the simulated exchange is not started")
        self._server.count(weight)

    def revoke(self, user: User) -> None:
        """The user's key is deleted at the exchange: from now on it is invalid."""
        self._users.pop(user.keys.api_key, None)

    async def start(self) -> None:
        """Listens on the running loop."""
        server = BinanceServer(
            market=self.market,
            users=self._users,
            faults=self.faults,
            requests=self.requests,
            clock=self.clock,
            latency_seconds=self._latency_seconds,
            limits=self._limits,
        )
        self._port = await server.start(self._host, self._port)
        self._server = server
        if self._lifetime_seconds is not None and self._thread is None:
            self._expiry = asyncio.create_task(self._expire(self._lifetime_seconds))

    async def stop(self) -> None:
        """Stops listening; twice is once. The port is kept, so that a restart is found where it was."""
        if self._expiry is not None and self._expiry is not asyncio.current_task():
            self._expiry.cancel()
        self._expiry = None
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    @classmethod
    def start_in_thread(
        cls,
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        limits: WeightLimits | None = DEFAULT_LIMITS,
        permissions: frozenset[BinancePermission] = ALL_PERMISSIONS,
        latency_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        port: int = 0,
    ) -> Self:
        """A running exchange on a loop of its own, for callers without one; `close` it, or use it in a `with` block."""
        binance = cls(
            seed=seed,
            clock=clock,
            limits=limits,
            permissions=permissions,
            latency_seconds=latency_seconds,
            lifetime_seconds=lifetime_seconds,
            port=port,
        )
        binance._thread = LoopThread(binance.start, binance.stop, lifetime_seconds)
        binance._thread.open()
        return binance

    def close(self) -> None:
        """Stops an exchange that runs in a thread; twice is once."""
        if self._thread is not None:
            self._thread.close()

    async def __aenter__(self) -> Self:
        """Starts."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops."""
        await self.stop()

    def __enter__(self) -> Self:
        """Of an exchange that `start_in_thread` has started."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes."""
        self.close()

    async def _expire(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.stop()
