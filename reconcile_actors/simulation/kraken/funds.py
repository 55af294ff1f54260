"""Endpoints for money over the border: DepositStatus, WithdrawStatus, Withdraw, WalletTransfer."""

from decimal import Decimal

from reconcile_actors.simulation.instruments import UnknownInstrumentError, find_asset
from reconcile_actors.simulation.json_text import Json
from reconcile_actors.simulation.kraken.auth import Permission
from reconcile_actors.simulation.kraken.endpoints import Call, PrivateEndpoint
from reconcile_actors.simulation.kraken.errors import KrakenError
from reconcile_actors.simulation.kraken.wire import funding_row
from reconcile_actors.simulation.ledger import InsufficientFundsError, InvalidAmountError
from reconcile_actors.simulation.money import ZERO, minus
from reconcile_actors.simulation.records import Funding, FundingKind

WITHDRAWAL_FEES = {"XXBT": Decimal("0.0002"), "XETH": Decimal("0.0025"), "ZUSD": Decimal(4), "USDT": Decimal("2.5")}
_LISTED = 500


def deposit_status(call: Call) -> Json:
    """Deposits, newest first: a list, or with `cursor` an object with `deposits`; parameters asset, start, end, limit."""
    return _listing(call, FundingKind.DEPOSIT, "deposits")


def withdraw_status(call: Call) -> Json:
    """Withdrawals, newest first: a list, or with `cursor` an object with `withdrawals`; parameters asset, start, end, limit."""
    return _listing(call, FundingKind.WITHDRAWAL, "withdrawals")


def withdraw(call: Call) -> Json:
    """Takes `amount`, fee included, from the account: `{"refid"}`. The withdrawal is pending until it is settled."""
    key = call.text("key")
    if key is None:
        raise KrakenError("EFunding:Unknown withdraw key")
    asset, gross = _asset(call), call.amount("amount", "EFunding:Invalid amount")
    fee = WITHDRAWAL_FEES.get(asset, ZERO)
    try:
        refid = call.user.account.withdraw(asset, minus(gross, fee), fee=fee, pending=True, key=key)
    except (InsufficientFundsError, InvalidAmountError):
        raise KrakenError("EFunding:Invalid amount") from None
    return {"refid": refid}


def wallet_transfer(call: Call) -> Json:
    """Moves `amount` from the spot wallet to the futures wallet, which stands outside this account: `{"refid"}`."""
    if (call.text("from"), call.text("to")) != ("Spot Wallet", "Futures Wallet"):
        raise KrakenError("EGeneral:Invalid arguments")
    asset, amount = _asset(call), call.amount("amount", "EFunding:Invalid amount")
    try:
        refid = call.user.account.send_to_futures(asset, amount)
    except (InsufficientFundsError, InvalidAmountError):
        raise KrakenError("EFunding:Invalid amount") from None
    return {"refid": refid}


def _listing(call: Call, kind: FundingKind, name: str) -> Json:
    account = call.user.account
    asset = _asset(call) if call.text("asset") else None
    since, until = call.seconds("start"), call.seconds("end")
    with account.lock:
        listed = [
            funding
            for funding in reversed(account.fundings.values())
            if funding.kind is kind
            and asset in {None, funding.asset}
            and (since is None or funding.at >= since)
            and (until is None or funding.at <= until)
            and (call.history_until is None or funding.at <= call.history_until)
        ]
    if "cursor" not in call.parameters:
        return [funding_row(funding) for funding in listed[:_LISTED]]
    return _cursor_page(call, listed, name)


def _cursor_page(call: Call, listed: list[Funding], name: str) -> Json:
    """`cursor=true` opens a listing; the cursor that an answer gives is the offset of the next page."""
    cursor = call.parameters["cursor"]
    first = int(cursor) if cursor.isascii() and cursor.isdigit() else 0
    limit = call.number("limit", _LISTED) or _LISTED
    page: dict[str, Json] = {name: [funding_row(funding) for funding in listed[first : first + limit]]}
    if first + limit < len(listed):
        page["next_cursor"] = str(first + limit)
    return page


def _asset(call: Call) -> str:
    try:
        return find_asset(call.text("asset") or "").code
    except UnknownInstrumentError:
        raise KrakenError("EFunding:Unknown asset") from None


FUNDS = {
    "DepositStatus": PrivateEndpoint((Permission.QUERY_FUNDS,), 1, deposit_status),
    "WithdrawStatus": PrivateEndpoint((Permission.QUERY_FUNDS, Permission.WITHDRAW_FUNDS), 1, withdraw_status),
    "Withdraw": PrivateEndpoint((Permission.WITHDRAW_FUNDS,), 1, withdraw),
    "WalletTransfer": PrivateEndpoint((Permission.WITHDRAW_FUNDS,), 1, wallet_transfer),
}
