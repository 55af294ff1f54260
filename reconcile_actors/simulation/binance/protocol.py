"""The protocol: a request passes weights and authentication on its way to its endpoint.

The exchange's own errors are `{"code", "msg"}` with a status that is not 200.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from aiohttp import web

from reconcile_actors.simulation.binance.auth import User, authenticate
from reconcile_actors.simulation.binance.balances import BALANCES
from reconcile_actors.simulation.binance.endpoints import Call, Endpoint
from reconcile_actors.simulation.binance.errors import BinanceError, raise_declared_error
from reconcile_actors.simulation.binance.history import HISTORY
from reconcile_actors.simulation.binance.limits import Weights
from reconcile_actors.simulation.binance.mutations import bent
from reconcile_actors.simulation.binance.public import PUBLIC
from reconcile_actors.simulation.binance.wire import milliseconds
from reconcile_actors.simulation.faults import Fault, Injected, moment_shown
from reconcile_actors.simulation.front import Asked
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.responses import json_response

SIGNED: dict[str, Endpoint] = {**BALANCES, **HISTORY}
_UNSHOWN = {"timestamp", "recvWindow", "signature"}


class BinanceProtocol:
    """`users` is read by API key at each request and may grow meanwhile."""

    paths: ClassVar[tuple[str, ...]] = ("/api/v3/{name:.+}", "/sapi/v1/{name:.+}")
    null_result: ClassVar[str] = "null"

    def __init__(
        self, *, market: Market, users: Mapping[str, User], clock: Callable[[], float], weights: Weights | None
    ) -> None:
        """`clock` gives Unix seconds; `weights` are the address's, None for no limit."""
        self._market = market
        self._users = users
        self._clock = clock
        self._weights = weights

    async def read(self, request: web.Request) -> Asked:
        """An endpoint by what follows its scope."""
        name, parameters = request.match_info["name"], dict(request.query)
        known = self._users.get(request.headers.get("X-MBX-APIKEY", ""))
        return Asked(
            endpoint=name,
            user=known.name if known is not None else None,
            parameters={key: value for key, value in parameters.items() if key not in _UNSHOWN},
            answer=partial(self._answer, request, name, parameters),
        )

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
            return json_response({"code": error.code, "msg": error.message}, status=error.status, headers=headers)
        for each in injected:
            result = bent(result, each)
        return json_response(result, injected, headers=headers)

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
        return signed.handle(
            Call(
                user=user,
                parameters=parameters,
                now=now,
                balances_as_of=moment_shown(injected, Fault.STALE, now),
                history_until=moment_shown(injected, Fault.LAGGING_HISTORY, now),
            )
        )
