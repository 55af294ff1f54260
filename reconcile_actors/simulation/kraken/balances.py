"""Endpoints that tell the present: Balance, BalanceEx, and what the key itself may do."""

from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.kraken.auth import Permission
from reconcile_actors.simulation.kraken.endpoints import Call, PrivateEndpoint
from reconcile_actors.simulation.kraken.wire import amount_text


def balance(call: Call) -> Json:
    """`{asset: balance}`, zero rows of assets once held included."""
    holdings = call.user.account.holdings(call.balances_as_of)
    return {asset: amount_text(asset, holding.balance) for asset, holding in holdings.items()}


def balance_extended(call: Call) -> Json:
    """`{asset: {"balance", "hold_trade"}}`: the total, and what open orders lock of it."""
    holdings = call.user.account.holdings(call.balances_as_of)
    return {
        asset: {"balance": amount_text(asset, holding.balance), "hold_trade": amount_text(asset, holding.hold)}
        for asset, holding in holdings.items()
    }


def api_key_info(call: Call) -> Json:
    """What the calling key may do; needs no permission."""
    permissions: list[Json] = [permission.value for permission in sorted(call.user.permissions)]
    made = str(int(call.user.made_at))
    return {
        "apiKeyName": call.user.name,
        "apiKey": call.user.keys.api_key,
        "nonce": str(call.user.last_nonce),
        "nonceWindow": "0",
        "permissions": permissions,
        "iban": "",
        "validUntil": "0",
        "queryFrom": "0",
        "queryTo": "0",
        "createdTime": made,
        "modifiedTime": made,
        "ipAllowlist": [],
        "lastUsed": str(int(call.now)),
    }


BALANCES = {
    "Balance": PrivateEndpoint((Permission.QUERY_FUNDS,), 1, balance),
    "BalanceEx": PrivateEndpoint((Permission.QUERY_FUNDS,), 1, balance_extended),
    "GetApiKeyInfo": PrivateEndpoint((), 1, api_key_info),
}
