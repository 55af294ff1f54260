"""What the indexer's errors mean. They come as `{"errors": [{"msg": ...}]}` with a status that says most of it."""

from typing import Final

from reconcile_actors.exchanges.failures import Verdict
from reconcile_actors.exchanges.port import FailureClass

NO_SUBACCOUNT: Final = "no_subaccount"
TOO_MANY_REQUESTS: Final = "too_many_requests"
"""The indexer's own refusal. Its `Retry-After` counts milliseconds; what stands before it says seconds, as RFC 9110 has it."""
_GEOBLOCKED: Final = "geoblocked"


def explain(content: object) -> Verdict | None:
    """What an answer names in `errors`, where its status does not say it; None for everything else."""
    errors = content.get("errors") if isinstance(content, dict) else None
    if not isinstance(errors, list):
        return None
    for error in errors:
        if not isinstance(error, dict):
            continue
        if str(error.get("msg", "")).startswith("No subaccount found"):
            return Verdict(FailureClass.CONFIGURATION, NO_SUBACCOUNT)
        if error.get("msg") == "Too many requests":
            return Verdict(FailureClass.RATE_LIMIT, TOO_MANY_REQUESTS)
        if error.get("code") == "GEOBLOCKED":
            return Verdict(FailureClass.CONFIGURATION, _GEOBLOCKED)
    return None
