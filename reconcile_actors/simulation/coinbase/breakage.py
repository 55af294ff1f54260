"""Faults that end a request: an answer that never comes or is none, and the errors that the exchange declares."""

from aiohttp import web

from reconcile_actors.simulation.coinbase.errors import CoinbaseError, too_many, unauthorized
from reconcile_actors.simulation.faults import Fault, Injected
from reconcile_actors.simulation.kraken.breakage import broken_response as broken_transport

_NULL = '{"accounts":null,"fills":null,"data":null,"has_next":false,"cursor":"","size":0}'


def broken_response(request: web.Request, injected: tuple[Injected, ...]) -> web.Response | None:
    """The response of the first fault that replaces the answer, if any; a dropped connection is closed here."""
    if any(each.fault is Fault.NULL_RESULT for each in injected):
        return web.Response(text=_NULL, content_type="application/json")
    return broken_transport(request, injected)


def raise_declared_error(version: str, injected: tuple[Injected, ...]) -> None:
    """Raises `CoinbaseError` for the first fault that the exchange reports itself."""
    for each in injected:
        match each.fault:
            case Fault.BAD_KEY | Fault.INVALID_NONCE:
                raise unauthorized()
            case Fault.PERMISSION_DENIED:
                raise CoinbaseError(403, "PERMISSION_DENIED", "Missing required scopes")
            case Fault.RATE_LIMIT:
                raise too_many(version)
            case Fault.LOCKOUT:
                raise too_many(version, each.options.seconds)
            case Fault.UNAVAILABLE:
                raise CoinbaseError(503, "UNAVAILABLE", "Service is under maintenance")
            case _:
                continue
