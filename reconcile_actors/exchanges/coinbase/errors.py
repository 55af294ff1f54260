"""Coinbase's own errors: `error` on v3 (a word of gRPC), a list `errors` on v2, beside a status that says the same.

https://docs.cdp.coinbase.com/coinbase-app/api-architecture/error-messages. A refused token is answered in plain text and so
by its status alone.
"""

from collections.abc import Mapping
from typing import Final

from reconcile_actors.exchanges.failures import Verdict
from reconcile_actors.exchanges.port import FailureClass

_REFUSED: Final = Verdict(FailureClass.CREDENTIALS, "refused")
_PERSON: Final = Verdict(FailureClass.CREDENTIALS, "person_must_act")
_BAD_REQUEST: Final = Verdict(FailureClass.CONFIGURATION, "bad_request")
_RATE: Final = Verdict(FailureClass.RATE_LIMIT, "rate_limited")
_BY_CODE: Final[Mapping[str, Verdict]] = {
    "authentication_error": _REFUSED,
    "unauthenticated": _REFUSED,
    "unauthorized": _REFUSED,
    "invalid_authentication_method": _REFUSED,
    "invalid_token": _REFUSED,
    "revoked_token": _REFUSED,
    "expired_token": _REFUSED,
    "permission_denied": Verdict(FailureClass.CREDENTIALS, "permission_denied"),
    "invalid_scope": Verdict(FailureClass.CREDENTIALS, "permission_denied"),
    "two_factor_required": _PERSON,
    "personal_details_required": _PERSON,
    "identity_verification_required": _PERSON,
    "jumio_verification_required": _PERSON,
    "jumio_face_match_verification_required": _PERSON,
    "unverified_email": _PERSON,
    "rate_limit_exceeded": _RATE,
    "resource_exhausted": _RATE,
    "internal": Verdict(FailureClass.TRANSIENT, "internal_error"),
    "internal_server_error": Verdict(FailureClass.TRANSIENT, "internal_error"),
    "deadline_exceeded": Verdict(FailureClass.TRANSIENT, "service_timeout"),
    "unavailable": Verdict(FailureClass.MAINTENANCE, "service_unavailable"),
    "not_found": Verdict(FailureClass.CONFIGURATION, "not_found"),
    "invalid_argument": _BAD_REQUEST,
    "invalid_request": _BAD_REQUEST,
    "param_required": _BAD_REQUEST,
    "validation_error": _BAD_REQUEST,
}


def explain(content: object) -> Verdict | None:
    """What an answer says of itself; None where it names no known error (then the status or the gate judges)."""
    if not isinstance(content, dict):
        return None
    errors = content.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("id") if isinstance(first, dict) else content.get("error")
    return _BY_CODE.get(code.lower()) if isinstance(code, str) else None
