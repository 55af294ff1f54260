"""The simulated exchange as one object: accounts, market, faults and the server that shows them.

async with SimulatedCoinbase(seed=7) as coinbase:
    coinbase.account.deposit("BTC", Decimal("1.5"))
    coinbase.faults.next("accounts", Fault.HTML, times=2)
    ...  # a client of coinbase.base_url with coinbase.keys
"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from reconcile_actors.simulation.account import Account
from reconcile_actors.simulation.coinbase.auth import ALL_PERMISSIONS, Keys, Permission, User, UuidMint
from reconcile_actors.simulation.coinbase.instruments import COINBASE
from reconcile_actors.simulation.coinbase.limits import Limits
from reconcile_actors.simulation.coinbase.server import CoinbaseServer
from reconcile_actors.simulation.faults import Faults, RequestLog
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.seeding import seeded
from reconcile_actors.simulation.threaded import LoopThread

MAIN = "main"
PAGE_ROWS = 250


class SimulatedCoinbase:
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
        self.seed = seed
        self.clock = clock
        self.market = Market(seed, COINBASE.pairs.values())
        self.faults = Faults(clock)
        self.requests = RequestLog()
        self._limited = limited
        self._users: dict[str, User] = {}
        self._lifetime_seconds = lifetime_seconds
        self._host = host
        self._port = port
        self._latency_seconds = latency_seconds
        self._page_rows = page_rows
        self._server: CoinbaseServer | None = None
        self._thread: LoopThread | None = None
        self._expiry: asyncio.Task[None] | None = None
        self.user = self.add_account(MAIN, permissions=permissions)

    @property
    def account(self) -> Account:
        """The first user's account."""
        return self.user.account

    @property
    def keys(self) -> Keys:
        """The first user's key: its name and its private key in PEM."""
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

    async def start(self) -> None:
        """Listens on the running loop."""
        server = CoinbaseServer(
            market=self.market,
            users=self._users,
            faults=self.faults,
            requests=self.requests,
            clock=self.clock,
            latency_seconds=self._latency_seconds,
            page_rows=self._page_rows,
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
        limited: bool = True,
        permissions: frozenset[Permission] = ALL_PERMISSIONS,
        latency_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        page_rows: int = PAGE_ROWS,
        port: int = 0,
    ) -> Self:
        """A running exchange on a loop of its own, for callers without one; `close` it, or use it in a `with` block."""
        coinbase = cls(
            seed=seed,
            clock=clock,
            limited=limited,
            permissions=permissions,
            latency_seconds=latency_seconds,
            lifetime_seconds=lifetime_seconds,
            page_rows=page_rows,
            port=port,
        )
        coinbase._thread = LoopThread(coinbase.start, coinbase.stop, lifetime_seconds)
        coinbase._thread.open()
        return coinbase

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
