"""The exchange's own errors: a status with a body, JSON on both APIs (each in its own form) but plain text where no key is known."""

import json

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
