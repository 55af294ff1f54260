"""The exchange's own errors, and the faults that are such."""

from reconcile_actors.simulation.faults import Fault, Injected

_DECLARED = {
    Fault.BAD_KEY: "EAPI:Invalid key",
    Fault.INVALID_NONCE: "EAPI:Invalid nonce",
    Fault.PERMISSION_DENIED: "EGeneral:Permission denied",
    Fault.RATE_LIMIT: "EAPI:Rate limit exceeded",
    Fault.LOCKOUT: "EGeneral:Temporary lockout",
    Fault.UNAVAILABLE: "EService:Unavailable",
    Fault.CANCEL_ONLY: "EService:Market in cancel_only mode",
}


class KrakenError(Exception):
    """An error the exchange reports in its envelope, as `EAPI:Invalid key`; it travels with HTTP status 200."""

    def __init__(self, code: str) -> None:
        """`code` is the whole text of the envelope's one error."""
        super().__init__(code)
        self.code = code


def raise_declared_error(injected: tuple[Injected, ...]) -> None:
    """Raises `KrakenError` for the first fault that the exchange reports in its envelope."""
    for each in injected:
        if each.fault in _DECLARED:
            raise KrakenError(_DECLARED[each.fault])
