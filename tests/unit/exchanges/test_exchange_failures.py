"""The table of failures: what each name, status and code means for what to do next."""

import socket

import aiohttp
import ccxt
import pytest

from reconcile_actors.exchanges.failures import (
    RETRY_AFTER_MAX_SECONDS,
    Verdict,
    by_codes,
    by_exception,
    by_status,
    http_date_at,
    retry_after_seconds,
)
from reconcile_actors.exchanges.kraken.errors import explain
from reconcile_actors.exchanges.port import FailureClass

NOW_AT = 1_700_000_000_000_000  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("error", "failure", "code"),
    [
        (ccxt.RequestTimeout("x"), FailureClass.TRANSIENT, "timeout"),
        (TimeoutError(), FailureClass.TRANSIENT, "timeout"),
        (ccxt.ExchangeNotAvailable("x"), FailureClass.TRANSIENT, "network"),
        (ccxt.OnMaintenance("x"), FailureClass.MAINTENANCE, "maintenance"),
        (ccxt.DDoSProtection("x"), FailureClass.RATE_LIMIT, "rate_limited"),
        (ccxt.RateLimitExceeded("x"), FailureClass.RATE_LIMIT, "rate_limited"),
        (ccxt.PermissionDenied("x"), FailureClass.CREDENTIALS, "refused"),
        (ccxt.AuthenticationError("x"), FailureClass.CREDENTIALS, "refused"),
        (ccxt.InvalidProxySettings("x"), FailureClass.CONFIGURATION, "proxy_settings"),
        (socket.gaierror(), FailureClass.TRANSIENT, "name_not_resolved"),
        (ConnectionResetError(), FailureClass.TRANSIENT, "connection"),
        (aiohttp.ClientPayloadError(), FailureClass.TRANSIENT, "connection"),
        (aiohttp.InvalidURL("x"), FailureClass.CONFIGURATION, "invalid_url"),
        (ccxt.ExchangeError("x"), FailureClass.BAD_DATA, "unexpected"),
        (KeyError("x"), FailureClass.BAD_DATA, "unexpected"),
    ],
)
def test_by_exception(error: BaseException, failure: FailureClass, code: str) -> None:
    """Every class that ccxt, aiohttp and asyncio raise has its meaning."""
    assert by_exception(error) == Verdict(failure, code)


def test_the_innermost_cause_decides() -> None:
    """ccxt calls a body that broke off a permanent ExchangeError; its cause tells that it was the connection."""
    error = ccxt.ExchangeError("x")
    error.__cause__ = aiohttp.ClientPayloadError()
    assert by_exception(error).failure is FailureClass.TRANSIENT


def test_a_ring_of_causes_ends() -> None:
    """Exceptions that cause each other do not hang the classification."""
    one, two = KeyError(), ValueError()
    one.__cause__, two.__cause__ = two, one
    assert by_exception(one).code == "unexpected"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (301, FailureClass.CONFIGURATION),
        (400, FailureClass.CONFIGURATION),
        (401, FailureClass.CREDENTIALS),
        (403, FailureClass.CONFIGURATION),
        (404, FailureClass.CONFIGURATION),
        (407, FailureClass.CONFIGURATION),
        (408, FailureClass.TRANSIENT),
        (409, FailureClass.TRANSIENT),
        (418, FailureClass.RATE_LIMIT),
        (425, FailureClass.TRANSIENT),
        (429, FailureClass.RATE_LIMIT),
        (451, FailureClass.CONFIGURATION),
        (500, FailureClass.TRANSIENT),
        (501, FailureClass.CONFIGURATION),
        (503, FailureClass.TRANSIENT),
        (520, FailureClass.TRANSIENT),
        (201, FailureClass.BAD_DATA),
        (799, FailureClass.BAD_DATA),
    ],
)
def test_by_status(status: int, failure: FailureClass) -> None:
    """Every status but 200 is a failure of some class."""
    verdict = by_status(status)
    assert verdict is not None
    assert verdict.failure is failure


def test_status_200_is_no_failure() -> None:
    """200 leaves the judgement to the content."""
    assert by_status(200) is None


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("EAPI:Invalid key", FailureClass.CREDENTIALS),
        ("EAPI:Invalid signature", FailureClass.CREDENTIALS),
        ("EGeneral:Permission denied", FailureClass.CREDENTIALS),
        ("EAuth:Account temporary disabled", FailureClass.CREDENTIALS),
        ("EAPI:Invalid nonce", FailureClass.TRANSIENT),
        ("EService:Busy", FailureClass.TRANSIENT),
        ("EGeneral:Internal error", FailureClass.TRANSIENT),
        ("EAPI:Rate limit exceeded", FailureClass.RATE_LIMIT),
        ("EGeneral:Temporary lockout", FailureClass.RATE_LIMIT),
        ("EService:Throttled: 1700000000", FailureClass.RATE_LIMIT),
        ("EService:Unavailable", FailureClass.MAINTENANCE),
        ("EService:Market in cancel_only mode", FailureClass.MAINTENANCE),
        ("EGeneral:Invalid arguments:start", FailureClass.CONFIGURATION),
        ("EQuery:Unknown asset pair", FailureClass.CONFIGURATION),
        ("ENew:Never heard of", FailureClass.BAD_DATA),
    ],
)
def test_kraken_codes(code: str, failure: FailureClass) -> None:
    """Kraken's codes have their meaning, and an unknown one is distrusted."""
    verdict = explain({"error": [code]})
    assert verdict is not None
    assert verdict.failure is failure
    assert code not in verdict.code


def test_an_exact_code_counts_before_a_beginning() -> None:
    """A list that names several errors is classified by the one that is known whole."""
    exact = {"B": Verdict(FailureClass.RATE_LIMIT, "b")}
    prefixes = {"A": Verdict(FailureClass.CREDENTIALS, "a")}
    assert by_codes(["A1", "B"], exact, prefixes).code == "b"
    assert by_codes(["A1", "C"], exact, prefixes).code == "a"


@pytest.mark.parametrize("content", [{}, {"error": []}, {"error": "text"}, [], None, "text", {"error": None}])
def test_no_errors_named_is_no_verdict(content: object) -> None:
    """Where an answer names no error, the gate judges its shape."""
    assert explain(content) is None


def test_errors_that_are_no_text_are_distrusted() -> None:
    """An error list of something else is bad data, not a crash."""
    assert explain({"error": [5, None]}) == Verdict(FailureClass.BAD_DATA, "unknown_error_code")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("30", 30.0),
        (" 30 ", 30.0),
        ("999999999999", RETRY_AFTER_MAX_SECONDS),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:30 -0000", 10.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Retry-After is read as seconds or as a date, bounded, and ignored where it is neither."""
    assert retry_after_seconds(header, NOW_AT) == seconds


@pytest.mark.parametrize("text", [None, "", "soon", "Tue, 99 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 99999 22:13:20 GMT"])
def test_no_date(text: str | None) -> None:
    """What is no date gives none."""
    assert http_date_at(text) is None


def test_date() -> None:
    """A date becomes UTC microseconds."""
    assert http_date_at("Tue, 14 Nov 2023 22:13:20 GMT") == NOW_AT
