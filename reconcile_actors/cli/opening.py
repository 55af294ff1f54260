"""The one place where commands open the system, which is imported only then."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import click

from reconcile_actors.config import Settings
from reconcile_actors.logs import configure_logging

if TYPE_CHECKING:
    from reconcile_actors.system import ReconciliationSystem


def open_system(
    settings: Settings, *, standalone: bool = False, contact_exchanges: bool = True, arm: bool = False
) -> "AbstractAsyncContextManager[ReconciliationSystem]":
    """The system of a configuration, not yet entered. Raises what `ReconciliationSystem.open` raises."""
    from reconcile_actors.system import ReconciliationSystem  # noqa: PLC0415 - pulls every room in

    return ReconciliationSystem.open(settings, standalone=standalone, contact_exchanges=contact_exchanges, arm=arm)


def start_logging(default_level: str = "warning") -> None:
    """Logs to stderr, as the options before the command's name ask for."""
    root = click.get_current_context().find_root()
    configure_logging(root.params.get("log_level") or default_level, json=bool(root.params.get("log_json")))
