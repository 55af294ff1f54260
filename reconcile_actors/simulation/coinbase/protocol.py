"""The protocol: a request passes authentication, call limits and permissions on its way to its endpoint.

A token names the host that stands in the path. Endpoints are named by their path's last part: accounts, fills, transactions,
products, time.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from aiohttp import web

from reconcile_actors.simulation.coinbase.auth import Permission, User, authenticate, require
from reconcile_actors.simulation.coinbase.endpoints import PRIVATE, PUBLIC, Call, transactions
from reconcile_actors.simulation.coinbase.errors import CoinbaseError, raise_declared_error, too_many
from reconcile_actors.simulation.coinbase.mutations import bent
from reconcile_actors.simulation.faults import Fault, Injected, moment_shown
from reconcile_actors.simulation.front import Asked
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.market import Market
from reconcile_actors.simulation.responses import json_response

HOST = "api.coinbase.com"
_NULL = '{"accounts":null,"fills":null,"data":null,"has_next":false,"cursor":"","size":0}'


class CoinbaseProtocol:
    """`users` is read by key name at each request and may grow meanwhile."""

    paths: ClassVar[tuple[str, ...]] = ("/api/v3/brokerage/{name:.+}", "/v2/accounts/{uuid}/transactions")
    null_result: ClassVar[str] = _NULL

    def __init__(
        self, *, market: Market, users: Mapping[str, User], clock: Callable[[], float], page_rows: int
    ) -> None:
        """`clock` gives Unix seconds; `page_rows` is the longest page of accounts or fills."""
        self._market = market
        self._users = users
        self._clock = clock
        self._page_rows = page_rows

    async def read(self, request: web.Request) -> Asked:
        """An endpoint by its path's last part. A token holds when it arrives, however long the way to the answer is."""
        user, refusal = self._asking(request, self._clock())
        return Asked(
            endpoint=request.path.rpartition("/")[2],
            user=None if user is None else user.name,
            parameters=dict(request.query),
            answer=partial(self._answer, request, user, refusal),
        )

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
        return json_response(answer, injected)

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
        return Call(
            market=self._market,
            parameters={name: request.query.getall(name) for name in request.query},
            now=now,
            page_rows=self._page_rows,
            balances_as_of=moment_shown(injected, Fault.STALE, now),
            history_until=moment_shown(injected, Fault.LAGGING_HISTORY, now),
        )
