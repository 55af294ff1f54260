"""The HTTP API as an ASGI application. Handlers ask the system and print its answers; they decide nothing."""

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from reconcile_actors import __version__
from reconcile_actors.console import intake, views
from reconcile_actors.console.errors import NotFoundError, on_http_error, on_internal_error, on_known_error
from reconcile_actors.console.latest import LatestReports
from reconcile_actors.console.peer import Peer
from reconcile_actors.console.port import ConsoleSystem
from reconcile_actors.console.stream import stream, types_of
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.errors import ReconcileError, UsageError
from reconcile_actors.logger import logger
from reconcile_actors.messages import GetDiscrepancies, GetPortfolio, GetStatus
from reconcile_actors.messages.views import PortfolioView, StatusView

BODY_SECONDS_MAX: Final = 30.0
_FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class Api:
    """The handlers, over one system."""

    def __init__(self, system: ConsoleSystem, reports: LatestReports, stopped: asyncio.Event) -> None:
        self._system = system
        self._reports = reports
        self._stopped = stopped

    def application(self) -> ASGIApp:
        """The application; whatever a handler raises ends as a JSON error."""
        routes = [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/api/v1/status", self.status),
            Route("/api/v1/reports", self.reports),
            Route("/api/v1/discrepancies", self.discrepancies),
            Route("/api/v1/discrepancies/{id:path}", self.discrepancy),
            Route("/api/v1/portfolio", self.portfolio),
            Route("/api/v1/messages", self.messages, methods=["POST"]),
            Route("/api/v1/events", self.events),
        ]
        known = {
            HTTPException: on_http_error,
            ReconcileError: on_known_error,
            TimeoutError: on_known_error,
            Exception: on_internal_error,
        }
        return _Guard(Starlette(routes=routes, exception_handlers=known))

    async def healthz(self, _request: Request) -> Response:
        """Loop and actors alone, never an exchange: a restart cannot mend an exchange."""
        return _checks(self._system.health())

    async def readyz(self, _request: Request) -> Response:
        """Store, audit chain and a first full comparison."""
        return _checks(self._system.readiness())

    async def status(self, _request: Request) -> Response:
        """How every account is doing."""
        view = await intake.ask(self._system, GetStatus())
        assert isinstance(view, StatusView)
        document = views.status(
            view,
            socket=str(self._system.settings.socket_path),
            daemon=views.Daemon(pid=os.getpid(), version=__version__),
            health=self._system.health(),
            readiness=self._system.readiness(),
        )
        return JSONResponse(document)

    async def reports(self, request: Request) -> Response:
        """The newest report of each account."""
        return JSONResponse(views.reports(self._reports.of(self._account(request))))

    async def discrepancies(self, request: Request) -> Response:
        """Open discrepancies; closed ones too with `?closed=true`."""
        closed = _flag(request, "closed")
        found = await self._ask_discrepancies(GetDiscrepancies(exchange=self._account(request), include_closed=closed))
        return JSONResponse(views.discrepancies(found))

    async def discrepancy(self, request: Request) -> Response:
        """One discrepancy by its id."""
        found = await self._ask_discrepancies(GetDiscrepancies(id=request.path_params["id"], include_closed=True))
        if not found:
            raise NotFoundError("no discrepancy of that id")
        return JSONResponse(views.discrepancy(found[0]))

    async def portfolio(self, request: Request) -> Response:
        """The local book."""
        view = await intake.ask(self._system, GetPortfolio(exchange=self._account(request)))
        assert isinstance(view, PortfolioView)
        return JSONResponse(views.portfolio(view))

    async def messages(self, request: Request) -> Response:
        """One message, or one a line; the answers come in the same form once they are durable."""
        lines = intake.split_lines(await _body(request))
        peer: Peer | None = getattr(request.state, "peer", None)
        answers = await intake.answer_lines(self._system, lines, actor=peer.user if peer else None)
        text = "".join(json.dumps(answer) + "\n" for answer in answers)
        return Response(text, media_type="application/json" if len(answers) == 1 else "application/x-ndjson")

    async def events(self, request: Request) -> Response:
        """Server-sent events, of `?types=A,B` or all."""
        frames = stream(self._system, types_of(request.query_params.get("types")), self._stopped)
        return StreamingResponse(frames, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _ask_discrepancies(self, query: GetDiscrepancies) -> tuple[BalanceDiscrepancy, ...]:
        found = await intake.ask(self._system, query)
        assert isinstance(found, tuple)
        return found

    def _account(self, request: Request) -> str | None:
        name = request.query_params.get("exchange")
        if name is not None and name not in self._system.settings.exchanges:
            raise NotFoundError(f"no account of that name; known: {', '.join(self._system.settings.exchanges)}")
        return name


class _Guard:
    """The outermost layer: no exception reaches the server, whose log would show its text (I7)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            logger.debug("a client went away before its request was whole")
        except Exception as error:  # noqa: BLE001 - see the class; Starlette has answered it before it raised it again
            logger.bind(error=type(error)).error("a request ended in an internal error")


def _flag(request: Request, name: str) -> bool:
    text = request.query_params.get(name)
    if text is not None and text not in _FLAGS:
        raise UsageError(f"{name}: true or false is right")
    return text is not None and _FLAGS[text]


def _checks(checks: Mapping[str, bool]) -> Response:
    fine = all(checks.values())
    return JSONResponse({"ok": fine, **checks}, status_code=200 if fine else 503)


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async with asyncio.timeout(BODY_SECONDS_MAX):
        async for part in request.stream():
            size += len(part)
            if size > intake.BODY_BYTES_MAX:
                raise UsageError(f"the body is larger than {intake.BODY_BYTES_MAX} bytes: send it in parts")
            parts.append(part)
    return b"".join(parts)
