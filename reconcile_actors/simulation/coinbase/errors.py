"""The exchange's own errors: a status with a body, JSON on both APIs (each in its own form) but plain text where no key is known."""

import json

from reconcile_actors.simulation.faults import Fault, Injected

VERSIONS = ("v2", "v3")


class CoinbaseError(Exception):
    """An error as the exchange answers it. `code` None is the gate before the API, which says no more than "Unauthorized"."""

    def __init__(self, status: int, code: str | None, message: str, retry_after: float | None = None) -> None:
        """`message` is the text beside the code; `retry_after` (seconds) is sent as a header."""
        super().__init__(code or message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after

    def body(self, version: str) -> str:
        """The body as that version of the API writes it."""
        if self.code is None:
            return f"{self.message}\n"
        if version == "v2":
            return json.dumps({"errors": [{"id": self.code.lower(), "message": self.message}]})
        return json.dumps({"error": self.code, "error_details": self.message, "message": self.message})


def unauthorized() -> CoinbaseError:
    """A key, signature or clock that is not accepted: which of them, the exchange does not tell."""
    return CoinbaseError(401, None, "Unauthorized")


def too_many(version: str, retry_after: float | None = None) -> CoinbaseError:
    """A limit was passed."""
    code = "rate_limit_exceeded" if version == "v2" else "RESOURCE_EXHAUSTED"
    return CoinbaseError(429, code, "Too many requests", retry_after)


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
