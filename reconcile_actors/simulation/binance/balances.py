"""Endpoints that tell the present: account, and what the key itself may do."""

from reconcile_actors.simulation.binance.auth import BinancePermission
from reconcile_actors.simulation.binance.endpoints import Call, Endpoint
from reconcile_actors.simulation.binance.limits import Weight
from reconcile_actors.simulation.binance.wire import balance_row, milliseconds
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.ledger import Holding
from reconcile_actors.simulation.money import ZERO, text

_NOTHING = Holding(ZERO, ZERO)


def account(call: Call) -> Json:
    """Every listed asset, or with `omitZeroBalances=true` those that are not zero."""
    books = call.user.account
    with books.lock:
        holdings = books.holdings(call.balances_as_of)
        changed_at = max((row.at for row in books.ledger.rows()), default=call.user.made_at)
    rows = {asset: holdings.get(asset, _NOTHING) for asset in books.catalogue.assets}
    if call.parameters.get("omitZeroBalances", "false").lower() == "true":
        rows = {asset: holding for asset, holding in rows.items() if holding.balance}
    rate = text(books.taker_rate, 8)
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": rate, "taker": rate, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": milliseconds(changed_at),
        "accountType": "SPOT",
        "balances": [balance_row(asset, holding) for asset, holding in rows.items()],
        "permissions": ["SPOT"],
        "uid": books.uid,
    }


def api_restrictions(call: Call) -> Json:
    """What the calling key may do."""
    owned = call.user.permissions
    return {
        "ipRestrict": False,
        "createTime": milliseconds(call.user.made_at),
        **{one.value: one in owned for one in BinancePermission},
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
    }


BALANCES = {
    "account": Endpoint(Weight(api=20), account),
    "account/apiRestrictions": Endpoint(Weight(sapi_ip=1), api_restrictions),
}
