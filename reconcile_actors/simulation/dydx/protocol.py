"""The protocol: a request passes the request limit on its way to its endpoint.

Endpoints are named by the last word of their path; `addresses/ADDRESS/subaccountNumber/N` is `subaccount`. STALE on every endpoint
is an indexer that lags behind the chain by so many seconds.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from aiohttp import web

from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.endpoints import ENDPOINTS, Call
from reconcile_actors.simulation.dydx.errors import IndexerError, raise_declared_error
from reconcile_actors.simulation.dydx.limits import RequestWindow, Standing
from reconcile_actors.simulation.dydx.mutations import bent
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.faults import Fault, Injected, moment_shown
from reconcile_actors.simulation.front import Asked
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.responses import json_response

_NULL = '{"subaccount":null,"fills":null,"transfers":null,"fundingPayments":null,"markets":null}'


class IndexerProtocol:
    """`accounts` is read at each request and may grow meanwhile."""

    paths: ClassVar[tuple[str, ...]] = ("/v4/{path:.+}",)
    null_result: ClassVar[str] = _NULL

    def __init__(
        self,
        *,
        chain: Chain,
        accounts: Mapping[tuple[str, int], Subaccount],
        clock: Callable[[], float],
        window: RequestWindow | None,
    ) -> None:
        """`clock` gives Unix seconds; without a `window` nothing is limited."""
        self._chain = chain
        self._accounts = accounts
        self._clock = clock
        self._window = window

    async def read(self, request: web.Request) -> Asked:
        """An endpoint by the last word of its path; nobody has a key, so an address stands for a user."""
        name, parameters = _endpoint(request.match_info["path"], dict(request.query))
        answer = partial(self._answer, name if request.method == "GET" else "", parameters)
        return Asked(name, parameters.get("address"), parameters, answer)

    def _answer(self, name: str, parameters: Mapping[str, str], injected: tuple[Injected, ...]) -> web.Response:
        headers: dict[str, str] = {}
        try:
            self._admit(headers)
            raise_declared_error(injected)
            answer, status = self._content(name, parameters, injected), 200
        except IndexerError as error:
            answer, status = {"errors": error.errors}, error.status
        return json_response(answer, injected, status=status, headers=headers)

    def _admit(self, headers: dict[str, str]) -> None:
        if self._window is not None:
            now = self._clock()
            standing = self._window.admit(now)
            headers.update(_limit_headers(self._window, standing, now))
            if not standing.admitted:
                raise IndexerError(429, "Too many requests")

    def _content(self, name: str, parameters: Mapping[str, str], injected: tuple[Injected, ...]) -> Json:
        endpoint = ENDPOINTS.get(name)
        if endpoint is None:
            raise IndexerError(404, "Not Found")
        now = self._chain.now()
        state_as_of = moment_shown(injected, Fault.STALE, now)
        call = Call(
            chain=self._chain,
            accounts=self._accounts,
            parameters=parameters,
            now=now,
            state_as_of=state_as_of,
            history_until=moment_shown(injected, Fault.LAGGING_HISTORY, now) or state_as_of,
        )
        answer = endpoint(call)
        for each in injected:
            answer = bent(answer, each)
        return answer


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


def _limit_headers(window: RequestWindow, standing: Standing, now: float) -> dict[str, str]:
    """How one stands. The indexer says in milliseconds when to come back, unlike anybody else."""
    wait_ms = round(standing.wait_seconds * 1000)
    headers = {
        "RateLimit-Limit": str(window.maximum),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(round(now * 1000) + wait_ms),
    }
    return headers if standing.admitted else {**headers, "Retry-After": str(wait_ms)}
