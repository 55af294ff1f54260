"""Faults that end a request: an answer that never comes or is none, and the errors that the indexer declares."""

from aiohttp import web

from reconcile_actors.simulation.dydx.limits import Standing
from reconcile_actors.simulation.dydx.wire import IndexerError
from reconcile_actors.simulation.faults import Fault, Injected
from reconcile_actors.simulation.kraken.breakage import broken_response as broken_transport

_NULL = '{"subaccount":null,"fills":null,"transfers":null,"fundingPayments":null,"markets":null}'


def broken_response(request: web.Request, injected: tuple[Injected, ...]) -> web.Response | None:
    """The response of the first fault that replaces the answer, if any; a dropped connection is closed here."""
    if any(each.fault is Fault.NULL_RESULT for each in injected):
        return web.Response(text=_NULL, content_type="application/json")
    return broken_transport(request, injected)


def require_admitted(standing: Standing) -> None:
    """Raises `IndexerError` for a request above the limit."""
    if not standing.admitted:
        raise IndexerError(429, "Too many requests")


def raise_declared_error(injected: tuple[Injected, ...]) -> None:
    """Raises `IndexerError` for the first fault that the indexer reports itself. Of keys and nonces it knows nothing."""
    for each in injected:
        match each.fault:
            case Fault.PERMISSION_DENIED:
                raise IndexerError(
                    403, "Because you appear to be a resident of a restricted jurisdiction", code="GEOBLOCKED"
                )
            case Fault.RATE_LIMIT | Fault.LOCKOUT:
                raise IndexerError(429, "Too many requests")
            case Fault.UNAVAILABLE:
                raise IndexerError(503, "Service Unavailable")
            case _:
                continue
