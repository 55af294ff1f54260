"""What goes back over HTTP: an answer in JSON, or what a fault puts in its place."""

from collections.abc import Mapping

from aiohttp import web

from reconcile_actors.simulation.faults import Fault, Injected
from reconcile_actors.simulation.json_text import Json, rendered

_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"
_STATUS = {
    Fault.HTTP_429: (429, "Too Many Requests"),
    Fault.HTTP_500: (500, "Internal Server Error"),
    Fault.HTTP_502: (502, "Bad Gateway"),
    Fault.HTTP_503: (503, "Service Temporarily Unavailable"),
    Fault.HTTP_520: (520, "Web server is returning an unknown error"),
}
_BODIES = {Fault.EMPTY_OBJECT: "{}", Fault.EMPTY_LIST: "[]", Fault.EMPTY_BODY: ""}


def json_response(
    content: Json, injected: tuple[Injected, ...] = (), *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The content as an answer; TRUNCATED sends its first half."""
    text = rendered(content)
    if any(each.fault is Fault.TRUNCATED for each in injected):
        text = text[: len(text) // 2]
    return web.Response(text=text, status=status, headers=headers, content_type="application/json")


def broken_response(request: web.Request, injected: tuple[Injected, ...], null_result: str) -> web.Response | None:
    """The response of the first fault that replaces the answer, if any; a dropped connection is closed here.

    `null_result` is an answer in the exchange's shape that has no content.
    """
    for each in injected:
        if each.fault in _STATUS:
            status, title = _STATUS[each.fault]
            headers = {"Retry-After": f"{each.options.seconds:g}"} if status == 429 else None
            page = _PAGE.format(title)
            return web.Response(status=status, reason=title, text=page, content_type="text/html", headers=headers)
        if each.fault is Fault.HTML:
            return web.Response(text=_PAGE.format("Just a moment..."), content_type="text/html")
        if each.fault is Fault.NULL_RESULT:
            return web.Response(text=null_result, content_type="application/json")
        if each.fault in _BODIES:
            return web.Response(text=_BODIES[each.fault], content_type="application/json")
        if each.fault is Fault.DROP:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
    return None
