"""The simulated indexer as one object: subaccounts, chain, faults and the server that shows them.

async with SimulatedDydx(seed=7) as dydx:
    dydx.account.deposit(Decimal(10_000))
    dydx.account.trade("BTC-USD", "buy", Decimal("0.1"))
    dydx.faults.next("subaccount", Fault.HTML, times=2)
    ...  # a client of dydx.base_url with dydx.address; no key is asked for
"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.limits import MAXIMUM, RequestWindow
from reconcile_actors.simulation.dydx.server import IndexerServer
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.faults import Faults, RequestLog
from reconcile_actors.simulation.ids import IdMint
from reconcile_actors.simulation.seeding import seeded
from reconcile_actors.simulation.threaded import LoopThread

MAIN = "main"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class SimulatedDydx:
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
        self.seed = seed
        self.clock = clock
        self.chain = Chain(seed=seed, clock=clock)
        self.faults = Faults(clock)
        self.requests = RequestLog()
        self._window = None if requests_a_window is None else RequestWindow(requests_a_window)
        self._accounts: dict[tuple[str, int], Subaccount] = {}
        self._lifetime_seconds = lifetime_seconds
        self._host = host
        self._port = port
        self._latency_seconds = latency_seconds
        self._server: IndexerServer | None = None
        self._thread: LoopThread | None = None
        self._expiry: asyncio.Task[None] | None = None
        self.account = self.add_account(MAIN)

    @property
    def address(self) -> str:
        """The first subaccount's address: all that a reader needs."""
        return self.account.address

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

    def add_account(self, name: str, *, number: int = 0) -> Subaccount:
        """A subaccount of the owner `name`, whose address follows from it; the indexer knows of it once something happens."""
        address = address_of(self.seed, name)
        if (address, number) in self._accounts:
            raise ValueError(f"account {name} exists")
        mint = IdMint(seeded(self.seed, name, number, "ids"))
        account = self._accounts[address, number] = Subaccount(address, number, self.chain, mint)
        return account

    async def start(self) -> None:
        """Listens on the running loop."""
        server = IndexerServer(
            chain=self.chain,
            accounts=self._accounts,
            faults=self.faults,
            requests=self.requests,
            clock=self.clock,
            latency_seconds=self._latency_seconds,
            window=self._window,
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
        requests_a_window: int | None = MAXIMUM,
        latency_seconds: float = 0.0,
        lifetime_seconds: float | None = None,
        port: int = 0,
    ) -> Self:
        """A running indexer on a loop of its own, for callers without one; `close` it, or use it in a `with` block."""
        dydx = cls(
            seed=seed,
            clock=clock,
            requests_a_window=requests_a_window,
            latency_seconds=latency_seconds,
            lifetime_seconds=lifetime_seconds,
            port=port,
        )
        dydx._thread = LoopThread(dydx.start, dydx.stop, lifetime_seconds)
        dydx._thread.open()
        return dydx

    def close(self) -> None:
        """Stops an indexer that runs in a thread; twice is once."""
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
        """Of an indexer that `start_in_thread` has started."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes."""
        self.close()

    async def _expire(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.stop()


def address_of(seed: int, name: str) -> str:
    """A made-up owner's address in the chain's form: dydx1 and 38 characters of bech32."""
    return "dydx1" + "".join(seeded(seed, name, "address").choices(_BECH32, k=38))
