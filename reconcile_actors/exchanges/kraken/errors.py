"""Kraken's error codes: https://docs.kraken.com/api/docs/guides/spot-errors. They come in `error`, a list, with status 200."""

from collections.abc import Mapping
from typing import Final

from reconcile_actors.exchanges.failures import Verdict, by_codes
from reconcile_actors.exchanges.port import FailureClass

INVALID_NONCE: Final = "invalid_nonce"
UNKNOWN_PAIR: Final = "unknown_pair"

_EXACT: Final[Mapping[str, Verdict]] = {
    "EAPI:Invalid key": Verdict(FailureClass.CREDENTIALS, "invalid_key"),
    "EAPI:Invalid signature": Verdict(FailureClass.CREDENTIALS, "invalid_signature"),
    "EAPI:Feature disabled": Verdict(FailureClass.CONFIGURATION, "feature_disabled"),
    "EAPI:Bad request": Verdict(FailureClass.CONFIGURATION, "bad_request"),
    "EAPI:Invalid nonce": Verdict(FailureClass.TRANSIENT, INVALID_NONCE),
    "EAPI:Rate limit exceeded": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "EOrder:Rate limit exceeded": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "EAuth:Rate limit exceeded": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "EAuth:Too many requests": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "EGeneral:Too many requests": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "EGeneral:Temporary lockout": Verdict(FailureClass.RATE_LIMIT, "temporary_lockout"),
    "EGeneral:Permission denied": Verdict(FailureClass.CREDENTIALS, "permission_denied"),
    "EAccount:Invalid permissions": Verdict(FailureClass.CREDENTIALS, "permission_denied"),
    "EGeneral:Internal error": Verdict(FailureClass.TRANSIENT, "internal_error"),
    "EDatabase:Internal error": Verdict(FailureClass.TRANSIENT, "internal_error"),
    "EGeneral:Unknown method": Verdict(FailureClass.CONFIGURATION, "unknown_method"),
    "EQuery:Unknown asset pair": Verdict(FailureClass.CONFIGURATION, UNKNOWN_PAIR),
    "EQuery:Invalid asset pair": Verdict(FailureClass.CONFIGURATION, UNKNOWN_PAIR),
    "EService:Unavailable": Verdict(FailureClass.MAINTENANCE, "service_unavailable"),
    "EService:Busy": Verdict(FailureClass.TRANSIENT, "service_busy"),
    "EService:Timeout": Verdict(FailureClass.TRANSIENT, "service_timeout"),
    "EService:Throttled": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "EService:Deadline elapsed": Verdict(FailureClass.TRANSIENT, "service_timeout"),
    "ESession:Invalid session": Verdict(FailureClass.CREDENTIALS, "invalid_session"),
    "ETrade:User Locked": Verdict(FailureClass.CREDENTIALS, "account_locked"),
    "ETrade:Locked": Verdict(FailureClass.CREDENTIALS, "account_locked"),
}
_PREFIXES: Final[Mapping[str, Verdict]] = {
    "EService:Market in": Verdict(FailureClass.MAINTENANCE, "restricted_market"),
    "EService:Throttled": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),  # followed by a time
    "EAuth:": Verdict(FailureClass.CREDENTIALS, "refused"),
    "EGeneral:Invalid arguments": Verdict(FailureClass.CONFIGURATION, "invalid_arguments"),
}


def explain(content: object) -> Verdict | None:
    """What an answer says in `error`; None where it is an empty list, absent or of no known form (then the gate judges)."""
    errors = content.get("error") if isinstance(content, dict) else None
    if not isinstance(errors, list) or not errors:
        return None
    return by_codes([error for error in errors if isinstance(error, str)], _EXACT, _PREFIXES)
