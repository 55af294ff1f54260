"""The protocol: a request passes authentication, call counter and permissions on its way to its endpoint.

Whatever host stands in the path, a signature covers `/0/private/NAME` alone. The exchange's own errors travel in an envelope with
status 200.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar
from urllib.parse import parse_qsl

from aiohttp import web

from reconcile_actors.simulation.faults import Fault, Injected, moment_shown
from reconcile_actors.simulation.front import Asked
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.kraken.auth import SignedRequest, User, authenticate
from reconcile_actors.simulation.kraken.balances import BALANCES
from reconcile_actors.simulation.kraken.endpoints import Call, PrivateEndpoint
from reconcile_actors.simulation.kraken.errors import KrakenError, raise_declared_error
from reconcile_actors.simulation.kraken.funds import FUNDS
from reconcile_actors.simulation.kraken.history import HISTORY
from reconcile_actors.simulation.kraken.mutations import bent
from reconcile_actors.simulation.kraken.public import PUBLIC
from reconcile_actors.simulation.kraken.trading import TRADING
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.responses import json_response

PRIVATE: dict[str, PrivateEndpoint] = {**BALANCES, **HISTORY, **TRADING, **FUNDS}


class KrakenProtocol:
    """`users` is read by API key at each request and may grow meanwhile."""

    paths: ClassVar[tuple[str, ...]] = ("/0/{scope:public|private}/{name:.+}",)
    null_result: ClassVar[str] = '{"error":[],"result":null}'

    def __init__(self, *, market: Market, users: Mapping[str, User], clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds."""
        self._market = market
        self._users = users
        self._clock = clock

    async def read(self, request: web.Request) -> Asked:
        """An endpoint by its name; a private one has its parameters in the body."""
        name, body = request.match_info["name"], await request.read()
        is_private = request.match_info["scope"] == "private"
        known = self._users.get(request.headers.get("API-Key", ""))
        parameters = _parameters(request, body) if is_private else dict(request.query)
        return Asked(
            endpoint=name,
            user=known.name if is_private and known is not None else None,
            parameters={key: value for key, value in parameters.items() if key != "nonce"},
            answer=partial(self._answer, request, name, parameters, body),
        )

    def _answer(
        self,
        request: web.Request,
        name: str,
        parameters: Mapping[str, str],
        body: bytes,
        injected: tuple[Injected, ...],
    ) -> web.Response:
        try:
            raise_declared_error(injected)
            if request.match_info["scope"] == "public":
                result = self._public(name, parameters)
            else:
                result = self._private(request, name, parameters, body, injected)
        except KrakenError as error:
            return json_response({"error": [error.code]}, injected)
        for each in injected:
            result = bent(result, each)
        return json_response({"error": [], "result": result}, injected)

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
        return endpoint.handle(
            Call(
                user=user,
                market=self._market,
                parameters=parameters,
                now=now,
                balances_as_of=moment_shown(injected, Fault.STALE, now),
                history_until=moment_shown(injected, Fault.LAGGING_HISTORY, now),
            )
        )


def _parameters(request: web.Request, body: bytes) -> dict[str, str]:
    """Form fields, or the top level of a JSON object; a body that is neither has no parameters."""
    if request.content_type != "application/json":
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        fields = json.loads(body)
    except ValueError:
        return {}
    return {name: str(value) for name, value in fields.items()} if isinstance(fields, dict) else {}
