"""Two checks of a well-formed answer against what is known beside it: does it add up, and is it of the present?

Equity is USDC plus all positions at the oracle's prices. It moves with these, so it is compared with nothing; but an answer
whose legs do not come near its own equity lacks a row or holds a wrong one. Each position says by itself what it is worth; where
that does not add up, the oracle's prices of the moment decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from reconcile_actors.domain import money
from reconcile_actors.domain.snapshot import UnknownReason
from reconcile_actors.exchanges.dydx.fields import amount_of, distrusted, text_of
from reconcile_actors.exchanges.dydx.shape import Rejected, Subaccount

# Between the oracle's price in the answer and ours lie seconds: a share of all that is held, and a cent for what is rounded.
PRICE_SHARE: Final = Decimal("0.02")
SLACK: Final = Decimal("0.01")
BLOCK_SECONDS: Final = 1.0
STANDING_SECONDS: Final = 30.0


def read_oracle_prices(content: object) -> dict[str, Decimal]:
    """Oracle prices by ticker, of the markets that have one. Raises ExchangeFailureError."""
    markets = content.get("markets") if isinstance(content, dict) else None
    if not isinstance(markets, dict) or not all(isinstance(one, dict) for one in markets.values()):
        raise distrusted("no_markets")
    prices = {}
    for ticker, market in markets.items():
        if text_of(market, "ticker") != ticker:
            raise distrusted("no_ticker")
        if market.get("oraclePrice") is not None:  # a market that only begins has none yet
            prices[ticker] = amount_of(market, "oraclePrice")
    if any(price <= 0 for price in prices.values()):
        raise distrusted("bad_oraclePrice")
    return prices


def adds_up_by_itself(account: Subaccount) -> bool:
    """Whether the legs of an answer are its equity, to a cent, by the prices that it was made with."""
    if not account.positions and account.usdc is None and account.free_collateral:
        return False  # nothing is listed, yet something is free
    return account.marked is not None and _is_near(account, account.marked, SLACK)


def adds_up(account: Subaccount, prices: Mapping[str, Decimal]) -> bool:
    """Whether the legs of an answer come near its equity; False where a position's market has no price."""
    worth, gross = money.ZERO, money.ZERO
    for ticker, size in account.positions.items():
        if ticker not in prices:
            return False
        value = money.multiply(size, prices[ticker])
        worth, gross = money.add(worth, value), money.add(gross, money.EXACT.abs(value))
    return _is_near(account, worth, money.add(SLACK, money.multiply(gross, PRICE_SHARE)))


def _is_near(account: Subaccount, positions: Decimal, band: Decimal) -> bool:
    worth = money.add(account.usdc or money.ZERO, positions)
    return money.EXACT.abs(money.subtract(account.equity, worth)) <= band


@dataclass(slots=True)
class Heights:
    """Blocks come each second. `lag_seconds` is R: how old an answer may be."""

    lag_seconds: float
    _newest: int = 0
    _since_us: int = 0

    def judge(self, height: int | None, requested_us: int) -> Rejected | None:
        """Why an answer of that block is not of the present, if it is not. An indexer that says no block is not judged."""
        if height is None:
            return None
        if height > self._newest:
            self._newest, self._since_us = height, requested_us
            return None
        if height < self._newest - int(self.lag_seconds / BLOCK_SECONDS) - 1:
            return Rejected(UnknownReason.STALE, "height_went_back")
        if requested_us - self._since_us > (self.lag_seconds + STANDING_SECONDS) * 1e6:
            return Rejected(UnknownReason.STALE, "height_stands")
        return None
