"""The HTTP server: a request passes faults, authentication, call limits and permissions on its way to its endpoint.

Both `/PATH` and `/HOST/PATH` are served: clients that are redirected after signing keep the exchange's host in the path, and
their token names that host. Endpoints are named by their path's last part: accounts, fills, transactions, products, time.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import web

from reconcile_actors.simulation.coinbase.auth import Permission, User, authenticate, require
from reconcile_actors.simulation.coinbase.breakage import broken_response, raise_declared_error
from reconcile_actors.simulation.coinbase.endpoints import PRIVATE, PUBLIC, Call, transactions
from reconcile_actors.simulation.coinbase.errors import CoinbaseError, too_many
from reconcile_actors.simulation.coinbase.mutations import bent, rendered
from reconcile_actors.simulation.coinbase.wire import Json
from reconcile_actors.simulation.faults import Fault, Faults, Injected, RequestLog, RequestRecord
from reconcile_actors.simulation.market import Market

HOST = "api.coinbase.com"
_SHUTDOWN_SECONDS = 1.0
_V3 = "/api/v3/brokerage/"


class CoinbaseServer:
    """Starts and stops on one event loop; `users` is read by key name at each request and may grow meanwhile."""

    def __init__(
        self,
        *,
        market: Market,
        users: Mapping[str, User],
        faults: Faults,
        requests: RequestLog,
        clock: Callable[[], float],
        latency_seconds: float,
        page_rows: int,
    ) -> None:
        """`latency_seconds` is a round trip: half of it passes before the answer is made, half after."""
        self._market = market
        self._users = users
        self._faults = faults
        self._requests = requests
        self._clock = clock
        self._latency_seconds = latency_seconds
        self._page_rows = page_rows
        self.in_flight = 0
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = asyncio.Event()
        self._faults.on_clear(self._release)

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which the system chooses for 0."""
        self._loop = asyncio.get_running_loop()
        application = web.Application()
        for prefix in ("", "/{host:[^/]+}"):
            application.router.add_route("*", prefix + _V3 + "{name:.+}", self._handle)
            application.router.add_route("*", prefix + "/v2/accounts/{uuid}/transactions", self._handle)
        # A client that gives up ends its handler, or a slow answer would outlive its request.
        runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stops listening and ends what is open; twice is once."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._open_gate()
            await runner.cleanup()
        self._loop = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        try:
            return await self._respond(request)
        finally:
            self.in_flight -= 1

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        endpoint, now = request.path.rpartition("/")[2], self._clock()
        user, refusal = self._asking(request, now)
        name = None if user is None else user.name
        injected = self._faults.take(endpoint, name)
        faults = tuple(each.fault for each in injected)
        self._requests.add(RequestRecord(now, endpoint, name, faults, dict(request.query)))
        await self._pass_half_a_round_trip()
        response = broken_response(request, injected)
        if response is None:
            response = self._answer(request, user, refusal, injected)
        await self._hold_back(injected)
        await self._pass_half_a_round_trip()
        return response

    def _asking(self, request: web.Request, now: float) -> tuple[User | None, CoinbaseError | None]:
        if request.match_info.get("name", "") in PUBLIC:
            return None, None
        host = request.match_info.get("host")
        path = request.path if host is None else request.path.removeprefix(f"/{host}")
        hosts = (HOST, request.host) if host is None else (host,)
        uris = frozenset(f"{request.method} {each}{path}" for each in hosts)
        try:
            return authenticate(self._users, request.headers.get("Authorization", ""), uris, now), None
        except CoinbaseError as error:
            return None, error

    def _answer(
        self, request: web.Request, user: User | None, refusal: CoinbaseError | None, injected: tuple[Injected, ...]
    ) -> web.Response:
        version = "v2" if "uuid" in request.match_info else "v3"
        try:
            raise_declared_error(version, injected)
            if refusal is not None:
                raise refusal
            answer = self._result(request, version, user, self._call(request, injected))
        except CoinbaseError as error:
            headers = {} if error.retry_after is None else {"Retry-After": f"{error.retry_after:g}"}
            kind = "text/plain" if error.code is None else "application/json"
            return web.Response(status=error.status, text=error.body(version), content_type=kind, headers=headers)
        for each in injected:
            answer = bent(answer, each)
        text = rendered(answer)
        if any(each.fault is Fault.TRUNCATED for each in injected):
            text = text[: len(text) // 2]
        return web.Response(text=text, content_type="application/json")

    def _result(self, request: web.Request, version: str, user: User | None, call: Call) -> Json:
        name = request.match_info.get("name", "")
        if user is None:
            return PUBLIC[name](call)
        if user.limits is not None and not user.limits.admit(version, call.now):
            raise too_many(version)
        if request.method != "GET" or (version == "v3" and name not in PRIVATE):
            raise CoinbaseError(404, "NOT_FOUND", "not found")
        if name != "key_permissions":
            require(user, Permission.VIEW)
        return PRIVATE[name](user, call) if version == "v3" else transactions(user, request.match_info["uuid"], call)

    def _call(self, request: web.Request, injected: tuple[Injected, ...]) -> Call:
        now = self._clock()
        ages = {each.fault: each.options.seconds for each in injected}
        return Call(
            market=self._market,
            parameters={name: request.query.getall(name) for name in request.query},
            now=now,
            page_rows=self._page_rows,
            balances_as_of=now - ages[Fault.STALE] if Fault.STALE in ages else None,
            history_until=now - ages[Fault.LAGGING_HISTORY] if Fault.LAGGING_HISTORY in ages else None,
        )

    async def _pass_half_a_round_trip(self) -> None:
        if self._latency_seconds > 0:
            await asyncio.sleep(self._latency_seconds / 2)

    async def _hold_back(self, injected: tuple[Injected, ...]) -> None:
        """SLOW: the answer is made, and waits; clearing the faults lets it go."""
        seconds = sum(each.options.seconds for each in injected if each.fault is Fault.SLOW)
        if seconds > 0:
            try:
                await asyncio.wait_for(self._gate.wait(), seconds)
            except TimeoutError:
                return

    def _release(self) -> None:
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._open_gate)

    def _open_gate(self) -> None:
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()
