"""What is traded: perpetual markets with their steps, fees and margins, as the indexer publishes them."""

from dataclasses import dataclass
from decimal import Decimal

TAKER_RATE = Decimal("0.0005")
MAKER_RATE = Decimal("-0.00011")
INITIAL_MARGIN = Decimal("0.05")
USDC_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class PerpetualMarket:
    """One market. `tick` x `step` fits the six decimals of USDC exactly, so that a fill's cost is never rounded."""

    ticker: str
    clob_pair_id: int
    opening_price: Decimal
    tick: Decimal
    step: Decimal
    atomic_resolution: int

    @property
    def symbol(self) -> str:
        """The common name of the contract: `BTC/USDC:USDC`."""
        return f"{self.ticker.partition('-')[0]}/USDC:USDC"


MARKETS = {
    market.ticker: market
    for market in (
        PerpetualMarket("BTC-USD", 0, Decimal(60000), Decimal(1), Decimal("0.0001"), -10),
        PerpetualMarket("ETH-USD", 1, Decimal(3000), Decimal("0.1"), Decimal("0.001"), -9),
        PerpetualMarket("SOL-USD", 5, Decimal(150), Decimal("0.01"), Decimal("0.1"), -7),
    )
}


class UnknownMarketError(LookupError):
    """No market has that ticker."""


def find_market(ticker: str) -> PerpetualMarket:
    """The market with that ticker; raises `UnknownMarketError`."""
    if ticker not in MARKETS:
        raise UnknownMarketError(ticker)
    return MARKETS[ticker]
