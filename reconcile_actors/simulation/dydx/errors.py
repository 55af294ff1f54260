"""The indexer's own errors, and the faults that are such."""

from reconcile_actors.simulation.faults import Fault, Injected
from reconcile_actors.simulation.json_text import Json


class IndexerError(Exception):
    """An error as the indexer reports it: a status and `{"errors": [{"msg": ...}]}`."""

    def __init__(self, status: int, message: str, **more: str) -> None:
        """`more` are further fields of the one error, as `param` or `code`."""
        super().__init__(message)
        self.status = status
        self.errors: list[Json] = [{**more, "msg": message}]


def raise_declared_error(injected: tuple[Injected, ...]) -> None:
    """Raises `IndexerError` for the first fault that the indexer reports itself. Of keys and nonces it knows nothing."""
    for each in injected:
        match each.fault:
            case Fault.PERMISSION_DENIED:
                raise IndexerError(
                    403, "Because you appear to be a resident of a restricted jurisdiction", code="GEOBLOCKED"
                )
            case Fault.RATE_LIMIT | Fault.LOCKOUT:
                raise IndexerError(429, "Too many requests")
            case Fault.UNAVAILABLE:
                raise IndexerError(503, "Service Unavailable")
            case _:
                continue
