"""Faults that end a request: HTTP errors, dropped connections, bodies that are no answer, and errors the exchange declares."""

from aiohttp import web

from reconcile_actors.simulation.faults import Fault, Injected
from reconcile_actors.simulation.kraken.wire import KrakenError

_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"
_STATUS = {
    Fault.HTTP_429: (429, "Too Many Requests"),
    Fault.HTTP_500: (500, "Internal Server Error"),
    Fault.HTTP_502: (502, "Bad Gateway"),
    Fault.HTTP_503: (503, "Service Temporarily Unavailable"),
    Fault.HTTP_520: (520, "Web server is returning an unknown error"),
}
_BODIES = {
    Fault.EMPTY_OBJECT: "{}",
    Fault.EMPTY_LIST: "[]",
    Fault.EMPTY_BODY: "",
    Fault.NULL_RESULT: '{"error":[],"result":null}',
}
_DECLARED = {
    Fault.BAD_KEY: "EAPI:Invalid key",
    Fault.INVALID_NONCE: "EAPI:Invalid nonce",
    Fault.PERMISSION_DENIED: "EGeneral:Permission denied",
    Fault.RATE_LIMIT: "EAPI:Rate limit exceeded",
    Fault.LOCKOUT: "EGeneral:Temporary lockout",
    Fault.UNAVAILABLE: "EService:Unavailable",
    Fault.CANCEL_ONLY: "EService:Market in cancel_only mode",
}


def broken_response(request: web.Request, injected: tuple[Injected, ...]) -> web.Response | None:
    """The response of the first fault that replaces the answer, if any; a dropped connection is closed here."""
    for each in injected:
        if each.fault in _STATUS:
            status, title = _STATUS[each.fault]
            headers = {"Retry-After": f"{each.options.seconds:g}"} if status == 429 else None
            page = _PAGE.format(title)
            return web.Response(status=status, reason=title, text=page, content_type="text/html", headers=headers)
        if each.fault is Fault.HTML:
            return web.Response(text=_PAGE.format("Just a moment..."), content_type="text/html")
        if each.fault in _BODIES:
            return web.Response(text=_BODIES[each.fault], content_type="application/json")
        if each.fault is Fault.DROP:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
    return None


def raise_declared_error(injected: tuple[Injected, ...]) -> None:
    """Raises `KrakenError` for the first fault that the exchange reports in its envelope."""
    for each in injected:
        if each.fault in _DECLARED:
            raise KrakenError(_DECLARED[each.fault])
