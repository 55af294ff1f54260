"""Faults that end a request: HTTP errors, dropped connections, bodies that are no answer, and errors the exchange declares."""

from aiohttp import web

from reconcile_actors.simulation.binance.wire import BinanceError
from reconcile_actors.simulation.faults import Fault, Injected

_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"
_STATUS = {
    Fault.HTTP_429: (429, "Too Many Requests"),
    Fault.HTTP_500: (500, "Internal Server Error"),
    Fault.HTTP_502: (502, "Bad Gateway"),
    Fault.HTTP_503: (503, "Service Temporarily Unavailable"),
    Fault.HTTP_520: (520, "Web server is returning an unknown error"),
}
_BODIES = {Fault.EMPTY_OBJECT: "{}", Fault.EMPTY_LIST: "[]", Fault.EMPTY_BODY: "", Fault.NULL_RESULT: "null"}
# Code, text and status; where a fault's name is another exchange's word, the error that means the same here.
_DECLARED = {
    Fault.BAD_KEY: (-2015, "Invalid API-key, IP, or permissions for action.", 401),
    Fault.INVALID_NONCE: (-1021, "Timestamp for this request is outside of the recvWindow.", 400),
    Fault.PERMISSION_DENIED: (-1002, "You are not authorized to execute this request.", 401),
    Fault.RATE_LIMIT: (-1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.", 429),
    Fault.LOCKOUT: (-1003, "Way too much request weight used; IP banned until 1659146400000.", 418),
    Fault.UNAVAILABLE: (1, "System is under maintenance.", 503),
    Fault.CANCEL_ONLY: (
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
        503,
    ),
}
_WAITS = {Fault.RATE_LIMIT, Fault.LOCKOUT}


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
    """Raises `BinanceError` for the first fault that the exchange declares itself."""
    for each in injected:
        if each.fault in _DECLARED:
            code, message, status = _DECLARED[each.fault]
            wait = int(each.options.seconds) if each.fault in _WAITS else None
            raise BinanceError(code, message, status=status, retry_after=wait)
