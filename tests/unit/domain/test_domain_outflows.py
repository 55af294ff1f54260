"""A withdrawal that nobody reported is what a theft looks like: large ones are held although history names them."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from reconcile_actors.domain.adjustment import Action
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.causes import Missing
from reconcile_actors.domain.discrepancy import BalanceDiscrepancy, Kind, Severity, State, discrepancy_id
from reconcile_actors.domain.movements import Movement, MovementType
from reconcile_actors.domain.recovery import Evidence, Policy, plans
from reconcile_actors.domain.valuation import Price

PRICES = {"BTC": Price(Decimal(60000), "static")}


def gone(currency: str, amount: str) -> BalanceDiscrepancy:
    """What is missing at the exchange."""
    leg = Leg("spot", currency, Field.TOTAL)
    return BalanceDiscrepancy(
        id=discrepancy_id("a", leg, 1),
        exchange="a",
        wallet="spot",
        currency=currency,
        field=Field.TOTAL,
        episode=1,
        kind=Kind.MISMATCH,
        severity=Severity.WARNING,
        local=Decimal(2),
        exchange_value=Decimal(2) + Decimal(amount),
        difference=Decimal(amount),
        value_usd=None,
        tolerance=Decimal(0),
        cause="missed_withdrawal",
        state=State.CONFIRMED,
        detected_at=0,
    )


def listed(id_: str, effects: Mapping[tuple[str, str], str]) -> Missing:
    """A transfer that history names; effects by wallet and currency."""
    moved = {Leg(wallet, code, Field.TOTAL): Decimal(text) for (wallet, code), text in effects.items()}
    return Missing(Movement("a", "spot", MovementType.TRANSFER, id_, moved, instrument="BTC"), moved)


@pytest.mark.parametrize(
    ("amounts", "action", "reason"),
    [
        (("-0.001",), Action.BACKFILL, "explained"),
        (("-0.5",), Action.HOLD, "large_outflow"),
        (("-0.01", "-0.009"), Action.HOLD, "large_outflow"),
        (("-0.01", "-0.006"), Action.BACKFILL, "explained"),
        (("0.5",), Action.BACKFILL, "explained"),
    ],
    ids=["small", "large", "large_in_parts", "small_in_parts", "a_deposit"],
)
def test_large_outflows_are_held(amounts: tuple[str, ...], action: Action, reason: str) -> None:
    """All that left counts together, and what came in is no theft."""
    named = [listed(f"W{place}", {("spot", "BTC"): amount}) for place, amount in enumerate(amounts)]
    total = str(sum((Decimal(one) for one in amounts), Decimal(0)))
    (plan,) = plans(Evidence([gone("BTC", total)], named, prices=PRICES), Policy())
    assert (plan.action, plan.reason) == (action, reason)
    assert plan.backfill == tuple(named)


def test_what_has_no_price_is_never_small() -> None:
    """An outflow of an unpriced coin is held, whatever its amount."""
    (plan,) = plans(Evidence([gone("XYZ", "-1")], [listed("W1", {("spot", "XYZ"): "-1"})]), Policy())
    assert (plan.action, plan.reason) == (Action.HOLD, "unpriced")


def test_between_wallets_nothing_left() -> None:
    """A transfer from one wallet of the account to another is no outflow."""
    effects = {("spot", "BTC"): "-1", ("earn", "BTC"): "1"}
    other = gone("BTC", "1")
    in_earn = BalanceDiscrepancy(
        **{name: getattr(other, name) for name in BalanceDiscrepancy.__slots__ if name not in {"id", "wallet"}},
        id="a:earn:BTC:total:1",
        wallet="earn",
    )
    (plan,) = plans(Evidence([gone("BTC", "-1"), in_earn], [listed("W1", effects)], prices=PRICES), Policy())
    assert plan.action is Action.BACKFILL
