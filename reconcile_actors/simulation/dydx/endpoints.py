"""The indexer's endpoints: each a function from one call to its answer. None asks for a key: accounts are public."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from reconcile_actors.simulation.dydx.chain import Chain
from reconcile_actors.simulation.dydx.errors import IndexerError
from reconcile_actors.simulation.dydx.markets import MARKETS
from reconcile_actors.simulation.dydx.records import FundingPayment, PerpFill, PerpTransfer
from reconcile_actors.simulation.dydx.subaccount import Subaccount
from reconcile_actors.simulation.dydx.wire import fill_row, iso, market_row, payment_row, subaccount_row, transfer_row
from reconcile_actors.simulation.json_text import Json, bare

LARGEST_PAGE = 1000
"""How many rows an answer holds where no limit is asked for, and at most."""
T = TypeVar("T", PerpFill, PerpTransfer, FundingPayment)


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `state_as_of` and `history_until` (Unix seconds) are in the past when the answer is to be old."""

    chain: Chain
    accounts: Mapping[tuple[str, int], Subaccount]
    parameters: Mapping[str, str] = field(repr=False)
    now: float = 0.0
    state_as_of: float | None = None
    history_until: float | None = None

    def number(self, name: str, default: int, *, largest: int | None = None) -> int:
        """A whole number of at least 0."""
        value = self.parameters.get(name, str(default))
        if not (value.isascii() and value.isdigit()) or (largest is not None and not 0 < int(value) <= largest):
            raise IndexerError(400, f"{name} must be a positive integer", param=name, location="query")
        return int(value)

    def instant(self, name: str) -> float | None:
        """A time in ISO 8601."""
        value = self.parameters.get(name)
        if value is None:
            return None
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            raise IndexerError(400, f"{name} must be a valid ISO 8601 string", param=name, location="query") from None

    @property
    def account(self) -> Subaccount | None:
        """The subaccount that the parameters name, where the indexer has heard of it."""
        if "address" not in self.parameters:
            raise IndexerError(400, "address must be a valid dydx address", param="address", location="query")
        account = self.accounts.get((self.parameters["address"], self.number("subaccountNumber", 0)))
        return account if account is not None and account.is_known else None


def server_time(call: Call) -> Json:
    """The server's own clock."""
    return {"iso": iso(call.now), "epoch": bare(f"{call.now:.3f}")}


def height(call: Call) -> Json:
    """The newest block that the indexer has taken in."""
    seen = call.now if call.state_as_of is None else call.state_as_of
    return {"height": str(call.chain.height(seen)), "time": iso(seen)}


def subaccount(call: Call) -> Json:
    """One subaccount, or 404."""
    account = call.account
    if account is None:
        raise _unknown(call)
    return {"subaccount": subaccount_row(account, call.now, call.state_as_of)}


def perpetual_markets(call: Call) -> Json:
    """Every market by ticker, or the one asked for."""
    wanted = call.parameters.get("ticker", call.parameters.get("market"))
    if wanted is not None and wanted not in MARKETS:
        raise IndexerError(400, "ticker must be a valid ticker (BTC-USD, etc)", param="ticker", location="query")
    with call.chain.lock:
        return {
            "markets": {
                ticker: market_row(one, call.chain) for ticker, one in MARKETS.items() if wanted in {None, ticker}
            }
        }


def fills(call: Call) -> Json:
    """Fills, newest first, but from the oldest on where a page is asked for; parameters limit, createdBeforeOrAt, page."""
    account = call.account
    page, numbers = _page(call, [] if account is None else account.fills, oldest_first="page" in call.parameters)
    return {"fills": [fill_row(one, call.number("subaccountNumber", 0)) for one in page], **numbers}


def transfers(call: Call) -> Json:
    """Transfers, newest first, or 404 for a subaccount that was never seen; parameters limit, createdBeforeOrAt, page."""
    account = call.account
    if account is None:
        raise _unknown(call)
    page, numbers = _page(call, account.transfers)
    return {"transfers": [transfer_row(one, account) for one in page], **numbers}


def funding_payments(call: Call) -> Json:
    """Funding payments that are not zero, newest first; parameters limit, createdOnOrAfter, ticker, page.

    The documentation calls the second one `afterOrAt`, which the server does not know.
    """
    account = call.account
    if account is None:
        return {"fundingPayments": []}
    ticker, after = call.parameters.get("ticker"), call.instant("createdOnOrAfter")
    wanted = [
        one
        for one in account.payments
        if one.payment and ticker in {None, one.market.ticker} and (after is None or one.stamp.at >= after)
    ]
    page, numbers = _page(call, wanted)
    return {"fundingPayments": [payment_row(one, account) for one in page], **numbers}


def _unknown(call: Call) -> IndexerError:
    address, number = call.parameters["address"], call.number("subaccountNumber", 0)
    return IndexerError(404, f"No subaccount found with address {address} and subaccountNumber {number}")


def _page(call: Call, all_of: Sequence[T], *, oldest_first: bool = False) -> tuple[list[T], dict[str, Json]]:
    """The rows that are asked for, and what is told of paging, where a page was asked for."""
    with call.chain.lock:
        rows = list(all_of) if oldest_first else list(reversed(all_of))
    before, until = call.instant("createdBeforeOrAt"), call.history_until
    rows = [
        one for one in rows if (before is None or one.stamp.at <= before) and (until is None or one.stamp.at <= until)
    ]
    limit = call.number("limit", LARGEST_PAGE, largest=LARGEST_PAGE)
    first = limit * (max(1, call.number("page", 1)) - 1)
    told: dict[str, Json] = {"pageSize": limit, "totalResults": len(rows), "offset": first}
    return rows[first : first + limit], told if "page" in call.parameters else {}


ENDPOINTS: dict[str, Callable[[Call], Json]] = {
    "time": server_time,
    "height": height,
    "subaccount": subaccount,
    "perpetualMarkets": perpetual_markets,
    "fills": fills,
    "transfers": transfers,
    "fundingPayments": funding_payments,
}
