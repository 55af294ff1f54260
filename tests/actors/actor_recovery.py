"""What the tests of repairs share: an armed account, what was decided about it, and what people order."""

from __future__ import annotations

from decimal import Decimal

from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import PORTFOLIO, reconciliation_role
from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.messages import (
    AcknowledgeAdjustment,
    ApproveResolution,
    IgnoreDiscrepancy,
    OverrideResolution,
    PortfolioAdjusted,
    Recorded,
    RejectResolution,
)

COMMANDS = {"approve": ApproveResolution, "reject": RejectResolution, "ignore": IgnoreDiscrepancy}
RECOVER = 'mode = "recover"'


def armed(seed: int = 0, *, more: str = "", valuation: str | None = None, names: tuple[str, ...] = ("a",)) -> Rig:
    """Accounts that are repaired, past their start."""
    keywords = {} if valuation is None else {"valuation": valuation}
    settings = settings_of(names, RECOVER, more, **keywords)
    return Rig(*names, seed=seed, settings=settings, armed=True).opened().quiet()


def states(rig: Rig) -> dict[str, State]:
    """The state of every discrepancy that there ever was, without the account's name."""
    return {id_.removeprefix("a:spot:"): one.state for id_, one in rig.ledger.known.items()}


def agrees(rig: Rig) -> bool:
    """Whether the book holds what the exchange holds."""
    return {name: Decimal(text) for name, text in rig.totals().items()} == rig.exchanges["a"].holdings


def suspense(rig: Rig) -> dict[str, str]:
    """What stands in suspense, by currency."""
    return {one.leg.currency: f"{one.amount:f}" for one in rig.portfolio().suspense}


def adjusted(rig: Rig) -> list[Adjustment]:
    """Every adjustment that was told, once, in order."""
    return list({one.adjustment.id: one.adjustment for one in rig.events(PortfolioAdjusted)}.values())


def order(rig: Rig, what: str, id_: str, *, reason: str = "a test", actor: str | None = "alice") -> str:
    """A person decides; `what` is approve, reject, ignore, backfill or adopt. Gives `recorded`, `duplicate` or why it was refused."""
    fields = {"exchange": "a", "id": f"a:spot:{id_}", "reason": reason, "actor": actor, "claimed_by": "Alice"}
    model = COMMANDS.get(what)
    command = model(**fields) if model is not None else OverrideResolution(action=what, **fields)
    answer = rig.host.request(reconciliation_role("a"), command, timeout_seconds=10)
    assert isinstance(answer, Recorded)
    return answer.reason or answer.status


def acknowledge(rig: Rig, id_: str) -> str:
    """The trading process has taken it over."""
    answer = rig.host.request(PORTFOLIO, AcknowledgeAdjustment(exchange="a", id=id_), timeout_seconds=10)
    assert isinstance(answer, Recorded)
    return answer.reason or answer.status


def await_state(rig: Rig, id_: str, state: State, within: float = 30.0) -> None:
    """Runs until the store holds a discrepancy in that state, and what follows from it has been said."""
    rig.host.run_until(lambda: states(rig).get(id_) is state, limit_seconds=within)
    rig.host.advance(0.2)
