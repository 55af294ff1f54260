"""The exchange's own errors, and the faults that are such."""

from reconcile_actors.simulation.faults import Fault, Injected

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


class BinanceError(Exception):
    """An error that the exchange declares: `{"code", "msg"}` with an HTTP status."""

    def __init__(self, code: int, message: str, *, status: int = 400, retry_after: int | None = None) -> None:
        """`retry_after` is in seconds."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after


def raise_declared_error(injected: tuple[Injected, ...]) -> None:
    """Raises `BinanceError` for the first fault that the exchange declares itself."""
    for each in injected:
        if each.fault in _DECLARED:
            code, message, status = _DECLARED[each.fault]
            wait = int(each.options.seconds) if each.fault in _WAITS else None
            raise BinanceError(code, message, status=status, retry_after=wait)
