"""What went wrong as an HTTP status and a JSON body: `{"error": text, "exit_code": N}`. Texts hold no amount (I7)."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from reconcile_actors.errors import AlreadyRunningError, NoDaemonError, ReconcileError, StoreError, UsageError

_STATUSES: Final[tuple[tuple[type[BaseException], int], ...]] = (
    (UsageError, 400),
    (AlreadyRunningError, 409),
    (StoreError, 503),
    (ReconcileError, 500),
    (TimeoutError, 504),
)
_INTERNAL: Final = 70


class NotFoundError(UsageError):
    """What was asked for by name does not exist."""


def error_response(status: int, text: str, *, exit_code: int = _INTERNAL) -> JSONResponse:
    """A JSON error."""
    return JSONResponse({"error": text, "exit_code": exit_code}, status_code=status)


async def on_http_error(_request: Request, error: Exception) -> JSONResponse:
    """Starlette's own refusals: no such path, no such method."""
    assert isinstance(error, HTTPException)
    return error_response(error.status_code, error.detail, exit_code=UsageError.exit_code)


async def on_known_error(_request: Request, error: Exception) -> JSONResponse:
    """Errors that the project raises on purpose, and deadlines."""
    if isinstance(error, NotFoundError):
        return error_response(404, str(error), exit_code=error.exit_code)
    status = next(status for kind, status in _STATUSES if isinstance(error, kind))
    if isinstance(error, ReconcileError):
        return error_response(status, str(error), exit_code=error.exit_code)
    text = "no answer in time: ask again, and send records again (each counts once)"
    return error_response(status, text, exit_code=NoDaemonError.exit_code)


async def on_internal_error(_request: Request, error: Exception) -> JSONResponse:
    """Everything else, by its type alone: a text may hold an amount (I7)."""
    return error_response(500, f"internal error: {type(error).__name__}")
