"""What would be done about the discrepancies that stand, told to whoever asks, and done by nobody while unarmed."""

from __future__ import annotations

from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import reconciliation_role
from reconcile_actors.domain.adjustment import Action
from reconcile_actors.messages import DiscrepancyConfirmed, GetProposals
from reconcile_actors.messages.views import ProposedRepair


def proposals(rig: Rig) -> tuple[ProposedRepair, ...]:
    """The reply."""
    answer = rig.host.request(reconciliation_role("a"), GetProposals(exchange="a"))
    assert isinstance(answer, tuple)
    return answer


def test_an_unarmed_account_tells_what_it_would_do() -> None:
    """A missed fill would be backfilled, a large loss without a cause held; the book stays as it is."""
    rig = Rig(settings=settings_of(["a"])).start()
    assert proposals(rig) == ()
    rig.state_balances()
    rig.quiet()
    rig.fill("T1", told=False)
    rig.await_event(DiscrepancyConfirmed, count=2)
    rig.host.advance(10)
    (fill,) = proposals(rig)
    assert (fill.exchange, fill.action) == ("a", Action.BACKFILL)
    assert set(fill.discrepancies) == {"a:spot:BTC:total:1", "a:spot:USD:total:1"}
    rig.exchanges["a"].glitch("ETH", "5")
    rig.await_event(DiscrepancyConfirmed, count=3)
    rig.host.advance(10)
    held = next(one for one in proposals(rig) if one.discrepancies == ("a:spot:ETH:total:1",))
    assert (held.action, held.reason) == (Action.HOLD, "too_large")
    assert [row.movement.id for row in rig.ledger.rows["a"]] == [None]
