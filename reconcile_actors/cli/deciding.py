"""A person's decision about a discrepancy, where no daemon runs that could carry it out.

It needs the exchange's own word that the discrepancy stands: the account is read before and, where the book was changed, after,
as the proof.
"""

from reconcile_actors.cli.client import Document, find_daemon
from reconcile_actors.cli.opening import open_system, start_logging
from reconcile_actors.cli.orders import Order, give
from reconcile_actors.cli.running import run_async
from reconcile_actors.config import Settings
from reconcile_actors.console.peer import this_user
from reconcile_actors.messages import ApproveResolution, OverrideResolution, ReconcileNow, Recorded

_MARGIN_SECONDS = 2.0


def decide(settings: Settings, order: Order) -> Document:
    """Gives a decision, and returns its answer (`status`, `reason`)."""
    if find_daemon(settings.socket_path) is not None:
        return give(settings, order)
    start_logging()
    return run_async(lambda: _carry_out(settings, order))


async def _carry_out(settings: Settings, order: Order) -> Document:
    changes_book = isinstance(order, ApproveResolution | OverrideResolution)
    patience = settings.reconciliation.timeout_seconds + _MARGIN_SECONDS
    look = ReconcileNow(exchange=order.exchange)
    async with open_system(settings, standalone=True, arm=changes_book) as system:
        await system.ask(look, timeout=patience)
        reply = await system.ask(order.model_copy(update={"actor": this_user()}), timeout=patience)
        assert isinstance(reply, Recorded)
        if changes_book and reply.status == "recorded":
            await system.ask(look, timeout=patience)
    return {"status": reply.status, "reason": reply.reason}
