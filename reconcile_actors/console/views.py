"""JSON documents of the HTTP API and the command line, from values. Pure: both print the same because both ask here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconcile_actors.domain.discrepancy import BalanceDiscrepancy
from reconcile_actors.domain.report import ReconciliationReport
from reconcile_actors.messages.views import PortfolioView, StatusView
from reconcile_actors.messages.wire import to_json

Document = dict[str, Any]  # JSON-ready

PREFIX: Final = "reconcile-actors"
_WORST_FIRST: Final = ("discrepant", "unknown", "matched")


@dataclass(frozen=True, slots=True)
class Daemon:
    """The process that answers."""

    pid: int
    version: str


def schema(name: str) -> str:
    """The `schema` field of a document, e.g. `reconcile-actors/status/1`."""
    return f"{PREFIX}/{name}/1"


def overall(statuses: Iterable[str]) -> str:
    """One status for many: a discrepancy before an unknown before a match; nothing at all is unknown (I1)."""
    found = set(statuses)
    return next((status for status in _WORST_FIRST if status in found), "unknown")


def status(
    view: StatusView,
    *,
    socket: str,
    daemon: Daemon | None,
    health: Mapping[str, bool] | None = None,
    readiness: Mapping[str, bool] | None = None,
) -> Document:
    """How every account is doing; `daemon` is null where the store alone was asked: then it is the last that was known."""
    return {
        "schema": schema("status"),
        "status": overall(account.status for account in view.accounts),
        "daemon": to_json(daemon),
        "socket": socket,
        "health": to_json(health),
        "readiness": to_json(readiness),
        **to_json(view),
    }


def portfolio(view: PortfolioView) -> Document:
    """The local book."""
    return {"schema": schema("portfolio"), **to_json(view)}


def discrepancies(found: Iterable[BalanceDiscrepancy]) -> Document:
    """Discrepancies, in the order given."""
    return {"schema": schema("discrepancies"), "discrepancies": [to_json(one) for one in found]}


def discrepancy(one: BalanceDiscrepancy) -> Document:
    """One discrepancy."""
    return {"schema": schema("discrepancy"), "discrepancy": to_json(one)}


def halts(found: Iterable[object]) -> Document:
    """Trading halts, in the order given; as values, or in their JSON form already."""
    return {"schema": schema("halts"), "halts": [to_json(one) for one in found]}


def reports(found: Iterable[ReconciliationReport]) -> Document:
    """The newest report of each account, with the status of all."""
    return _reports("reports", [to_json(one) for one in found])


def once(reports_json: list[Document], plans: list[Document] | None = None) -> Document:
    """What one pass found, from reports in their JSON form; after a dry run with `plans`, what would be done."""
    return _reports("once", reports_json) | ({} if plans is None else {"plans": plans})


def _reports(name: str, found: list[Document]) -> Document:
    return {"schema": schema(name), "status": overall(one["status"] for one in found), "reports": found}
