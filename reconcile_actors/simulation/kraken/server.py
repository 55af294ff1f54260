"""The HTTP server: a request passes faults, authentication, call counter and permissions on its way to its endpoint.

Both `/0/SCOPE/NAME` and `/HOST/0/SCOPE/NAME` are served: clients that are redirected after signing keep the exchange's host in the path,
while the signature covers `/0/private/NAME` alone. The exchange's own errors travel in an envelope with status 200.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from reconcile_actors.simulation.faults import Fault, Faults, Injected, RequestLog, RequestRecord
from reconcile_actors.simulation.kraken.auth import SignedRequest, User, authenticate
from reconcile_actors.simulation.kraken.balances import BALANCES
from reconcile_actors.simulation.kraken.breakage import broken_response, raise_declared_error
from reconcile_actors.simulation.kraken.endpoints import Call, PrivateEndpoint
from reconcile_actors.simulation.kraken.funds import FUNDS
from reconcile_actors.simulation.kraken.history import HISTORY
from reconcile_actors.simulation.kraken.mutations import bent, rendered
from reconcile_actors.simulation.kraken.public import PUBLIC
from reconcile_actors.simulation.kraken.trading import TRADING
from reconcile_actors.simulation.kraken.wire import Json, KrakenError
from reconcile_actors.simulation.market import Market

PRIVATE: dict[str, PrivateEndpoint] = {**BALANCES, **HISTORY, **TRADING, **FUNDS}
_SHUTDOWN_SECONDS = 1.0


class KrakenServer:
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
    ) -> None:
        """`latency_seconds` is a round trip: half of it passes before the answer is made, half after."""
        self._market = market
        self._users = users
        self._faults = faults
        self._requests = requests
        self._clock = clock
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
        application.router.add_route("*", "/0/{scope:public|private}/{name:.+}", self._handle)
        application.router.add_route("*", "/{host:[^/]+}/0/{scope:public|private}/{name:.+}", self._handle)
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
        name, body = request.match_info["name"], await request.read()
        is_private = request.match_info["scope"] == "private"
        known = self._users.get(request.headers.get("API-Key", ""))
        user = known.name if is_private and known is not None else None
        parameters = _parameters(request, body) if is_private else dict(request.query)
        injected = self._faults.take(name, user)
        shown = {key: value for key, value in parameters.items() if key != "nonce"}
        faults = tuple(each.fault for each in injected)
        self._requests.add(RequestRecord(self._clock(), name, user, faults, shown))
        await self._pass_half_a_round_trip()
        response = broken_response(request, injected)
        if response is None:
            payload = self._answer(request, name, parameters, body, injected)
            response = web.Response(text=_written(payload, injected), content_type="application/json")
        await self._hold_back(injected)
        await self._pass_half_a_round_trip()
        return response

    def _answer(
        self,
        request: web.Request,
        name: str,
        parameters: Mapping[str, str],
        body: bytes,
        injected: tuple[Injected, ...],
    ) -> Json:
        try:
            raise_declared_error(injected)
            if request.match_info["scope"] == "public":
                result = self._public(name, parameters)
            else:
                result = self._private(request, name, parameters, body, injected)
        except KrakenError as error:
            return {"error": [error.code]}
        for each in injected:
            result = bent(result, each)
        return {"error": [], "result": result}

    def _public(self, name: str, parameters: Mapping[str, str]) -> Json:
        endpoint = PUBLIC.get(name)
        if endpoint is None:
            raise KrakenError("EGeneral:Unknown method")
        return endpoint(self._market, parameters, self._clock())

    def _private(
        self,
        request: web.Request,
        name: str,
        parameters: Mapping[str, str],
        body: bytes,
        injected: tuple[Injected, ...],
    ) -> Json:
        endpoint = PRIVATE.get(name)
        if endpoint is None or request.method != "POST":
            raise KrakenError("EGeneral:Unknown method")
        signed = SignedRequest(
            api_key=request.headers.get("API-Key", ""),
            signature=request.headers.get("API-Sign", ""),
            path=f"/0/private/{name}",
            nonce=parameters.get("nonce", ""),
            body=body,
        )
        user = authenticate(self._users, signed)
        now = self._clock()
        if user.counter is not None and not user.counter.admit(endpoint.cost, now):
            raise KrakenError("EAPI:Rate limit exceeded")
        if endpoint.needs and user.permissions.isdisjoint(endpoint.needs):
            raise KrakenError("EGeneral:Permission denied")
        ages = {each.fault: each.options.seconds for each in injected}
        return endpoint.handle(
            Call(
                user=user,
                market=self._market,
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


def _parameters(request: web.Request, body: bytes) -> dict[str, str]:
    """Form fields, or the top level of a JSON object; a body that is neither has no parameters."""
    if request.content_type != "application/json":
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return {name: str(value) for name, value in fields.items()} if isinstance(fields, dict) else {}


def _written(payload: Json, injected: tuple[Injected, ...]) -> str:
    text = rendered(payload)
    return text[: len(text) // 2] if any(each.fault is Fault.TRUNCATED for each in injected) else text
