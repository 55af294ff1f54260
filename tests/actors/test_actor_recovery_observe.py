"""I9: who only observes posts nothing. Every kind of difference, every message of the public surface, every order: no row but reports."""

from __future__ import annotations

import pytest
from actor_recovery import RECOVER, acknowledge, await_state, order, states
from actor_rig import Rig, settings_of

from reconcile_actors.actors.protocol import PORTFOLIO
from reconcile_actors.actors.stored_forms import posting_of
from reconcile_actors.domain.discrepancy import State
from reconcile_actors.domain.movements import MovementType
from reconcile_actors.messages import (
    AdjustmentProposed,
    ApprovalRequested,
    CloseOrder,
    DiscrepancyConfirmed,
    LocalWatermark,
    OpenOrder,
    PortfolioAdjusted,
    RecordFee,
    RecordFunding,
    RecordReward,
    SetBalances,
    SetPositions,
)
from reconcile_actors.messages.records import StatedBalance, StatedPosition
from reconcile_actors.messages.wire import MessageError, parse_message

# The mode alone arms nothing, and neither does being armed in mode "observe": the door joins both.
MODES = {"observe": "", "recover, not armed": RECOVER}


@pytest.fixture(params=MODES)
def rig(request: pytest.FixtureRequest) -> Rig:
    """An account that is only observed."""
    return Rig(settings=settings_of(["a"], MODES[request.param])).opened().quiet()


def is_untouched(rig: Rig) -> bool:
    """Whether every row of the book is what somebody reported, and nobody was told of anything else."""
    own = [row for row in rig.ledger.rows["a"] if posting_of(row.message) is not None]
    kinds = {row.movement.type for row in rig.ledger.rows["a"]}
    said = [*rig.events(PortfolioAdjusted), *rig.events(AdjustmentProposed), *rig.events(ApprovalRequested)]
    told = [kind for kind, _ in rig.ledger.unheard if kind != "alert"]
    return not (own or said or told) and MovementType.ADJUSTMENT not in kinds


def test_every_kind_of_difference(rig: Rig) -> None:
    """Missed fills, glitches small and large, deposits, fees, an id that is missing, one with other content, locks."""
    world = rig.exchanges["a"]
    rig.fill("T9", told=False)
    rig.host.advance(8)
    world.glitch("USD", "-7")
    rig.host.advance(8)
    world.glitch("ETH", "5")
    world.move("D1", {"USD": "1000"})
    rig.host.advance(8)
    world.move("F1", {"USD": "-3"}, MovementType.FEE)
    assert rig.record(rig.transfer("X1", "-200")).status == "recorded"
    world.move("X1", {"USD": "-250"})
    rig.host.advance(8)
    world.move("X2", {"USD": "-250"})
    world.glitch("USD", "250")
    world.locked["BTC"] = world.holdings["BTC"]
    rig.host.advance(60)
    rig.reconcile()
    assert len(rig.events(DiscrepancyConfirmed)) >= 3
    assert {one.state for one in rig.account().open} == {State.CONFIRMED}
    assert is_untouched(rig)


def test_every_order(rig: Rig) -> None:
    """What would post is refused with its reason; what only decides what to expect is possible."""
    rig.exchanges["a"].glitch("USD", "-7")
    rig.fill("T9", told=False)
    await_state(rig, "BTC:total:1", State.CONFIRMED)
    rig.host.advance(6)
    for what in ("approve", "backfill", "adopt"):
        assert order(rig, what, "BTC:total:1") == "not_armed"
    assert order(rig, "reject", "BTC:total:1") == "recorded"
    assert order(rig, "ignore", "BTC:total:1") == "recorded"
    assert order(rig, "ignore", "BTC:total:99") == "unknown_discrepancy"
    assert acknowledge(rig, "a:adjustment:0") == "unknown_adjustment"
    rig.host.advance(30)
    assert states(rig)["BTC:total:1"] is State.IGNORED
    assert is_untouched(rig)


def test_every_record(rig: Rig) -> None:
    """Whatever a trading process may say, with a difference standing, is recorded as itself and as nothing else."""
    rig.exchanges["a"].glitch("USD", "-7")
    await_state(rig, "USD:total:1", State.CONFIRMED)
    name = {"exchange": "a"}
    messages = [
        rig.fill_report("T1"),
        RecordFee(**name, id="F1", currency="USD", amount="-1"),
        rig.transfer("W1", "-7"),
        RecordFunding(**name, id="P1", symbol="BTC/USD:USD", currency="USD", amount="-1"),
        RecordReward(**name, id="R1", currency="USD", amount="1"),
        OpenOrder(**name, order_id="O1", symbol="BTC/USD", side="buy", quantity="1", price="1"),
        CloseOrder(**name, order_id="O1"),
        SetBalances(**name, version=2, balances=(StatedBalance(currency="USD", total="5"),)),
        SetPositions(**name, version=2, positions=(StatedPosition(symbol="BTC/USD:USD", quantity="1"),)),
        LocalWatermark(**name, through=rig.host.clock.utc()),
    ]
    for message in messages:
        assert rig.record(message).status == "recorded"
        rig.host.advance(5)
    assert is_untouched(rig)
    assert len(rig.ledger.rows["a"]) == len(messages)  # the opening is one more, the watermark none


def test_nobody_outside_can_post(rig: Rig) -> None:
    """The form in which a posting is stored is no message."""
    line = '{"type": "posted", "movement": "adjustment", "exchange": "a", "wallet": "spot", "id": "x", "effects": []}'
    with pytest.raises(MessageError, match="unknown type"):
        parse_message(line)
    rig.host.tell(PORTFOLIO, line)
    rig.host.advance(1)
    assert is_untouched(rig)
