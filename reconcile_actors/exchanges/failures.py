"""What a failed call means, as a pure table: from names and statuses to a class, a constant code and when to try again.

Nothing of the exchange's own text passes through here (I7): names are looked up, and what is not known gets a word of ours.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from reconcile_actors.exchanges.port import FailureClass

RETRY_AFTER_MAX_SECONDS: Final = 86_400.0


class Verdict(NamedTuple):
    """A class and a constant word for what happened."""

    failure: FailureClass
    code: str


_UNEXPECTED: Final = Verdict(FailureClass.BAD_DATA, "unexpected")

# By the name of an exception's class, for calls that got no whole response.
_BY_EXCEPTION: Final[Mapping[str, Verdict]] = {
    "ClientConnectorCertificateError": Verdict(FailureClass.CONFIGURATION, "certificate"),
    "InvalidURL": Verdict(FailureClass.CONFIGURATION, "invalid_url"),
    "InvalidProxySettings": Verdict(FailureClass.CONFIGURATION, "proxy_settings"),
    "BodyTooLargeError": Verdict(FailureClass.BAD_DATA, "body_too_large"),
    "UnicodeDecodeError": Verdict(FailureClass.BAD_DATA, "not_utf8"),
    "RequestTimeout": Verdict(FailureClass.TRANSIENT, "timeout"),
    "TimeoutError": Verdict(FailureClass.TRANSIENT, "timeout"),
    "ClientProxyConnectionError": Verdict(FailureClass.TRANSIENT, "proxy_unreachable"),
    "gaierror": Verdict(FailureClass.TRANSIENT, "name_not_resolved"),
    "ClientError": Verdict(FailureClass.TRANSIENT, "connection"),
    "OSError": Verdict(FailureClass.TRANSIENT, "connection"),
    "AuthenticationError": Verdict(FailureClass.CREDENTIALS, "refused"),
    "DDoSProtection": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "RateLimitExceeded": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "OnMaintenance": Verdict(FailureClass.MAINTENANCE, "maintenance"),
    "NetworkError": Verdict(FailureClass.TRANSIENT, "network"),
}

_BY_STATUS: Final[Mapping[int, Verdict]] = {
    401: Verdict(FailureClass.CREDENTIALS, "http_unauthorized"),
    408: Verdict(FailureClass.TRANSIENT, "http_timeout"),
    409: Verdict(FailureClass.TRANSIENT, "http_conflict"),
    418: Verdict(FailureClass.RATE_LIMIT, "http_banned"),
    425: Verdict(FailureClass.TRANSIENT, "http_too_early"),
    429: Verdict(FailureClass.RATE_LIMIT, "http_too_many_requests"),
    501: Verdict(FailureClass.CONFIGURATION, "http_not_implemented"),
    505: Verdict(FailureClass.CONFIGURATION, "http_version"),
    511: Verdict(FailureClass.CONFIGURATION, "http_network_login"),
}


def by_exception(error: BaseException) -> Verdict:
    """From the classes of an exception and of its causes; the innermost that is known decides, since it was there first."""
    verdict = _UNEXPECTED
    current: BaseException | None = error
    for _ in range(10):  # bounded: a chain of causes may be a ring
        if current is None:
            break
        names = (kind.__name__ for kind in type(current).__mro__)
        verdict = next((_BY_EXCEPTION[name] for name in names if name in _BY_EXCEPTION), verdict)
        current = current.__cause__
    return verdict


def by_status(status: int) -> Verdict | None:
    """From an HTTP status; None for 200. Every other 4xx and 3xx is a wrong address, a ban or a login page: no retry helps."""
    if status == 200:
        return None
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if 500 <= status < 600:
        return Verdict(FailureClass.TRANSIENT, "http_server_error")
    if 300 <= status < 500:
        return Verdict(FailureClass.CONFIGURATION, "http_refused")
    return Verdict(FailureClass.BAD_DATA, "http_unexpected")


def by_codes(codes: Sequence[str], exact: Mapping[str, Verdict], prefixes: Mapping[str, Verdict]) -> Verdict:
    """From an exchange's own error codes: the first that is known whole, then by its beginning."""
    for code in codes:
        if code in exact:
            return exact[code]
    for code in codes:
        for prefix, verdict in prefixes.items():
            if code.startswith(prefix):
                return verdict
    return Verdict(FailureClass.BAD_DATA, "unknown_error_code")


def retry_after_seconds(header: str | None, now_at: int) -> float | None:
    """A `Retry-After` header (RFC 9110: seconds or a date) as seconds from `now_at` (UTC us), bounded by a day; None if absent."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        at = http_date_at(text)
        if at is None:
            return None
        seconds = (at - now_at) / 1_000_000
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_SECONDS)


def http_date_at(text: str | None) -> int | None:
    """An HTTP date as UTC microseconds; None where there is none or it is no date."""
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
        return int(date.replace(tzinfo=date.tzinfo or UTC).timestamp()) * 1_000_000
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
