"""Binance's error codes: https://developers.binance.com/docs/binance-spot-api-docs/errors. They come as `{"code", "msg"}`.

The code counts before the HTTP status and before what ccxt makes of it: a refused key (-2015) is a refused key, also where
ccxt takes it for protection against floods because an earlier call went well.
"""

from collections.abc import Mapping
from typing import Final

from reconcile_actors.exchanges.failures import Verdict, by_codes
from reconcile_actors.exchanges.port import FailureClass

CLOCK_SKEW: Final = "clock_skew"
UNKNOWN_SYMBOL: Final = "unknown_symbol"

_EXACT: Final[Mapping[str, Verdict]] = {
    "1": Verdict(FailureClass.MAINTENANCE, "maintenance"),
    "-1000": Verdict(FailureClass.TRANSIENT, "internal_error"),
    "-1001": Verdict(FailureClass.TRANSIENT, "disconnected"),
    "-1002": Verdict(FailureClass.CREDENTIALS, "permission_denied"),
    "-1003": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "-1006": Verdict(FailureClass.TRANSIENT, "internal_error"),
    "-1007": Verdict(FailureClass.TRANSIENT, "service_timeout"),
    "-1008": Verdict(FailureClass.TRANSIENT, "service_busy"),
    "-1015": Verdict(FailureClass.RATE_LIMIT, "rate_limited"),
    "-1016": Verdict(FailureClass.MAINTENANCE, "maintenance"),
    "-1020": Verdict(FailureClass.CONFIGURATION, "unknown_method"),
    "-1021": Verdict(FailureClass.TRANSIENT, CLOCK_SKEW),
    "-1022": Verdict(FailureClass.CREDENTIALS, "invalid_signature"),
    "-1099": Verdict(FailureClass.CREDENTIALS, "permission_denied"),
    "-1121": Verdict(FailureClass.CONFIGURATION, UNKNOWN_SYMBOL),
    "-2008": Verdict(FailureClass.CREDENTIALS, "invalid_key"),
    "-2014": Verdict(FailureClass.CREDENTIALS, "invalid_key"),
    "-2015": Verdict(FailureClass.CREDENTIALS, "invalid_key"),
}
_PREFIXES: Final[Mapping[str, Verdict]] = {"-11": Verdict(FailureClass.CONFIGURATION, "invalid_arguments")}


def explain(content: object) -> Verdict | None:
    """What an answer says in `code`; None where it names no error (then the gate judges)."""
    code = content.get("code") if isinstance(content, dict) else None
    if not isinstance(code, int | str) or isinstance(code, bool) or "msg" not in content:  # type: ignore[operator] # it is a dict
        return None
    return by_codes([str(code)], _EXACT, _PREFIXES)
