"""The HTTP server: a request passes faults and the request limit on its way to its endpoint.

Both `/v4/PATH` and `/HOST/v4/PATH` are served: clients that are redirected keep the exchange's host in the path. Endpoints are
named by the last word of their path; `addresses/ADDRESS/subaccountNumber/N` is `subaccount`. STALE on every endpoint is an
indexer that lags behind the chain by so many seconds.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import web

from reconcile_actors.simulation.dydx.breakage import broken_response, raise_declared_error, require_admitted
from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.endpoints import ENDPOINTS, Call
from reconcile_actors.simulation.dydx.limits import RequestWindow, Standing
from reconcile_actors.simulation.dydx.mutations import bent
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.dydx.wire import IndexerError
from reconcile_actors.simulation.faults import Fault, Faults, Injected, RequestLog, RequestRecord
from reconcile_actors.simulation.kraken.mutations import rendered
from reconcile_actors.simulation.kraken.wire import Json

_SHUTDOWN_SECONDS = 1.0


class IndexerServer:
    """Starts and stops on one event loop; `accounts` is read at each request and may grow meanwhile."""

    def __init__(
        self,
        *,
        chain: Chain,
        accounts: Mapping[tuple[str, int], Subaccount],
        faults: Faults,
        requests: RequestLog,
        clock: Callable[[], float],
        latency_seconds: float,
        window: RequestWindow | None,
    ) -> None:
        """`latency_seconds` is a round trip: half of it passes before the answer is made, half after."""
        self._chain = chain
        self._accounts = accounts
        self._faults = faults
        self._requests = requests
        self._clock = clock
        self._window = window
        self.latency_seconds = latency_seconds
        self.in_flight = 0
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = asyncio.Event()
        self._faults.on_clear(self._release)

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which the system chooses for 0."""
        self._loop = asyncio.get_running_loop()
        application = web.Application()
        application.router.add_get("/v4/{path:.+}", self._handle)
        application.router.add_get("/{host:[^/]+}/v4/{path:.+}", self._handle)
        # A client that gives up ends its handler, or a slow answer would outlive its request.
        runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
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
        name, parameters = _endpoint(request.match_info["path"], dict(request.query))
        user = parameters.get("address")
        injected = self._faults.take(name, user)
        faults = tuple(each.fault for each in injected)
        self._requests.add(RequestRecord(self._clock(), name, user, faults, parameters))
        await self._pass_half_a_round_trip()
        response = broken_response(request, injected)
        if response is None:
            response = self._answer(name, parameters, injected)
        await self._hold_back(injected)
        await self._pass_half_a_round_trip()
        return response

    def _answer(self, name: str, parameters: Mapping[str, str], injected: tuple[Injected, ...]) -> web.Response:
        headers: dict[str, str] = {}
        try:
            if self._window is not None:
                standing = self._window.admit(self._clock())
                headers = _limit_headers(self._window, standing)
                require_admitted(standing)
            raise_declared_error(injected)
            answer, status = self._content(name, parameters, injected), 200
        except IndexerError as error:
            answer, status = {"errors": error.errors}, error.status
        text = rendered(answer)
        if any(each.fault is Fault.TRUNCATED for each in injected):
            text = text[: len(text) // 2]
        return web.Response(text=text, status=status, headers=headers, content_type="application/json")

    def _content(self, name: str, parameters: Mapping[str, str], injected: tuple[Injected, ...]) -> Json:
        endpoint = ENDPOINTS.get(name)
        if endpoint is None:
            raise IndexerError(404, "Not Found")
        now = self._chain.now()
        ages = {each.fault: each.options.seconds for each in injected}
        call = Call(
            chain=self._chain,
            accounts=self._accounts,
            parameters=parameters,
            now=now,
            state_as_of=_before(now, ages, Fault.STALE),
            history_until=_before(now, ages, Fault.LAGGING_HISTORY) or _before(now, ages, Fault.STALE),
        )
        answer = endpoint(call)
        for each in injected:
            answer = bent(answer, each)
        return answer

    async def _pass_half_a_round_trip(self) -> None:
        if self.latency_seconds > 0:
            await asyncio.sleep(self.latency_seconds / 2)

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


def _before(now: float, ages: Mapping[Fault, float], fault: Fault) -> float | None:
    return now - ages[fault] if fault in ages else None


def _endpoint(path: str, query: dict[str, str]) -> tuple[str, dict[str, str]]:
    """An endpoint's name and its parameters, those of the path among them."""
    match path.strip("/").split("/"):
        case ["addresses", address, "subaccountNumber", number]:
            return "subaccount", {**query, "address": address, "subaccountNumber": number}
        case ["perpetualMarkets", ticker]:
            return "perpetualMarkets", {**query, "ticker": ticker}
        case [name]:
            return name, query
        case _:
            return path, query


def _limit_headers(window: RequestWindow, standing: Standing) -> dict[str, str]:
    headers = {
        "RateLimit-Limit": str(window.maximum),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(round(standing.wait_seconds * 1000)),
    }
    return headers if standing.admitted else {**headers, "Retry-After": str(int(standing.wait_seconds) + 1)}
