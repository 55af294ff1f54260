"""The HTTP server: a request passes faults, weights and authentication on its way to its endpoint.

Both `/api/v3/NAME` and `/HOST/api/v3/NAME` are served (and `/sapi/v1/NAME` likewise): clients that are redirected after signing
keep the exchange's host in the path. The exchange's own errors are `{"code", "msg"}` with a status that is not 200.
"""

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import web

from reconcile_actors.simulation.binance.auth import User, authenticate
from reconcile_actors.simulation.binance.balances import BALANCES
from reconcile_actors.simulation.binance.breakage import broken_response, raise_declared_error
from reconcile_actors.simulation.binance.endpoints import Call, Endpoint
from reconcile_actors.simulation.binance.history import HISTORY
from reconcile_actors.simulation.binance.limits import Weight, WeightLimits, Weights
from reconcile_actors.simulation.binance.mutations import bent, rendered
from reconcile_actors.simulation.binance.public import PUBLIC
from reconcile_actors.simulation.binance.wire import BinanceError, Json, milliseconds
from reconcile_actors.simulation.faults import Fault, Faults, Injected, RequestLog, RequestRecord
from reconcile_actors.simulation.market import Market

SIGNED: dict[str, Endpoint] = {**BALANCES, **HISTORY}
_UNSHOWN = {"timestamp", "recvWindow", "signature"}
_SHUTDOWN_SECONDS = 1.0


class BinanceServer:
    """Starts and stops on one event loop; `users` is read by API key at each request and may grow meanwhile."""

    def __init__(
        self,
        *,
        market: Market,
        users: Mapping[str, User],
        faults: Faults,
        requests: RequestLog,
        clock: Callable[[], float],
        latency_seconds: float,
        limits: WeightLimits | None,
    ) -> None:
        """`latency_seconds` is a round trip: half of it passes before the answer is made, half after. `limits` are the address's."""
        self._market = market
        self._users = users
        self._faults = faults
        self._requests = requests
        self._clock = clock
        self.latency_seconds = latency_seconds
        self.in_flight = 0
        self._weights = None if limits is None else Weights(limits)
        self._runner: web.AppRunner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = asyncio.Event()
        self._faults.on_clear(self._release)

    def count(self, weight: Weight) -> None:
        """Counts a request that nobody sees; where nothing is limited, that changes nothing."""
        if self._weights is not None:
            self._weights.admit(weight, self._clock())

    async def start(self, host: str, port: int) -> int:
        """Listens; returns the port, which the system chooses for 0."""
        self._loop = asyncio.get_running_loop()
        application = web.Application()
        for before in ("", "/{host:[^/]+}"):
            for scope in ("api/v3", "sapi/v1"):
                application.router.add_route("*", f"{before}/{scope}/{{name:.+}}", self._handle)
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
        name = request.match_info["name"]
        known = self._users.get(request.headers.get("X-MBX-APIKEY", ""))
        user = known.name if known is not None else None
        parameters = dict(request.query)
        injected = self._faults.take(name, user)
        shown = {key: value for key, value in parameters.items() if key not in _UNSHOWN}
        faults = tuple(each.fault for each in injected)
        self._requests.add(RequestRecord(self._clock(), name, user, faults, shown))
        await self._pass_half_a_round_trip()
        response = broken_response(request, injected)
        if response is None:
            response = self._answer(request, name, parameters, injected)
        await self._hold_back(injected)
        await self._pass_half_a_round_trip()
        return response

    def _answer(
        self, request: web.Request, name: str, parameters: Mapping[str, str], injected: tuple[Injected, ...]
    ) -> web.Response:
        headers: dict[str, str] = {}
        try:
            raise_declared_error(injected)
            result = self._result(request, name, parameters, injected, headers)
        except BinanceError as error:
            if error.retry_after is not None:
                headers["Retry-After"] = str(error.retry_after)
            return web.json_response({"code": error.code, "msg": error.message}, status=error.status, headers=headers)
        for each in injected:
            result = bent(result, each)
        return web.Response(text=_written(result, injected), content_type="application/json", headers=headers)

    def _result(
        self,
        request: web.Request,
        name: str,
        parameters: Mapping[str, str],
        injected: tuple[Injected, ...],
        headers: dict[str, str],
    ) -> Json:
        now = self._clock()
        open_to_all, signed = PUBLIC.get(name), SIGNED.get(name)
        weight = open_to_all[0] if open_to_all is not None else signed.weight if signed is not None else None
        if weight is None or request.method != "GET":
            raise BinanceError(-1000, "Path not found.", status=404)
        if self._weights is not None:
            self._weights.admit(weight, now)
            headers.update(self._weights.headers(weight))
        if open_to_all is not None:
            return open_to_all[1](self._market, parameters, now)
        assert signed is not None, "it has a weight"
        key = request.headers.get("X-MBX-APIKEY", "")
        user = authenticate(self._users, key, request.rel_url.raw_query_string, parameters, milliseconds(now))
        ages = {each.fault: each.options.seconds for each in injected}
        return signed.handle(
            Call(
                user=user,
                parameters=parameters,
                now=now,
                balances_as_of=now - ages[Fault.STALE] if Fault.STALE in ages else None,
                history_until=now - ages[Fault.LAGGING_HISTORY] if Fault.LAGGING_HISTORY in ages else None,
            )
        )

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


def _written(payload: Json, injected: tuple[Injected, ...]) -> str:
    text = rendered(payload)
    return text[: len(text) // 2] if any(each.fault is Fault.TRUNCATED for each in injected) else text
