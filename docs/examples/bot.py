"""What the example bots have in common: what the bot believes that it owns, and what it does with each event."""

from decimal import Decimal
from threading import Event as Flag

from venue import START, Venue

from reconcile_actors.domain.adjustment import Adjustment
from reconcile_actors.domain.balances import Field
from reconcile_actors.messages import (
    AcknowledgeAdjustment,
    AcknowledgeHalt,
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    Event,
    Message,
    PortfolioAdjusted,
    RecordFill,
    TradingHaltReleased,
    TradingHaltRequested,
)

LISTENS_TO = (
    DiscrepancyConfirmed,
    DiscrepancyResolved,
    PortfolioAdjusted,
    TradingHaltRequested,
    TradingHaltReleased,
)


SIZE = Decimal("0.01")


class Bot:
    """Buys and sells a little bitcoin. It waits for nothing, so it serves a loop as well as threads."""

    def __init__(self, venue: Venue, *, loses: int | None = None) -> None:
        """`loses` is the number of an order whose fill never reaches the bot."""
        self.venue = venue
        self._loses = loses
        self.holdings = dict(START)
        self.halted = Flag()  # no order as long as it is set
        self.mended = Flag()  # everything that was found is gone again
        self._orders = 0
        self._booked: set[str] = set()
        self._taken_over: set[str] = set()
        self._open: set[str] = set()

    def trade(self) -> RecordFill | None:
        """One order; what is due to be reported of it, None where the bot does not learn that it was filled."""
        self._orders += 1
        trade_id = self.venue.order("buy" if self._orders % 2 else "sell", SIZE)
        return None if self._orders == self._loses else self.book(trade_id)

    def book(self, trade_id: str) -> RecordFill:
        """Takes a trade into its own holdings, once."""
        fill = self.venue.trade(trade_id)
        if fill.id not in self._booked:
            self._booked.add(fill.id)
            sign = 1 if fill.side == "buy" else -1
            assert fill.cost is not None
            assert fill.fee is not None
            assert fill.fee_currency is not None
            self.holdings["BTC"] += sign * fill.quantity
            self.holdings["USDT"] -= sign * fill.cost
            self.holdings[fill.fee_currency] -= fill.fee
        return fill

    def on_event(self, event: Event) -> Message | None:
        """What is to be said in answer."""
        match event:
            case DiscrepancyConfirmed(discrepancy=found) if found.id not in self._open:
                print(f"found: {found.currency} ({found.cause})")
                self._open.add(found.id)
            case PortfolioAdjusted(adjustment=posted):
                if posted.id not in self._taken_over:  # it is said again until it is acknowledged
                    self._taken_over.add(posted.id)
                    self.take_over(posted)
                return AcknowledgeAdjustment(exchange=posted.exchange, id=posted.id)
            case DiscrepancyResolved(discrepancy=gone) if gone.id in self._open:
                print(f"gone: {gone.currency}")
                self._open.remove(gone.id)
                if not self._open:
                    self.mended.set()
            case TradingHaltRequested(halt=halt):
                print(f"halted: {halt.reason}")
                self.halted.set()
                return AcknowledgeHalt(exchange=halt.exchange, id=halt.id)
            case TradingHaltReleased():
                self.halted.clear()
        return None

    def take_over(self, posted: Adjustment) -> None:
        """What was posted to the service's book is posted to the bot's own, but for what has reached it meanwhile."""
        lines = [one for one in posted.lines if one.field is Field.TOTAL and one.id not in self._booked]
        for line in lines:
            self.holdings[line.currency] += line.amount
            print(f"repaired: {line.currency} by {line.type}")
        self._booked |= {line.id for line in lines if line.id is not None}
