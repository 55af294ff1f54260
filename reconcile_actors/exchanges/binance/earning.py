"""What simple earn moves in the spot wallet.

A flexible product stands there as a currency of its own: a subscription turns BTC into LDBTC, and nothing leaves the account.
A locked one does not stand there: what it takes has gone elsewhere.
"""

from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.balances import Field, Leg
from reconcile_actors.domain.movements import merge
from reconcile_actors.exchanges.binance.codes import earning_code
from reconcile_actors.exchanges.binance.fields import Raw, amount_of, currency_of, distrusted, text_of
from reconcile_actors.exchanges.binance.shape import SPOT

_SOURCES: Final = frozenset({"SPOT", "FUNDING", "FUND", "SPOTANDFUNDING", "ALL"})
_ELSEWHERE: Final = frozenset({"FUNDING", "FUND"})


def subscribed(row: Raw, *, flexible: bool) -> dict[Leg, Decimal]:
    """Out of spot goes what came from there; into the earning currency goes all. Raises ExchangeFailureError."""
    amount = amount_of(row, "amount")
    spent = {_leg(currency_of(row, "asset")): money.negate(_spent(row, amount))}
    return merge(spent, {_leg(_earning(row)): amount}) if flexible else merge(spent)


def redeemed(row: Raw, *, flexible: bool) -> dict[Leg, Decimal]:
    """The way back: into spot, into a flexible product, or elsewhere. Raises ExchangeFailureError."""
    amount = amount_of(row, "amount")
    target = row.get("redeemTo") or row.get("destAccount") or "SPOT"
    out = {_leg(_earning(row)): money.negate(amount)} if flexible else {}
    if target == "SPOT":
        return merge(out, {_leg(currency_of(row, "asset")): amount})
    if target == "FLEXIBLE":
        return merge(out, {_leg(_earning(row)): amount})
    if target in _ELSEWHERE:
        return out
    raise distrusted("no_destAccount")


def _spent(row: Raw, amount: Decimal) -> Decimal:
    source = row.get("sourceAccount") or "SPOT"
    if source not in _SOURCES:
        raise distrusted("no_sourceAccount")
    if row.get("amtFromSpot") is not None:
        return amount_of(row, "amtFromSpot")
    if source == "SPOT":
        return amount
    if source in _ELSEWHERE:
        return money.ZERO
    raise distrusted("no_amtFromSpot")


def _earning(row: Raw) -> str:
    code = earning_code(text_of(row, "asset"))
    if code is None:
        raise distrusted("no_asset")
    return code


def _leg(currency: str) -> Leg:
    return Leg(SPOT, currency, Field.TOTAL)
